"""Which function answers which verb on which resource or subresource: one visible table.

Upstream builds the same table in k8s.io/apiserver/pkg/endpoints/installer.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from kubesim.api.resources import Resource
from kubesim.api.wire import Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.crd.scale import get_custom_scale, patch_custom_scale, update_custom_scale
from kubesim.apiserver.registry.change import update, update_status
from kubesim.apiserver.registry.creation import create
from kubesim.apiserver.registry.deletion import delete, delete_collection
from kubesim.apiserver.registry.listing import get, list_objects
from kubesim.apiserver.registry.patching import patch, patch_status
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.subresources.binding import bind
from kubesim.apiserver.subresources.connecting import Connector
from kubesim.apiserver.subresources.ephemeral_containers import patch_ephemeral, update_ephemeral
from kubesim.apiserver.subresources.eviction import evict
from kubesim.apiserver.subresources.finalize import finalize
from kubesim.apiserver.subresources.log import read_log
from kubesim.apiserver.subresources.proxy import proxy_to_node, proxy_to_pod, proxy_to_service
from kubesim.apiserver.subresources.resize import patch_resize, update_resize
from kubesim.apiserver.subresources.scale import get_scale, patch_scale, update_scale
from kubesim.apiserver.subresources.streams import attach, execute, forward_port

Handler = Callable[[Registry, RequestContext], Awaitable[Response]]
RouteKey = tuple[str, str, str, str]  # (group, plural, subresource, verb)

MAIN: dict[str, Handler] = {
    "get": get,
    "list": list_objects,
    "create": create,
    "update": update,
    "patch": patch,
    "delete": delete,
    "deletecollection": delete_collection,
}
SUBRESOURCES: dict[str, dict[str, Handler]] = {
    "status": {"get": get, "update": update_status, "patch": patch_status},
    "approval": {"get": get, "update": update_status, "patch": patch_status},
    "scale": {"get": get_scale, "update": update_scale, "patch": patch_scale},
    "binding": {"create": bind},
    "eviction": {"create": evict},
    "finalize": {"update": finalize},
    "ephemeralcontainers": {"get": get, "update": update_ephemeral, "patch": patch_ephemeral},
    "resize": {"get": get, "update": update_resize, "patch": patch_resize},
}
CUSTOM_SUBRESOURCES: dict[str, dict[str, Handler]] = {
    "status": SUBRESOURCES["status"],
    "scale": {"get": get_custom_scale, "update": update_custom_scale, "patch": patch_custom_scale},
}

# (plural, subresource) → what connects to it; all verbs that discovery names.
CONNECTORS: dict[tuple[str, str], Connector] = {
    ("pods", "log"): read_log,
    ("pods", "exec"): execute,
    ("pods", "attach"): attach,
    ("pods", "portforward"): forward_port,
    ("pods", "proxy"): proxy_to_pod,
    ("services", "proxy"): proxy_to_service,
    ("nodes", "proxy"): proxy_to_node,
}
STREAMING = ("exec", "attach", "portforward")


def connector_of(resource: Resource, subresource: str) -> Connector | None:
    """What connects to a subresource; None if it is none of that kind."""
    return None if resource.group else CONNECTORS.get((resource.plural, subresource))


def routes_of(resource: Resource) -> dict[RouteKey, Handler]:
    """All that can be asked of a resource, but watching, which answers with a stream."""
    routes: dict[RouteKey, Handler] = {
        (resource.group, resource.plural, "", verb): handler for verb, handler in MAIN.items() if verb in resource.verbs
    }
    for subresource in resource.subresources:
        table = CUSTOM_SUBRESOURCES if resource.custom else SUBRESOURCES
        for verb, handler in table.get(subresource, {}).items():
            routes[resource.group, resource.plural, subresource, verb] = handler
    return routes
