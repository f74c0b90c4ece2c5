"""`/metrics`: a few of the real server's metrics, under their real names, for Prometheus.

Upstream: k8s.io/apiserver/pkg/endpoints/metrics.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from kubesim.api.wire import Request
from kubesim.apiserver.http.version import GIT_VERSION
from kubesim.apiserver.server import ApiServer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_REQUEST = ("code", "component", "dry_run", "group", "resource", "scope", "subresource", "verb", "version")


class Metrics:
    """What one front has counted."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "apiserver_request",
            "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, "
            "component, and HTTP response code.",
            _REQUEST,
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "apiserver_current_inflight_requests",
            "Maximal number of currently used inflight request limit of this apiserver per request kind in last "
            "second.",
            ("request_kind",),
            registry=self._registry,
        )
        self.watches = Gauge(
            "apiserver_longrunning_requests",
            "Gauge of all active long-running apiserver requests.",
            ("group", "resource", "verb", "version"),
            registry=self._registry,
        )
        self._objects = Gauge(
            "apiserver_storage_objects", "Number of stored objects at the time of last check split by kind.",
            ("resource",), registry=self._registry,
        )  # fmt: skip
        build = Gauge("kubernetes_build_info", "A metric with a constant '1' value labeled by version.",
                      ("git_version", "major", "minor"), registry=self._registry)  # fmt: skip
        build.labels(GIT_VERSION, "1", "36").set(1)

    def answered(self, request: Request, code: int) -> None:
        """Counts one request."""
        resource = request.resource
        scope = "resource" if request.name else "namespace" if request.namespace else "cluster"
        self._requests.labels(
            str(code), "apiserver", "All" if request.options.dry_run else "", resource.group, resource.plural, scope,
            request.subresource, request.verb.upper(), resource.version,
        ).inc()  # fmt: skip

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        for registry in self._server.registries.values():
            self._objects.labels(registry.resource.qualified).set(len(registry.cache.state))
        return generate_latest(self._registry)
