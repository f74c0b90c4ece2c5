"""Servers that extend the API: what an apiserver passes on to them, and what they answer.

An APIService says that requests for a group and version go to a Service; behind it stands a server of its own
(metrics-server is the usual one). On a real cluster that is HTTPS to one of the Service's Pods. Here it is the endpoint
`service/NAMESPACE/NAME` of the simulated network: it is sent a `Request` and answers with a `Response`, or it is sent
`DISCOVER` and answers with the kinds that it serves. What it refuses is an ApiError.
Upstream: k8s.io/kube-aggregator, k8s.io/metrics.
"""

from __future__ import annotations

from kubesim.api.resources import Resource

METRICS_GROUP, METRICS_VERSION = "metrics.k8s.io", "v1beta1"
READ = ("get", "list")
NODE_METRICS = Resource(METRICS_GROUP, METRICS_VERSION, "NodeMetrics", "nodes", False, verbs=READ, has_generation=False)
POD_METRICS = Resource(METRICS_GROUP, METRICS_VERSION, "PodMetrics", "pods", verbs=READ, has_generation=False)

CUSTOM_METRICS_GROUP, CUSTOM_METRICS_VERSION = "custom.metrics.k8s.io", "v1beta2"
EXTERNAL_METRICS_GROUP, EXTERNAL_METRICS_VERSION = "external.metrics.k8s.io", "v1beta1"

DISCOVER = "discover"


def endpoint_of(namespace: str, service: str) -> str:
    """Where the server behind a Service is reached."""
    return f"service/{namespace}/{service}"


def custom_metric_of(resource: Resource) -> Resource:
    """The row of the metrics of a kind; the metric itself is a subresource of it."""
    plural = resource.plural if not resource.group else f"{resource.plural}.{resource.group}"
    return Resource(
        CUSTOM_METRICS_GROUP, CUSTOM_METRICS_VERSION, "MetricValueList", plural, resource.namespaced, verbs=READ,
        has_generation=False,
    )  # fmt: skip


def external_metric(name: str) -> Resource:
    """The row of an external metric."""
    return Resource(
        EXTERNAL_METRICS_GROUP, EXTERNAL_METRICS_VERSION, "ExternalMetricValueList", name, verbs=READ,
        has_generation=False,
    )  # fmt: skip
