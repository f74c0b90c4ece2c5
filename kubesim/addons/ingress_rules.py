"""Which Service an HTTP request belongs to, by the rules of Ingresses: pure.

A rule for the very host wins over one with a wildcard, and that over one without a host. Among the paths of a host an
exact one wins, then the longest prefix; a prefix counts whole segments, so /shop is no prefix of /shopping. What no
rule takes goes to a default backend. The specification is networking.k8s.io/v1 (k8s.io/api/networking/v1/types.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kubesim.api.stored import Object

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
REWRITE = "nginx.ingress.kubernetes.io/rewrite-target"


class Route(NamedTuple):
    """Where requests for a host and a path go. `host` "" and `path` "" stand for everything."""

    host: str
    path: str
    exact: bool
    namespace: str
    service: str
    port: int | str  # Its number or its name.
    ingress: str  # namespace/name
    rewrite: str = ""  # The path that the backend sees; "" for the request's own.


def routes_of(ingresses: Iterable[Object]) -> list[Route]:
    """All routes of some Ingresses, the most specific first; of equals the older Ingress's."""
    ordered = sorted(ingresses, key=_age)
    found = [route for obj in ordered for route in _routes(obj)]
    return sorted(found, key=lambda route: (-_host_rank(route.host), not route.exact, -len(route.path)))


def choose(routes: Sequence[Route], host: str, path: str) -> Route | None:
    """The route of a request; None if nobody wants it."""
    host = host.partition(":")[0].lower()
    path = path.partition("?")[0]
    for route in routes:
        if _is_host(route.host, host) and _is_path(route, path):
            return route
    return None


def is_ours(obj: Object, class_name: str, *, by_default: bool) -> bool:
    """Whether an Ingress is for the controller of this class; those without a class are, if it is the default."""
    annotations = obj["metadata"].get("annotations") or {}
    wanted = (obj.get("spec") or {}).get("ingressClassName") or annotations.get(CLASS_ANNOTATION, "")
    return bool(wanted == class_name) if wanted else by_default


def _routes(obj: Object) -> list[Route]:
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    key = f"{metadata['namespace']}/{metadata['name']}"
    rewrite = (metadata.get("annotations") or {}).get(REWRITE, "")
    found = []
    for rule in spec.get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            exact = path.get("pathType") == "Exact"
            if (backend := _backend(path["backend"])) is not None:
                host, where = rule.get("host", ""), path.get("path", "") if exact else path.get("path", "").rstrip("/")
                found.append(Route(host, where, exact, metadata["namespace"], *backend, key, rewrite))
    if spec.get("defaultBackend") and (backend := _backend(spec["defaultBackend"])) is not None:
        found.append(Route("", "", False, metadata["namespace"], *backend, key))
    return found


def _backend(backend: Object) -> tuple[str, int | str] | None:
    service = backend.get("service")
    if not service:
        return None  # A resource: nobody here understands those.
    port = service.get("port") or {}
    return service["name"], port.get("name") or port.get("number", 0)


def _age(obj: Object) -> tuple[str, str, str]:
    metadata = obj["metadata"]
    return metadata.get("creationTimestamp", ""), metadata["namespace"], metadata["name"]


def _host_rank(host: str) -> int:
    return 0 if not host else 1 if host.startswith("*.") else 2


def _is_host(wanted: str, host: str) -> bool:
    if wanted.startswith("*."):
        first, _, rest = host.partition(".")
        return bool(first) and rest == wanted[2:]
    return not wanted or wanted == host


def _is_path(route: Route, path: str) -> bool:
    if route.exact:
        return path == route.path
    return not route.path or path == route.path or path.startswith(f"{route.path}/")
