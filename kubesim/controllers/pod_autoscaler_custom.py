"""How many replicas the metrics of Pods, of other objects and from outside ask for.

A value is compared with its target as a whole; an average value with its target for each Pod. What is compared with the
Pods that are ready cannot see those that are not.
Upstream: GetMetricReplicas, GetObject…, GetExternal… in pkg/controller/podautoscaler/replica_calculator.go, and
computeStatusFor… in horizontal.go.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from kubesim.api.quantity import format_quantity, milli
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod
from kubesim.client.client import Client
from kubesim.controllers.custom_metrics import external_values, object_metric, pods_metric
from kubesim.controllers.pod_autoscaler_math import Proposal, Tolerances, Usage, by_average
from kubesim.controllers.pod_metrics import MetricsError
from kubesim.controllers.pods import is_ready

Answer = tuple[Proposal, Object, str]
NO_TARGET = "invalid {} metric source: neither a value target nor an average value target was set"


class CustomReader:
    """Asks for one target of an autoscaler: its namespace, selector and Pods, what is wished and what is there."""

    def __init__(
        self, client: Client, namespace: str, selector: str, pods: Sequence[Stored], replicas: int,
        status_replicas: int, tolerances: Tolerances, now: float,
    ) -> None:  # fmt: skip
        self._client = client
        self._namespace = namespace
        self._selector = selector
        self._pods = pods
        self._replicas = replicas
        self._status_replicas = status_replicas
        self._tolerances = tolerances
        self._now = now

    async def pods(self, source: Object) -> Answer:
        """The average of a metric that the Pods have."""
        name, target = source["metric"]["name"], milli(source["target"]["averageValue"])
        try:
            metrics = await pods_metric(self._client, self._namespace, self._selector, name)
        except MetricsError as error:
            raise MetricsError(f"unable to get metric {name}: {error}") from error
        proposal = by_average(self._pods, metrics, target, "", self._replicas, self._tolerances, self._now)
        current = {"averageValue": format_quantity(proposal.usage.average)}
        return (
            proposal,
            {"type": "Pods", "pods": {"metric": source["metric"], "current": current}},
            f"pods metric {name}",
        )

    async def object(self, source: Object) -> Answer:
        """A metric of one object, such as an Ingress."""
        about, metric = source["describedObject"], source["metric"]
        name, target = metric["name"], source.get("target") or {}
        shown = {"describedObject": about, "metric": metric}
        if target.get("value") is not None:
            usage = await self._of_object(about, name)
            proposal = self._as_a_whole(usage, milli(target["value"]))
            status = {**shown, "current": {"value": format_quantity(usage)}}
            return proposal, {"type": "Object", "object": status}, f"{about['kind']} metric {name}"
        if target.get("averageValue") is None:
            raise MetricsError(NO_TARGET.format("object"))
        try:
            usage = await self._of_object(about, name)
        except MetricsError as error:
            raise MetricsError(f"failed to get {name} object metric: {error}") from error
        proposal = self._for_each_pod(usage, milli(target["averageValue"]))
        status = {**shown, "current": {"averageValue": format_quantity(proposal.usage.average)}}
        told = f"external metric {name}({go_selector(metric.get('selector'))})"
        return proposal, {"type": "Object", "object": status}, told

    async def external(self, source: Object) -> Answer:
        """A metric that has nothing to do with any object: the length of a queue somewhere."""
        metric, target = source["metric"], source.get("target") or {}
        name, selector = metric["name"], metric.get("selector")
        told = f"external metric {name}({go_selector(selector)})"
        if target.get("averageValue") is None and target.get("value") is None:
            raise MetricsError(NO_TARGET.format("external"))
        per_pod = target.get("averageValue") is not None
        try:
            values = await external_values(self._client, self._namespace, name, text_of(selector))
        except MetricsError as error:
            words = f"unable to get external metric {self._namespace}/{name}/{go_selector(selector)}: {error}"
            what = f"{name} external metric" if per_pod else f"external metric {name}"
            raise MetricsError(f"failed to get {what}: {words}") from error
        usage = sum(values)
        if per_pod:
            proposal = self._for_each_pod(usage, milli(target["averageValue"]))
            current = {"averageValue": format_quantity(proposal.usage.average)}
        else:
            proposal = self._as_a_whole(usage, milli(target["value"]))
            current = {"value": format_quantity(usage)}
        return proposal, {"type": "External", "external": {"metric": metric, "current": current}}, told

    async def _of_object(self, about: Object, name: str) -> int:
        try:
            return await object_metric(self._client, self._namespace, about, name)
        except MetricsError as error:
            where = f"{about['kind']} on {self._namespace} {about['name']}"
            raise MetricsError(f"unable to get metric {name}: {where}/{error}") from error

    def _as_a_whole(self, usage: int, target: int) -> Proposal:
        ratio = usage / target
        told = Usage(ratio, None, usage)
        if self._replicas == 0:
            return Proposal(math.ceil(ratio), told)
        if self._tolerances.allow(ratio):
            return Proposal(self._replicas, told)
        if not self._pods:
            raise MetricsError(
                "unable to calculate ready pods: no pods returned by selector while calculating replica count"
            )
        views = [pod.view(Pod) for pod in self._pods]
        ready = sum(view.status.phase == "Running" and is_ready(view) for view in views)
        return Proposal(math.ceil(ratio * ready), told)

    def _for_each_pod(self, usage: int, target: int) -> Proposal:
        replicas = self._status_replicas
        ratio = usage / (target * replicas) if replicas else math.inf
        if not self._tolerances.allow(ratio):
            replicas = math.ceil(usage / target)
        average = math.ceil(usage / self._status_replicas) if self._status_replicas else usage
        return Proposal(replicas, Usage(ratio, None, average))


def text_of(selector: Object | None) -> str:
    """A label selector as a request carries it."""
    return str(label_selector(selector)) if selector else ""


def go_selector(selector: Object | None) -> str:
    """A label selector as Go's %+v shows it."""
    if selector is None:
        return "nil"
    matched: Mapping[str, str] = selector.get("matchLabels") or {}
    labels = " ".join(f"{name}: {value}," for name, value in sorted(matched.items()))
    expressions = "".join(go_requirement(each) for each in selector.get("matchExpressions") or ())
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def go_requirement(expression: Object) -> str:
    """One expression of it."""
    values = " ".join(expression.get("values") or ())
    return f"LabelSelectorRequirement{{Key:{expression['key']},Operator:{expression['operator']},Values:[{values}],}},"
