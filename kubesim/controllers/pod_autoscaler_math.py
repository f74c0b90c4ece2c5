"""How many replicas a metric asks for. Pure.

Usage divided by what is wanted, times the Pods that it was measured on, rounded up; a ratio near 1 changes nothing.
Pods without a metric count as using all (when there would be fewer) or nothing (when there would be more), and Pods
that are not ready as using nothing, so that doubt never makes a change bigger.
Upstream: pkg/controller/podautoscaler/replica_calculator.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kubesim.api.quantity import milli
from kubesim.api.stored import Stored
from kubesim.api.views import Pod
from kubesim.controllers.pod_metrics import MetricsError, PodMetric
from kubesim.controllers.pods import ready_condition
from kubesim.sim import parse_timestamp

CPU = "cpu"
CPU_INITIALIZATION_SECONDS = 300.0  # --horizontal-pod-autoscaler-cpu-initialization-period
INITIAL_READINESS_SECONDS = 30.0  # --horizontal-pod-autoscaler-initial-readiness-delay
TOLERANCE = 0.1  # --horizontal-pod-autoscaler-tolerance


class Tolerances(NamedTuple):
    """By how much the ratio may differ from 1, below and above."""

    down: float = TOLERANCE
    up: float = TOLERANCE

    def allow(self, ratio: float) -> bool:
        """Whether a ratio is near enough to 1 to change nothing."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Usage(NamedTuple):
    """A ratio, and how it is shown: in percent of the requests (if it is of these), and on average in thousandths."""

    ratio: float
    percent: int | None
    average: int


class Proposal(NamedTuple):
    """So many replicas, because of this usage."""

    replicas: int
    usage: Usage


class Groups(NamedTuple):
    """Pods by how much their metrics are worth."""

    ready: int
    unready: list[str]
    missing: list[str]
    ignored: list[str]


Measure = Callable[[Mapping[str, int]], Usage]


def by_utilization(
    pods: Sequence[Stored], metrics: Mapping[str, PodMetric], target_percent: int, resource: str, container: str,
    current: int, tolerances: Tolerances, now: float,
) -> Proposal:  # fmt: skip
    """From the usage in percent of what the Pods request."""
    requests = pod_requests(pods, resource, container)
    fallback = max(100, target_percent)

    def measure(values: Mapping[str, int]) -> Usage:
        known = [name for name in values if name in requests]
        requested = sum(requests[name] for name in known)
        if not known or not requested:
            raise MetricsError("no metrics returned matched known pods")
        used = sum(values[name] for name in known)
        percent = used * 100 // requested
        return Usage(percent / target_percent, percent, used // len(known))

    def when_missing(name: str) -> int:
        return requests[name] * fallback // 100

    return propose(pods, metrics, resource, measure, when_missing, current, tolerances, now)


def by_average(
    pods: Sequence[Stored], metrics: Mapping[str, PodMetric], target: int, resource: str, current: int,
    tolerances: Tolerances, now: float,
) -> Proposal:  # fmt: skip
    """From the average usage, in thousandths."""

    def measure(values: Mapping[str, int]) -> Usage:
        average = sum(values.values()) // len(values)
        return Usage(average / target, None, average)

    return propose(pods, metrics, resource, measure, lambda _: target, current, tolerances, now)


def propose(
    pods: Sequence[Stored], metrics: Mapping[str, PodMetric], resource: str, measure: Measure,
    when_missing: Callable[[str], int], current: int, tolerances: Tolerances, now: float,
) -> Proposal:  # fmt: skip
    """The number of replicas that brings the ratio to 1."""
    if not pods:
        raise MetricsError("no pods returned by selector while calculating replica count")
    groups = group_pods(pods, metrics, resource, now)
    left_out = {*groups.unready, *groups.ignored}
    values = {name: metric.value for name, metric in metrics.items() if name not in left_out}
    if not values:
        raise MetricsError("did not receive metrics for any ready pods")
    usage = measure(values)
    counts_unready = bool(groups.unready) and usage.ratio > 1.0
    if not counts_unready and not groups.missing:
        if tolerances.allow(usage.ratio):
            return Proposal(current, usage)
        return Proposal(math.ceil(usage.ratio * groups.ready), usage)
    if usage.ratio != 1.0:
        values |= {name: when_missing(name) if usage.ratio < 1.0 else 0 for name in groups.missing}
    if counts_unready:
        values |= dict.fromkeys(groups.unready, 0)
    ratio = measure(values).ratio
    turned = (usage.ratio < 1.0 < ratio) or (usage.ratio > 1.0 > ratio)
    if tolerances.allow(ratio) or turned:
        return Proposal(current, usage)
    replicas = math.ceil(ratio * len(values))
    if (ratio < 1.0 and replicas > current) or (ratio > 1.0 and replicas < current):
        return Proposal(current, usage)
    return Proposal(replicas, usage)


def group_pods(pods: Sequence[Stored], metrics: Mapping[str, PodMetric], resource: str, now: float) -> Groups:
    """Failed and leaving Pods do not count; new ones may be busy starting, and their cpu says nothing yet."""
    groups = Groups(0, [], [], [])
    ready = 0
    for stored in pods:
        pod = stored.view(Pod)
        if pod.metadata.deletion_timestamp or pod.status.phase == "Failed":
            groups.ignored.append(stored.name)
        elif pod.status.phase == "Pending":
            groups.unready.append(stored.name)
        elif stored.name not in metrics:
            groups.missing.append(stored.name)
        elif resource == CPU and is_starting(pod, metrics[stored.name], now):
            groups.unready.append(stored.name)
        else:
            ready += 1
    return groups._replace(ready=ready)


def is_starting(pod: Pod, metric: PodMetric, now: float) -> bool:
    """Whether its cpu is that of its start, and not of its work."""
    condition = ready_condition(pod)
    if condition is None or not pod.status.start_time:
        return True
    started, changed = parse_timestamp(pod.status.start_time), parse_timestamp(condition.last_transition_time)
    if started + CPU_INITIALIZATION_SECONDS > now:
        return condition.status == "False" or metric.time < changed + metric.window_seconds
    return condition.status == "False" and started + INITIAL_READINESS_SECONDS > changed


def pod_requests(pods: Sequence[Stored], resource: str, container: str) -> dict[str, int]:
    """What each Pod requests, in thousandths; every container has to say."""
    requests: dict[str, int] = {}
    for stored in pods:
        spec = stored.object["spec"]
        sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
        total = 0
        for each in (*spec["containers"], *sidecars):
            if container and each["name"] != container:
                continue
            request = ((each.get("resources") or {}).get("requests") or {}).get(resource)
            if request is None:
                where = f"container {each['name']} of Pod {stored.name}"
                raise MetricsError(f"missing request for {resource} in {where}")
            total += milli(request)
        requests[stored.name] = total
    return requests
