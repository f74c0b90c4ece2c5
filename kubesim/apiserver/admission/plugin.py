"""What an admission plugin is.

After a request is authorized and before it is stored, plugins may complete the object (mutating) and then
refuse it (validating). Upstream: k8s.io/apiserver/pkg/admission; plugins in plugin/pkg/admission.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import ClassVar, NamedTuple

from kubesim.api.errors import ForbiddenError, forbidden
from kubesim.api.resources import Resource
from kubesim.api.schema import Schema
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Request
from kubesim.apiserver.authn import User
from kubesim.apiserver.context import RequestContext

CREATE, UPDATE, DELETE = "CREATE", "UPDATE", "DELETE"


class Target(NamedTuple):
    """What a request does to what: the operation is CREATE, UPDATE or DELETE."""

    operation: str
    resource: Resource
    subresource: str


class Attributes:
    """One request in admission: its context, the object as far as it is complete, and the one it replaces."""

    __slots__ = ("context", "is_reinvocation", "must_reinvoke", "obj", "old", "operation")

    def __init__(self, context: RequestContext, obj: Object, old: Object | None, operation: str = "") -> None:
        self.context = context
        self.obj = obj
        self.old = old  # None at creation.
        self.operation = operation or (CREATE if old is None else UPDATE)
        # A policy that changes the object lets the plugins see it once more.
        self.must_reinvoke = False
        self.is_reinvocation = False

    @property
    def new(self) -> Object | None:
        """The object as it shall be; None in a deletion."""
        return None if self.operation == DELETE else self.obj

    @property
    def name(self) -> str:
        """The object's name, "" while it has none."""
        name: str = self.context.request.name or (self.obj.get("metadata") or {}).get("name") or ""
        return name

    def refuse(self, why: str) -> ForbiddenError:
        """`pods "x" is forbidden: …`; an object without a name yet goes by what its name will begin with."""
        metadata = self.obj.get("metadata") or {}
        request = self.context.request
        name = request.name or metadata.get("name") or metadata.get("generateName") or "Unknown"
        return forbidden(request.resource, name, why)


# The newest revision known of an object: (resource, name, namespace) → handle or None; and of all of a resource.
Lookup = Callable[[Resource, str, str], Stored | None]
LookupAll = Callable[[Resource], Collection[Stored]]
# Replaces an object by what a plugin makes of it; ConflictError if it is not the newest any more.
Write = Callable[[RequestContext, Resource, Stored, Object], Awaitable[Stored]]
Authorize = Callable[[User, Request], None]


class AdmissionPlugin:
    """One rule of the cluster. It hears only of what it `handles`; by default it lets everything pass."""

    name: ClassVar[str]
    # While there is no object of this kind it has nothing to mutate, validate or reserve, and is not asked.
    idle_without: ClassVar[Resource | None] = None

    def __init__(self, lookup: Lookup, lookup_all: LookupAll) -> None:
        self.lookup = lookup
        self.lookup_all = lookup_all
        # Set by the server: who may do what (raises ForbiddenError), what is served now, and what it looks like.
        self.authorize: Authorize | None = None
        self.served: Callable[[], Iterable[Resource]] = tuple
        self.schema: Schema | None = None

    def connect(self, write: Write) -> None:
        """Hands over how to write; most plugins do not."""

    def in_namespace(self, resource: Resource, namespace: str) -> list[Stored]:
        """All of a resource in one namespace, by name."""
        found = [stored for stored in self.lookup_all(resource) if stored.namespace == namespace]
        return sorted(found, key=lambda stored: stored.name)

    def handles(self, target: Target) -> bool:
        """Whether it wants to hear of such requests: asked once, not per request."""
        raise NotImplementedError

    def mutate(self, attributes: Attributes) -> Object:
        """The object, completed. A new dict where something changes: it may be shared below its metadata."""
        return attributes.obj

    def validate(self, attributes: Attributes) -> None:
        """Raises an ApiError if the object may not be stored."""

    def validate_deletion(self, attributes: Attributes) -> None:
        """Raises an ApiError if the object may not be deleted."""

    async def reserve(self, attributes: Attributes) -> None:
        """Takes what the object will use, after everybody has agreed; ForbiddenError if there is not enough."""
