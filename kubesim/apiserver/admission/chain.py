"""The plugins that one resource's requests pass, in order; worked out once per operation and subresource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Generic, TypeVar

from kubesim.api.errors import conflict
from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.plugin import CREATE, DELETE, UPDATE, AdmissionPlugin, Attributes, Target
from kubesim.apiserver.admission.webhooks import MutatingWebhooks, ValidatingWebhooks, WebhooksNeededError
from kubesim.apiserver.context import Known, RequestContext

ANSWERS_MAX = 10  # So often may others write while webhooks think.
Mutate = Callable[[Attributes], Object]
Validate = Callable[[Attributes], None]
Reserve = Callable[[Attributes], Awaitable[None]]


Step = TypeVar("Step")


class Steps(Generic[Step]):
    """What plugins do at one point of the chain. Those that wait for objects of a kind cost nothing until there are."""

    def __init__(self, steps: Sequence[tuple[Step, Collection[Stored] | None]]) -> None:
        """Each step comes with the collection that it is idle without, which lives and grows; None: always busy."""
        self._steps = steps
        self._always = tuple(step for step, objects in steps if objects is None)
        self._awaited = tuple(objects for _, objects in steps if objects is not None)

    def due(self) -> Sequence[Step]:
        """Those that have something to do now, in order."""
        for objects in self._awaited:
            if objects:
                return [step for step, needed in self._steps if needed is None or needed]
        return self._always


class AdmissionChain:
    """All plugins, as far as they concern one resource."""

    def __init__(self, resource: Resource, plugins: Sequence[AdmissionPlugin]) -> None:
        self._resource = resource
        self._plugins = plugins
        self._mutating: dict[tuple[bool, str], Steps[Mutate]] = {}
        self._validating: dict[tuple[bool, str], Steps[Validate]] = {}
        self._reserving: dict[tuple[bool, str], Steps[Reserve]] = {}
        target = Target(DELETE, resource, "")
        self._webhooks = next(
            (plugin for plugin in plugins if isinstance(plugin, MutatingWebhooks) and plugin.handles(target)), None
        )
        self._remote_deletion = [
            plugin for plugin in plugins if isinstance(plugin, ValidatingWebhooks) and plugin.handles(target)
        ]
        self._deletion = [plugin.validate_deletion for plugin in plugins if plugin.handles(target)]

    def mutate(self, context: RequestContext, obj: Object, old: Object | None) -> Object:
        """The object after every mutating plugin. `old` is None at creation."""
        key = (old is None, context.request.subresource)
        found = self._mutating.get(key)
        if found is None:
            found = self._mutating[key] = Steps(
                [
                    (plugin.mutate, self._awaited(plugin))
                    for plugin in self._handlers(*key)
                    if type(plugin).mutate is not AdmissionPlugin.mutate
                ]
            )
        if steps := found.due():
            obj = _mutated(Attributes(context, obj, old), steps)
        if old is not None and self._webhooks is not None and self._webhooks.are_there:
            return self._answered(context, obj, old)
        return obj

    def _answered(self, context: RequestContext, obj: Object, old: Object) -> Object:
        """What the mutating webhooks have made of the object; WebhooksNeededError if they have not been asked."""
        for known in context.known:
            if same_but_for_owners(known.obj, obj) and known.old == old:
                return with_owners_of(known.result, obj)

        async def answer() -> None:
            if len(context.known) >= ANSWERS_MAX:
                raise conflict(self._resource, context.request.name)
            context.known.append(Known(obj, old, await self.mutate_remotely(context, obj, old)))

        raise WebhooksNeededError(answer)

    async def mutate_remotely(self, context: RequestContext, obj: Object, old: Object | None) -> Object:
        """The object after every mutating webhook."""
        if self._webhooks is None or not self._webhooks.are_there:
            return obj
        attributes = Attributes(context, obj, old)
        if await self._webhooks.change(attributes):
            attributes.is_reinvocation = True
            if steps := self._mutating.get((old is None, context.request.subresource)):
                for step in steps.due():
                    attributes.obj = step(attributes)
            await self._webhooks.change(attributes)
        return attributes.obj

    def validate(self, context: RequestContext, obj: Object, old: Object | None) -> None:
        """Raises what the first plugin that objects has to say."""
        key = (old is None, context.request.subresource)
        found = self._validating.get(key)
        if found is None:
            found = self._validating[key] = Steps(
                [
                    (plugin.validate, self._awaited(plugin))
                    for plugin in self._handlers(*key)
                    if type(plugin).validate is not AdmissionPlugin.validate
                ]
            )
        if steps := found.due():
            attributes = Attributes(context, obj, old)
            for step in steps:
                step(attributes)

    async def reserve(self, context: RequestContext, obj: Object, old: Object | None) -> None:
        """Lets plugins take what the object will use: the last step before it is stored."""
        key = (old is None, context.request.subresource)
        found = self._reserving.get(key)
        if found is None:
            found = self._reserving[key] = Steps(
                [
                    (plugin.reserve, self._awaited(plugin))
                    for plugin in self._handlers(*key)
                    if type(plugin).reserve is not AdmissionPlugin.reserve
                ]
            )
        for step in found.due():
            await step(Attributes(context, obj, old))

    def validate_deletion(self, context: RequestContext, stored: Stored) -> None:
        """The same for a deletion."""
        if self._deletion:
            attributes = Attributes(context, stored.object, stored.object, DELETE)
            for step in self._deletion:
                step(attributes)

    async def validate_deletion_remotely(self, context: RequestContext, stored: Stored) -> None:
        """Asks the webhooks too."""
        attributes = Attributes(context, stored.object, stored.object, DELETE)
        if self._webhooks is not None and self._webhooks.are_there:
            await self._webhooks.change(attributes)
        for plugin in self._remote_deletion:
            await plugin.reserve(attributes)

    def _handlers(self, is_create: bool, subresource: str) -> list[AdmissionPlugin]:
        target = Target(CREATE if is_create else UPDATE, self._resource, subresource)
        return [plugin for plugin in self._plugins if plugin.handles(target)]

    def _awaited(self, plugin: AdmissionPlugin) -> Collection[Stored] | None:
        return None if plugin.idle_without is None else plugin.lookup_all(plugin.idle_without)


def _mutated(attributes: Attributes, steps: Sequence[Mutate]) -> Object:
    for step in steps:
        attributes.obj = step(attributes)
    if attributes.must_reinvoke:
        attributes.is_reinvocation = True
        for step in steps:
            attributes.obj = step(attributes)
    return attributes.obj


def same_but_for_owners(one: Object, other: Object) -> bool:
    """Whether two objects are the same; managedFields carry the time at which they were computed."""
    return one.keys() == other.keys() and all(
        (_plain(one[name]) == _plain(other[name])) if name == "metadata" else one[name] == other[name] for name in one
    )


def with_owners_of(obj: Object, other: Object) -> Object:
    """The object with the managedFields of another."""
    owners = other["metadata"].get("managedFields")
    if owners is None or obj["metadata"].get("managedFields") == owners:
        return {**obj, "metadata": dict(obj["metadata"])}
    return {**obj, "metadata": {**obj["metadata"], "managedFields": owners}}


def _plain(metadata: Object) -> Object:
    return {name: value for name, value in metadata.items() if name != "managedFields"}
