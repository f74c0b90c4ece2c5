"""`pods/eviction`: a deletion that asks for leave first.

The disruption budgets that could say no (429) come with their controller; until then an eviction deletes.
Upstream: EvictionREST in pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from kubesim.api.errors import BadRequestError
from kubesim.api.wire import Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.deletion import delete_with
from kubesim.apiserver.registry.registry import Registry


async def evict(registry: Registry, context: RequestContext) -> Response:
    """Deletes the Pod as the Eviction's deleteOptions say."""
    eviction = context.request.body or {}
    if (eviction.get("metadata") or {}).get("name", context.request.name) != context.request.name:
        raise BadRequestError("name in URL does not match name in Eviction object")
    registry.admission.mutate(context, eviction, None)
    await delete_with(registry, context, eviction.get("deleteOptions"))
    return Response(
        201, status={"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    )
