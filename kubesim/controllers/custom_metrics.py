"""What Pods, other objects and things outside of the cluster measure: the APIs of custom and external metrics.

Both are served by an adapter behind the apiserver (custom.metrics.k8s.io, external.metrics.k8s.io). That of an object
is a subresource of it; one of Pods is asked for with the name `*` and a selector. Where there is no adapter, the words
below are what client-go makes of that.
Upstream: pkg/controller/podautoscaler/metrics/client.go, k8s.io/metrics/pkg/client/{custom_metrics,external_metrics}.
"""

from __future__ import annotations

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.extension import CUSTOM_METRICS_GROUP, custom_metric_of, external_metric
from kubesim.api.quantity import milli
from kubesim.api.resources import BY_KIND
from kubesim.api.stored import Object
from kubesim.api.wire import Options, Request
from kubesim.client.client import Client
from kubesim.controllers.pod_metrics import NO_EXTERNAL_METRICS, MetricsError, PodMetric
from kubesim.sim import parse_timestamp

CUSTOM, EXTERNAL = "custom metrics API", "external metrics API"
NOT_REGISTERED = f"no {CUSTOM} ({CUSTOM_METRICS_GROUP}) registered"
UNKNOWN_RESOURCE = "the server could not find the requested resource"


async def pods_metric(client: Client, namespace: str, selector: str, name: str) -> dict[str, PodMetric]:
    """The metric of each Pod that a selector finds."""
    items = await custom_values(client, Request(
        "get", custom_metric_of(BY_KIND["v1", "Pod"]), namespace, "*", name, options=Options(label_selector=selector),
    ))  # fmt: skip
    found: dict[str, PodMetric] = {}
    for item in items:
        window = float(item.get("windowSeconds") or 60)
        found[item["describedObject"]["name"]] = PodMetric(
            milli(item["value"]), parse_timestamp(item["timestamp"]), window
        )
    return found


async def object_metric(client: Client, namespace: str, about: Object, name: str) -> int:
    """The metric of one object, in thousandths."""
    resource = BY_KIND.get((about.get("apiVersion", "v1"), about["kind"]))
    if resource is None:
        group = about.get("apiVersion", "").rpartition("/")[0]
        raise MetricsError(f'no matches for kind "{about["kind"]}" in group "{group}"')
    where = namespace if resource.namespaced else ""
    items = await custom_values(client, Request("get", custom_metric_of(resource), where, about["name"], name))
    return milli(items[0]["value"])


async def custom_values(client: Client, request: Request) -> list[Object]:
    """The items of a MetricValueList."""
    try:
        items = await values(client, request)
    except NotFoundError as error:
        why = NOT_REGISTERED if UNKNOWN_RESOURCE in str(error) else str(error)
        raise MetricsError(f"unable to fetch metrics from {CUSTOM}: {why}") from error
    except (ApiError, TransportError) as error:
        raise MetricsError(f"unable to fetch metrics from {CUSTOM}: {error}") from error
    if not items:
        raise MetricsError(f"no metrics returned from {CUSTOM}")
    return items


async def external_values(client: Client, namespace: str, name: str, selector: str) -> list[int]:
    """The values of an external metric, in thousandths."""
    options = Options(label_selector=selector)
    try:
        items = await values(client, Request("list", external_metric(name), namespace, options=options))
    except NotFoundError as error:
        is_unknown = UNKNOWN_RESOURCE in str(error)
        words = NO_EXTERNAL_METRICS.format(name) if is_unknown else f"unable to fetch metrics from {EXTERNAL}: {error}"
        raise MetricsError(words) from error
    except (ApiError, TransportError) as error:
        raise MetricsError(f"unable to fetch metrics from {EXTERNAL}: {error}") from error
    if not items:
        raise MetricsError(f"no metrics returned from {EXTERNAL}")
    return [milli(item["value"]) for item in items]


async def values(client: Client, request: Request) -> list[Object]:
    """The items of the answer to a question about metrics."""
    asked = Request(
        request.verb, request.resource, request.namespace, request.name, request.subresource, options=request.options,
        credential=client.credential, user_agent=client.name,
    )  # fmt: skip
    response = await client.transport.request(asked)
    return [item.object for item in response.items]
