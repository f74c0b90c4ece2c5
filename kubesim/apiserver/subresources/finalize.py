"""`namespaces/finalize`: how the namespace controller says that a namespace is empty.

Upstream: FinalizeREST in pkg/registry/core/namespace/storage.
"""

from __future__ import annotations

from kubesim.api.errors import BadRequestError, invalid
from kubesim.api.stored import Object
from kubesim.api.wire import Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.change import always, begin, change
from kubesim.apiserver.registry.namespace import NamespaceStrategy
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.validation.metadata import validate_metadata_update


async def finalize(registry: Registry, context: RequestContext) -> Response:
    """PUT: replaces `spec.finalizers`; the last one gone, a deleted namespace ends."""
    body = context.request.body
    if not isinstance(body, dict):
        raise BadRequestError("the object provided is unrecognized (must be of type Namespace)")
    return await change(registry, context, always(body), _finish)


def _finish(registry: Registry, context: RequestContext, wanted: Object, old: Object) -> Object:
    strategy = registry.strategy
    assert isinstance(strategy, NamespaceStrategy), "only namespaces are finalized"
    obj = begin(registry, registry.decoder.decode_change(wanted, old, context), old)
    registry.tracker.updated(context, obj, old)
    strategy.prepare_for_finalize(obj, old)
    if problems := validate_metadata_update(obj["metadata"], old["metadata"]):
        raise invalid(registry.resource, context.request.name, problems)
    return obj
