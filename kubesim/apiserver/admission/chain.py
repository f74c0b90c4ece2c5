"""The plugins that one resource's requests pass, in order; worked out once per operation and subresource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.plugin import CREATE, DELETE, UPDATE, AdmissionPlugin, Attributes, Target
from kubesim.apiserver.context import RequestContext

Mutate = Callable[[Attributes], Object]
Validate = Callable[[Attributes], None]
Reserve = Callable[[Attributes], Awaitable[None]]


class AdmissionChain:
    """All plugins, as far as they concern one resource."""

    def __init__(self, resource: Resource, plugins: Sequence[AdmissionPlugin]) -> None:
        self._resource = resource
        self._plugins = plugins
        self._mutating: dict[tuple[bool, str], tuple[Mutate, ...]] = {}
        self._validating: dict[tuple[bool, str], tuple[Validate, ...]] = {}
        self._reserving: dict[tuple[bool, str], tuple[Reserve, ...]] = {}
        target = Target(DELETE, resource, "")
        self._deletion = [plugin.validate_deletion for plugin in plugins if plugin.handles(target)]

    def mutate(self, context: RequestContext, obj: Object, old: Object | None) -> Object:
        """The object after every mutating plugin. `old` is None at creation."""
        key = (old is None, context.request.subresource)
        steps = self._mutating.get(key)
        if steps is None:
            steps = self._mutating[key] = tuple(
                plugin.mutate for plugin in self._handlers(*key) if type(plugin).mutate is not AdmissionPlugin.mutate
            )
        if not steps:
            return obj
        attributes = Attributes(context, obj, old)
        for step in steps:
            attributes.obj = step(attributes)
        if attributes.must_reinvoke:
            attributes.is_reinvocation = True
            for step in steps:
                attributes.obj = step(attributes)
        return attributes.obj

    def validate(self, context: RequestContext, obj: Object, old: Object | None) -> None:
        """Raises what the first plugin that objects has to say."""
        key = (old is None, context.request.subresource)
        steps = self._validating.get(key)
        if steps is None:
            steps = self._validating[key] = tuple(
                plugin.validate
                for plugin in self._handlers(*key)
                if type(plugin).validate is not AdmissionPlugin.validate
            )
        if steps:
            attributes = Attributes(context, obj, old)
            for step in steps:
                step(attributes)

    async def reserve(self, context: RequestContext, obj: Object, old: Object | None) -> None:
        """Lets plugins take what the object will use: the last step before it is stored."""
        key = (old is None, context.request.subresource)
        steps = self._reserving.get(key)
        if steps is None:
            steps = self._reserving[key] = tuple(
                plugin.reserve for plugin in self._handlers(*key) if type(plugin).reserve is not AdmissionPlugin.reserve
            )
        for step in steps:
            await step(Attributes(context, obj, old))

    def validate_deletion(self, context: RequestContext, stored: Stored) -> None:
        """The same for a deletion."""
        if self._deletion:
            attributes = Attributes(context, stored.object, stored.object, DELETE)
            for step in self._deletion:
                step(attributes)

    def _handlers(self, is_create: bool, subresource: str) -> list[AdmissionPlugin]:
        target = Target(CREATE if is_create else UPDATE, self._resource, subresource)
        return [plugin for plugin in self._plugins if plugin.handles(target)]
