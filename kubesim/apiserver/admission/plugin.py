"""What an admission plugin is.

After a request is authorized and before it is stored, plugins may complete the object (mutating) and then
refuse it (validating). Upstream: k8s.io/apiserver/pkg/admission; plugins in plugin/pkg/admission.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from kubesim.api.errors import ForbiddenError, forbidden
from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.context import RequestContext

CREATE, UPDATE, DELETE = "CREATE", "UPDATE", "DELETE"

# The newest revision known of an object: (resource, name, namespace) → handle or None.
Lookup = Callable[[Resource, str, str], Stored | None]


class AdmissionPlugin:
    """One rule of the cluster. It hears only of what it `handles`; by default it lets everything pass."""

    name: ClassVar[str]

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        """Whether it wants to hear of CREATE, UPDATE or DELETE of this resource: asked once, not per request."""
        raise NotImplementedError

    def mutate(self, context: RequestContext, obj: Object, old: Object | None) -> Object:
        """The object, completed. A new dict where something changes: `obj` may be shared below its metadata."""
        return obj

    def validate(self, context: RequestContext, obj: Object, old: Object | None) -> None:
        """Raises an ApiError if the object may not be stored."""

    def validate_deletion(self, context: RequestContext, stored: Stored) -> None:
        """Raises an ApiError if the object may not be deleted."""


def refuse(context: RequestContext, obj: Object | None, why: str) -> ForbiddenError:
    """`pods "x" is forbidden: …`; an object without a name yet goes by what its name will begin with."""
    metadata = (obj or {}).get("metadata") or {}
    name = context.request.name or metadata.get("name") or metadata.get("generateName") or "Unknown"
    return forbidden(context.request.resource, name, why)
