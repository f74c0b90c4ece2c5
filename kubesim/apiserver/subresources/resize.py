"""`pods/resize`: other resources for the containers of a Pod that runs, without making it anew.

Of what is sent, only `resources` and `resizePolicy` of the containers (and of sidecars) count. The main resource
refuses such a change. The kubelet then gives the containers what is asked for, or says that it cannot.
Upstream: podResizeStrategy in pkg/registry/core/pod/strategy.go, ValidatePodResize in
pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from kubesim.api.stored import Object
from kubesim.api.wire import Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.change import always, change, own_body
from kubesim.apiserver.registry.patching import patch_with
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.subresources.ephemeral_containers import finish_narrow
from kubesim.apiserver.validation.resize import validate_resize

RESIZED = ("resources", "resizePolicy")


async def update_resize(registry: Registry, context: RequestContext) -> Response:
    """PUT: a whole Pod, of which only its containers' resources count."""
    return await change(registry, context, always(own_body(registry, context)), _finish)


async def patch_resize(registry: Registry, context: RequestContext) -> Response:
    """PATCH: `kubectl patch --subresource resize`."""
    return await patch_with(registry, context, _finish)


def _finish(registry: Registry, context: RequestContext, wanted: Object, old: Object) -> Object:
    decoded = registry.decoder.decode_change(wanted, old, context)
    spec = resized(decoded.get("spec") or {}, old["spec"])
    return finish_narrow(registry, context, decoded, old, spec, validate_resize(spec, old))


def resized(wanted: Object, old: Object) -> Object:
    """The old spec with the resources that are wanted; containers added, removed or moved are left for validation."""
    if any(len(wanted.get(name) or ()) != len(old.get(name) or ()) for name in ("containers", "initContainers")):
        return wanted
    spec = dict(old)
    for name in ("containers", "initContainers"):
        if old.get(name):
            pairs = zip(wanted[name], old[name], strict=True)
            spec[name] = [_container(container, before, init=name != "containers") for container, before in pairs]
    return spec


def _container(wanted: Object, old: Object, *, init: bool) -> Object:
    if wanted.get("name") != old["name"]:
        return wanted
    if init and old.get("restartPolicy") != "Always":
        return old
    container = {name: value for name, value in old.items() if name not in RESIZED}
    return container | {name: wanted[name] for name in RESIZED if name in wanted}
