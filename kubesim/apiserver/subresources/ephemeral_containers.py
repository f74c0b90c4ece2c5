"""`pods/ephemeralcontainers`: a container added to a running Pod, to look around in it (`kubectl debug`).

Only `spec.ephemeralContainers` of what is sent counts; everything else stays as it is. They can be added, but
neither changed nor removed, and they have none of what a Pod is run by: ports, probes, resources.
Upstream: podEphemeralContainersStrategy in pkg/registry/core/pod/strategy.go, ValidatePodEphemeralContainersUpdate
in pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from kubesim.api.errors import FieldError, invalid
from kubesim.api.stored import Object
from kubesim.api.wire import Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.change import always, begin, change, own_body
from kubesim.apiserver.registry.patching import patch_with
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.validation.ephemeral import validate_ephemeral_change


async def update_ephemeral(registry: Registry, context: RequestContext) -> Response:
    """PUT: a whole Pod, of which only the ephemeral containers count."""
    return await change(registry, context, always(own_body(registry, context)), _finish)


async def patch_ephemeral(registry: Registry, context: RequestContext) -> Response:
    """PATCH: what `kubectl debug` sends."""
    return await patch_with(registry, context, _finish)


def _finish(registry: Registry, context: RequestContext, wanted: Object, old: Object) -> Object:
    decoded = registry.decoder.decode_change(wanted, old, context)
    ephemeral = (decoded.get("spec") or {}).get("ephemeralContainers")
    spec = {name: value for name, value in old["spec"].items() if name != "ephemeralContainers"}
    if ephemeral:
        spec["ephemeralContainers"] = ephemeral
    return finish_narrow(registry, context, decoded, old, spec, validate_ephemeral_change(spec, old["spec"]))


def finish_narrow(
    registry: Registry, context: RequestContext, decoded: Object, old: Object, spec: Object, problems: list[FieldError]
) -> Object:
    """The old Pod with a new spec: the end of every subresource that changes a part of the spec."""
    if problems:
        raise invalid(registry.resource, context.request.name, problems)
    obj = begin(registry, {**old, "metadata": decoded.get("metadata") or {}}, old)
    obj["metadata"] = dict(old["metadata"])  # A stale resourceVersion was refused; the rest is not theirs to change.
    obj["spec"] = spec
    if context.owners_are_known:
        obj["metadata"]["managedFields"] = decoded["metadata"].get("managedFields")
    else:
        registry.tracker.updated(context, obj, old, same_metadata=True)
    obj = registry.admission.mutate(context, obj, old)
    registry.strategy.prepare_for_update(obj, old)
    registry.admission.validate(context, obj, old)
    return obj
