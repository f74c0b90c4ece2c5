"""`pods/binding`: how a scheduler says where a Pod runs.

It is the only way to set `spec.nodeName` of a Pod that exists, and works once: who comes second gets a
conflict, so two schedulers cannot send one Pod to two nodes. The condition PodScheduled becomes True.
Upstream: BindingREST in pkg/registry/core/pod/storage/storage.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import ApiError, BadRequestError, conflict, invalid
from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.change import change, uid_conflict
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.validation.field import not_supported, required

BINDING = Resource("", "v1", "Binding", "bindings")


async def bind(registry: Registry, context: RequestContext) -> Response:
    """Assigns the Pod to the node of the Binding."""
    binding = context.request.body
    target = binding.get("target") or {}
    name = context.request.name
    if target.get("kind", "Node") not in ("Node", ""):
        raise invalid(BINDING, name, [not_supported("target.kind", target["kind"], ("Node", "<empty>"))])
    if not target.get("name"):
        raise invalid(BINDING, name, [required("target.name")])
    metadata = binding.get("metadata") or {}
    if metadata.get("name", name) != name:
        raise BadRequestError("name in URL does not match name in Binding object")

    def make(current: Stored) -> Object:
        return assigned(registry, context, current, target["name"], metadata)

    await change(registry, context, make, lambda _registry, _context, made, _old: made)
    return Response(
        201, status={"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    )


def assigned(
    registry: Registry, context: RequestContext, current: Stored, node: str, binding_metadata: dict[str, Any]
) -> Object:
    """The Pod with its node, and the condition that says so; ConflictError if it has one already."""
    pod = current.object
    spec, status = pod["spec"], pod.get("status") or {}
    uid = binding_metadata.get("uid")
    if uid and uid != pod["metadata"]["uid"]:
        raise uid_conflict(registry.storage, registry.resource, pod["metadata"], uid)
    why = ""
    if pod["metadata"].get("deletionTimestamp"):
        why = f"pod {current.name} is being deleted, cannot be assigned to a host"
    elif spec.get("nodeName"):
        why = f'pod {current.name} is already assigned to node "{spec["nodeName"]}"'
    elif spec.get("schedulingGates"):
        why = f"pod {current.name} has non-empty .spec.schedulingGates"
    if why:
        raise _refused(current.name, why)
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": context.sim.clock.timestamp(),
    }
    conditions = list(status.get("conditions") or ())
    types = [condition["type"] for condition in conditions]
    place = types.index("PodScheduled") if "PodScheduled" in types else len(types)
    conditions[place : place + 1] = [scheduled]
    metadata = dict(pod["metadata"])
    if added := binding_metadata.get("annotations"):
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **added}
    status = {key: value for key, value in status.items() if key != "nominatedNodeName"}
    return {
        **pod,
        "metadata": metadata,
        "spec": {**spec, "nodeName": node},
        "status": {**status, "conditions": conditions},
    }


def _refused(name: str, why: str) -> ApiError:
    return conflict(Resource("", "v1", "Pod", "pods/binding"), name, why)
