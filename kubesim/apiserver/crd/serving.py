"""Makes definitions true: gives them their names, serves what they define, and cleans up behind them.

In the real server these are controllers inside the apiserver, each following the definitions: naming →
establishing → serving; and, once a definition is deleted, deleting everything of its kind. Here one worker does
it, definition after definition, woken by the watch cache; so a second server on the same etcd, and one that
starts again, serve the same.

Upstream: pkg/controller/{status,establish,finalizer} and pkg/apiserver/customresource_handler.go in
k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from kubesim.api.custom_resources import ESTABLISHED, NAMES_ACCEPTED, TERMINATING, is_true, storage_row
from kubesim.api.errors import ApiError, ConflictError, NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import CUSTOM_RESOURCE_DEFINITIONS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Request, Response
from kubesim.apiserver.authn import API_SERVER
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.crd.catalogue import Catalogue
from kubesim.apiserver.crd.conditions import established, with_approval, with_condition, with_names
from kubesim.apiserver.crd.definition_strategy import CLEANUP
from kubesim.apiserver.host import Host
from kubesim.apiserver.registry.change import always, change, finish_status_update, finish_update
from kubesim.apiserver.registry.deletion import delete_collection
from kubesim.etcd.errors import EtcdError
from kubesim.sim import Tasks

NAME = "kube-apiserver"
RETRY_SECONDS = 1.0
CHECK_SECONDS = 5.0  # How often the finalizer looks whether the objects are gone, for at most a minute.
CHECKS_MAX = 12
BACKGROUND: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}


class Definitions:
    """The custom resource definitions of one server."""

    def __init__(self, server: Host, catalogue: Catalogue, tasks: Tasks) -> None:
        self._server = server
        self._catalogue = catalogue
        self._tasks = tasks
        self._waiting: dict[str, None] = {}  # Names of definitions to look at, in order.
        self._is_working = False
        self._cleaning: dict[str, None] = {}

    async def start(self) -> None:
        """Serves what is established already, then follows."""
        registry = self._server.registries.get((CUSTOM_RESOURCE_DEFINITIONS.group, CUSTOM_RESOURCE_DEFINITIONS.plural))
        if registry is None:
            return
        self._registry = registry
        for stored in registry.cache.ordered():
            if is_true(stored.object, NAMES_ACCEPTED):
                await self._server.install_custom(stored.object)
            self._changed(stored.name, stored)
        registry.cache.on_change = self._changed

    def _changed(self, name: str, stored: Stored | None) -> None:
        """The watch cache has seen a change (None: it is gone)."""
        self._catalogue.put(name, stored.object if stored is not None else None)
        self._waiting[name] = None
        if not self._is_working:
            self._is_working = True
            self._tasks.spawn(self._work(), "custom-resource-definitions")

    async def _work(self) -> None:
        while self._waiting:
            name = next(iter(self._waiting))
            del self._waiting[name]
            try:
                await self._sync(name)
            except (ConflictError, NotFoundError):
                continue  # Another server was quicker: the watch cache will tell.
            except (ApiError, EtcdError):
                self._waiting[name] = None
                await asyncio.sleep(RETRY_SECONDS)
        self._is_working = False

    def _known(self, name: str) -> Object | None:
        stored = self._registry.cache.state.get(name)
        return stored.object if stored is not None else None

    async def _sync(self, name: str) -> None:
        definition = self._known(name)
        if definition is None:
            self._server.remove_custom(name)
            return
        if "deletionTimestamp" in definition["metadata"]:
            self._begin_cleaning(name, definition)
        if is_true(definition, NAMES_ACCEPTED):
            await self._server.install_custom(definition)
        now = self._server.sim.clock.timestamp()
        named = with_approval(with_names(definition, self._others(definition), now), now)
        if named is not definition:
            await self._write(named)
        elif is_true(definition, NAMES_ACCEPTED) and not is_true(definition, ESTABLISHED):
            await self._write(established(definition, now))

    def _others(self, definition: Object) -> Sequence[Object]:
        group, uid = definition["spec"]["group"], definition["metadata"]["uid"]
        return [
            stored.object
            for stored in self._registry.cache.ordered()
            if stored.object["spec"]["group"] == group and stored.uid != uid
        ]

    # -- deletion ------------------------------------------------------------------------------------------

    def _begin_cleaning(self, name: str, definition: Object) -> None:
        if CLEANUP in (definition["metadata"].get("finalizers") or ()) and name not in self._cleaning:
            self._cleaning[name] = None
            self._tasks.spawn(self._clean(name), f"custom-resource-finalizer/{name}")

    async def _clean(self, name: str) -> None:
        """Deletes everything of a kind, then lets its definition go."""
        try:
            while (definition := self._known(name)) is not None:
                try:
                    if await self._clean_once(definition):
                        return
                except NotFoundError:
                    return
                except (ApiError, EtcdError):
                    pass
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._cleaning.pop(name, None)

    async def _clean_once(self, definition: Object) -> bool:
        progress = ("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
        definition = await self._mark(definition, progress)
        if not is_true(definition, ESTABLISHED):
            outcome = ("False", "NeverEstablished", "resource was never established")
        else:
            outcome = await self._delete_instances(definition)
        definition = await self._mark(definition, outcome)
        if outcome[0] == "True":
            return False
        held = [entry for entry in definition["metadata"].get("finalizers") or () if entry != CLEANUP]
        await self._write(with_fields(definition, {"finalizers": held or None}, "metadata"), finish_update, "")
        return True

    async def _delete_instances(self, definition: Object) -> tuple[str, str, str]:
        row = storage_row(definition)
        registry = self._server.registries.get((row.group, row.plural))
        if registry is None:
            return "False", "InstanceDeletionCompleted", "removed all instances"
        # Once for each namespace, as the authorization and admission of a deletion want it.
        namespaces = sorted({stored.object["metadata"].get("namespace", "") for stored in registry.cache.ordered()})
        for namespace in namespaces:
            await delete_collection(registry, self._context("deletecollection", row, namespace, body=BACKGROUND))
        for _ in range(CHECKS_MAX):
            await registry.cache.wait_for(await registry.storage.revision())
            if not registry.cache.state:
                return "False", "InstanceDeletionCompleted", "removed all instances"
            await asyncio.sleep(CHECK_SECONDS)
        words = "could not confirm zero CustomResources remaining: timed out waiting for the condition"
        return "True", "InstanceDeletionCheck", words

    async def _mark(self, definition: Object, outcome: tuple[str, str, str]) -> Object:
        now = self._server.sim.clock.timestamp()
        marked = with_condition(definition, TERMINATING, *outcome, now)
        return definition if marked is definition else await self._write(marked)

    # -- writing -------------------------------------------------------------------------------------------

    def _context(self, verb: str, row: Resource, namespace: str = "", **more: object) -> RequestContext:
        request = Request(verb, row, namespace, user_agent=NAME, **more)  # type: ignore[arg-type]
        return RequestContext(self._server.sim, request, API_SERVER)

    async def _write(
        self, definition: Object, finish: Callable[..., Object] = finish_status_update, subresource: str = "status"
    ) -> Object:
        """Writes what was computed; ConflictError if somebody was quicker."""
        name = definition["metadata"]["name"]
        context = self._context("update", CUSTOM_RESOURCE_DEFINITIONS, name=name, subresource=subresource)
        response: Response = await change(self._registry, context, always(definition), finish)
        assert response.stored is not None, "a change answers with the object"
        return response.stored.object
