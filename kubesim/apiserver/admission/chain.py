"""The plugins that one resource's requests pass, in order; worked out once per operation and subresource."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.plugin import CREATE, DELETE, UPDATE, AdmissionPlugin
from kubesim.apiserver.context import RequestContext

Mutate = Callable[[RequestContext, Object, Object | None], Object]
Validate = Callable[[RequestContext, Object, Object | None], None]


class AdmissionChain:
    """All plugins, as far as they concern one resource."""

    def __init__(self, resource: Resource, plugins: Sequence[AdmissionPlugin]) -> None:
        self._resource = resource
        self._plugins = plugins
        self._mutating: dict[tuple[bool, str], tuple[Mutate, ...]] = {}
        self._validating: dict[tuple[bool, str], tuple[Validate, ...]] = {}
        self._deletion = [plugin.validate_deletion for plugin in plugins if plugin.handles(DELETE, resource, "")]

    def mutate(self, context: RequestContext, obj: Object, old: Object | None) -> Object:
        """The object after every mutating plugin. `old` is None at creation."""
        key = (old is None, context.request.subresource)
        steps = self._mutating.get(key)
        if steps is None:
            steps = self._mutating[key] = tuple(plugin.mutate for plugin in self._handlers(*key))
        for step in steps:
            obj = step(context, obj, old)
        return obj

    def validate(self, context: RequestContext, obj: Object, old: Object | None) -> None:
        """Raises what the first plugin that objects has to say."""
        key = (old is None, context.request.subresource)
        steps = self._validating.get(key)
        if steps is None:
            steps = self._validating[key] = tuple(plugin.validate for plugin in self._handlers(*key))
        for step in steps:
            step(context, obj, old)

    def validate_deletion(self, context: RequestContext, stored: Stored) -> None:
        """The same for a deletion."""
        for step in self._deletion:
            step(context, stored)

    def _handlers(self, is_create: bool, subresource: str) -> list[AdmissionPlugin]:
        operation = CREATE if is_create else UPDATE
        return [plugin for plugin in self._plugins if plugin.handles(operation, self._resource, subresource)]
