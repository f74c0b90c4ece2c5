"""What the subresources that are connected to have in common: which Pod, which container, which node.

Upstream: streamLocation, LogLocation and validateContainer in pkg/registry/core/pod/strategy.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from kubesim.api.errors import BadRequestError, not_found
from kubesim.api.resources import Resource
from kubesim.api.session import Session
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Request
from kubesim.apiserver.kubelet_client import KubeletClient
from kubesim.apiserver.registry.registry import Registry
from kubesim.sim import Simulation

CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


class Connecting(NamedTuple):
    """One request for a connection, and what it takes to make it."""

    sim: Simulation
    request: Request
    registry: Registry
    kubelets: KubeletClient
    latest: Callable[[Resource, str, str], Stored | None]
    all_latest: Callable[[Resource], Iterable[Stored]]

    @property
    def options(self) -> Object:
        """PodLogOptions, PodExecOptions, …."""
        return self.request.body or {}

    async def stored(self) -> Stored:
        """The object that the path names."""
        request, registry = self.request, self.registry
        name = named(request)
        key = f"{request.namespace}/{name}" if registry.resource.namespaced else name
        found = registry.storage.latest.get(key) or await registry.storage.get(key)
        if found is None:
            raise not_found(registry.resource, name)
        return found


Connector = Callable[[Connecting], Awaitable[Session]]


def named(request: Request) -> str:
    """The name of the object: behind a proxy it may stand between a scheme and a port."""
    if request.subresource != "proxy":
        return request.name
    return scheme_name_port(request.name)[1]


def scheme_name_port(text: str) -> tuple[str, str, str]:
    """`https:web:443`, `web:80` or `web`."""
    parts = text.split(":")
    if len(parts) == 3 and parts[0] in ("http", "https", ""):
        return parts[0], parts[1], parts[2]
    if len(parts) == 2:
        return "", parts[0], parts[1]
    return "", text, ""


def container_of(pod: Stored, wanted: str) -> str:
    """The name of the container that is meant; BadRequestError if that is not clear."""
    spec = pod.object["spec"]
    names = [container["name"] for field in CONTAINER_LISTS for container in spec.get(field) or ()]
    if wanted:
        if wanted not in names:
            raise BadRequestError(f"container {wanted} is not valid for pod {pod.name}")
        return wanted
    if len(spec["containers"]) == 1:
        return str(spec["containers"][0]["name"])
    choices = f"a container name must be specified for pod {pod.name}, choose one of: [{' '.join(names)}]"
    raise BadRequestError(choices)
