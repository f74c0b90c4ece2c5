"""What Pods use, as the resource metrics API (metrics.k8s.io) tells: the horizontal autoscaler's usual source.

A metrics server is an API of its own behind the apiserver; where there is none, the apiserver does not know the
resource, and the words below are what client-go makes of that answer. What is read are lists of PodMetrics:
`metadata.name`, `timestamp`, `window` and `containers[].{name,usage}`.
Metrics of other kinds are asked for in `custom_metrics`.
Upstream: pkg/controller/podautoscaler/metrics/client.go, k8s.io/metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.api.cron import CronError, duration_seconds
from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.extension import POD_METRICS
from kubesim.api.quantity import milli
from kubesim.api.stored import Object
from kubesim.api.wire import Options
from kubesim.client.client import Client
from kubesim.sim import parse_timestamp

NO_EXTERNAL_METRICS = (
    "unable to fetch metrics from external metrics API: the server could not find the requested resource "
    "(get {}.external.metrics.k8s.io)"
)


class MetricsError(Exception):
    """There is no usable metric; the message is part of events and conditions."""


class PodMetric(NamedTuple):
    """What one Pod uses, in thousandths, over the `window_seconds` before `time` (since 1970)."""

    value: int
    time: float = 0.0
    window_seconds: float = 60.0


async def resource_metrics(
    client: Client, namespace: str, selector: str, resource: str, container: str = ""
) -> dict[str, PodMetric]:
    """The usage of `resource` by Pod name: of all containers, or of one."""
    try:
        found = await client.list(POD_METRICS, namespace, Options(label_selector=selector))
    except NotFoundError as error:
        words = f"unable to fetch metrics from resource metrics API: {error} (get {POD_METRICS.qualified})"
        raise MetricsError(words) from error
    except (ApiError, TransportError) as error:
        raise MetricsError(f"unable to fetch metrics from resource metrics API: {error}") from error
    if not found.items:
        raise MetricsError("no metrics returned from resource metrics API")
    metrics: dict[str, PodMetric] = {}
    for item in found.items:
        usages = usages_of(item.object, resource, container)
        if usages and None not in usages:
            metrics[item.name] = PodMetric(
                sum(usage for usage in usages if usage is not None),
                parse_timestamp(item.object["timestamp"]),
                seconds(item.object.get("window", "60s")),
            )
    return metrics


def usages_of(metrics: Object, resource: str, container: str) -> Sequence[int | None]:
    """The usage of each container that counts; None where it is not told."""
    containers = metrics.get("containers") or ()
    if container:
        containers = [each for each in containers if each["name"] == container]
        if not containers:
            where = f"{metrics['metadata'].get('namespace', '')}/{metrics['metadata']['name']}"
            raise MetricsError(
                f"failed to get container metrics: container {container} not present in metrics for pod {where}"
            )
    usages = [(each.get("usage") or {}).get(resource) for each in containers]
    return [None if usage is None else milli(usage) for usage in usages]


def seconds(window: str) -> float:
    """Go's "30s"; a minute if it cannot be read."""
    try:
        return float(duration_seconds(window))
    except CronError:
        return 60.0
