"""What the metrics of one autoscaler say: proposals, and how they are told in its status, conditions and events.

The metric that asks for most replicas wins. If one cannot be had, the others may still ask for more, never for less.
Upstream: computeReplicasForMetrics in pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kubesim.api.quantity import format_quantity, milli
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.controllers.pod_autoscaler_custom import CustomReader
from kubesim.controllers.pod_autoscaler_limits import Said
from kubesim.controllers.pod_autoscaler_math import Proposal, Tolerances, by_average, by_utilization
from kubesim.controllers.pod_metrics import MetricsError, resource_metrics

REASONS = {
    "Resource": "FailedGetResourceMetric",
    "ContainerResource": "FailedGetContainerResourceMetric",
    "Object": "FailedGetObjectMetric",
    "Pods": "FailedGetPodsMetric",
    "External": "FailedGetExternalMetric",
}
NO_TARGET = (
    "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set"
)


class Target(NamedTuple):
    """What is scaled: its Pods, their selector as text, how many are wished now, and how many there are."""

    namespace: str
    selector: str
    pods: Sequence[Stored]
    replicas: int
    status_replicas: int


class Verdict(NamedTuple):
    """What all metrics say together. `replicas` None: nothing can be said, and `error` says why."""

    replicas: int | None
    name: str
    statuses: list[Object]
    active: Said
    error: str = ""


class Failure(NamedTuple):
    """A metric that could not be had: for the condition, and for the error of the sync."""

    condition: Said
    error: str


class MetricsReader:
    """Reads the metrics of one autoscaler at one moment."""

    def __init__(self, client: Client, recorder: EventRecorder, autoscaler: Stored, target: Target, now: float) -> None:
        self._client = client
        self._recorder = recorder
        self._autoscaler = autoscaler
        self._target = target
        self._now = now
        self._tolerances = tolerances_of(autoscaler.object["spec"])

    async def read(self) -> Verdict:
        """Asks every metric."""
        metrics: Sequence[Object] = self._autoscaler.object["spec"].get("metrics") or ()
        statuses: list[Object] = []
        replicas, name = 0, ""
        failures: list[Failure] = []
        for metric in metrics:
            try:
                proposal, status, told = await self._read_one(metric)
            except MetricsError as failed:
                failures.append(self._failed(metric, str(failed)))
                statuses.append({"type": ""})
                continue
            statuses.append(status)
            if replicas == 0 or proposal.replicas > replicas:
                replicas, name = proposal.replicas, told
        error = ""
        if failures:
            first = failures[0]
            error = f"invalid metrics ({len(failures)} invalid out of {len(metrics)}), first error is: {first.error}"
            if len(failures) == len(metrics) or replicas < self._target.replicas:
                return Verdict(None, "", statuses, first.condition, error)
        words = f"the HPA was able to successfully calculate a replica count from {name}"
        return Verdict(replicas, name, statuses, Said("True", "ValidMetricFound", words), error)

    async def _read_one(self, metric: Object) -> tuple[Proposal, Object, str]:
        type_ = metric["type"]
        if type_ == "Resource":
            source = metric["resource"]
            return await self._resource(source, "resource", type_, {"name": source["name"]}, "")
        if type_ == "ContainerResource":
            source = metric["containerResource"]
            shown = {"name": source["name"], "container": source["container"]}
            return await self._resource(source, "containerResource", type_, shown, source["container"])
        target = self._target
        reader = CustomReader(
            self._client, target.namespace, target.selector, target.pods, target.replicas, target.status_replicas,
            self._tolerances, self._now,
        )  # fmt: skip
        if type_ == "Pods":
            return await reader.pods(metric["pods"])
        return await (reader.object(metric["object"]) if type_ == "Object" else reader.external(metric["external"]))

    async def _resource(
        self, source: Object, field: str, type_: str, shown: Object, container: str
    ) -> tuple[Proposal, Object, str]:
        resource, wanted = source["name"], source.get("target") or {}
        target = self._target
        average, utilization = wanted.get("averageValue"), wanted.get("averageUtilization")
        if average is None and utilization is None:
            raise MetricsError(NO_TARGET)
        try:
            try:
                metrics = await resource_metrics(self._client, target.namespace, target.selector, resource, container)
            except MetricsError as error:
                raise MetricsError(f"unable to get metrics for resource {resource}: {error}") from error
            tolerances, now = self._tolerances, self._now
            if utilization is None or average is not None:
                proposal = by_average(target.pods, metrics, milli(average), resource, target.replicas, tolerances, now)
            else:
                proposal = by_utilization(
                    target.pods, metrics, utilization, resource, container, target.replicas, tolerances, now
                )
        except MetricsError as error:
            raise MetricsError(
                f"failed to get {resource} {'usage' if average is not None else 'utilization'}: {error}"
            ) from error
        current: dict[str, Any] = {"averageValue": format_quantity(proposal.usage.average)}
        if proposal.usage.percent is not None:
            current = {"averageUtilization": proposal.usage.percent, **current}
        told = f"{resource} resource" + ("" if average is not None else " utilization (percentage of request)")
        if container:
            told = f"{resource} container resource" + told.removeprefix(f"{resource} resource")
        return proposal, {"type": type_, field: {**shown, "current": current}}, told

    def _failed(self, metric: Object, words: str) -> Failure:
        type_ = metric["type"]
        reason = REASONS[type_]
        plain = words
        if type_ == "External":
            plain = words.partition(": ")[2]
        self._recorder.event(self._autoscaler, "Warning", reason, plain)
        condition = Said("False", reason, f"the HPA was unable to compute the replica count: {plain}")
        return Failure(condition, f"failed to get {named(metric)} metric value: {words}")


def tolerances_of(spec: Object) -> Tolerances:
    """The usual ones, or those of the rules."""
    behavior: Object = spec.get("behavior") or {}
    found = {}
    for name, field in (("down", "scaleDown"), ("up", "scaleUp")):
        tolerance = (behavior.get(field) or {}).get("tolerance")
        if tolerance is not None:
            found[name] = milli(tolerance) / 1000
    return Tolerances(**found)


def named(metric: Object) -> str:
    """How the error of a sync names a metric."""
    type_ = metric["type"]
    if type_ == "Resource":
        return f"{metric['resource']['name']} resource"
    if type_ == "ContainerResource":
        return f"{metric['containerResource']['name']} container"
    if type_ == "External":
        return f"{metric['external']['metric']['name']} external"
    return "object" if type_ == "Object" else "pods"
