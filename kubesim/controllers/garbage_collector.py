"""Deletes what lost its owner, and carries out the three ways of deleting an owner.

*Background*: the owner goes at once; its dependants, now with an owner that does not exist, follow.
*Foreground*: the owner stays, held by the finalizer `foregroundDeletion`, until the dependants that block it are gone.
*Orphan*: held by the finalizer `orphan`, until the references to it were taken out of its dependants.

The graph (`owner_graph`) comes from informers and may be late, so before it deletes anything the collector asks the
apiserver itself whether the object and its owners are still there.
Upstream: pkg/controller/garbagecollector.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kubesim.api.errors import ConflictError, NotFoundError
from kubesim.api.resources import RESOURCES, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import MERGE_PATCH, STRATEGIC_MERGE_PATCH
from kubesim.controllers.controller import Controller, ControllerContext, RetryLaterError
from kubesim.controllers.custom_kinds import CustomKinds
from kubesim.controllers.owner_graph import (
    FOREGROUND,
    ORPHAN,
    Consequences,
    Identity,
    OwnerGraph,
    OwnerNode,
    is_deleting,
    owners_of,
    place_of,
)

ABSENT_OWNERS_MAX = 500
FINALIZER_TRIES_MAX = 5
ORPHANED_SECONDS = 0.001  # Round trips take time: an owner's controller sees it without dependants before it goes.
TO_ORPHAN = "orphan/"  # Before a uid in the queue.
PROPAGATION = {ORPHAN: "Orphan", FOREGROUND: "Foreground"}


class Owners(NamedTuple):
    """An object's owners, by what they mean for it."""

    solid: Sequence[Object]
    dangling: Sequence[Object]  # They do not exist.
    waiting: Sequence[Object]  # They are under foreground deletion.


class GarbageCollector(Controller):
    """The queue holds uids of objects that perhaps must go."""

    name = "garbage-collector-controller"
    service_account = "generic-garbage-collector"
    workers = 20

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._graph = OwnerGraph()
        self._absent: dict[str, None] = {}  # Owners known not to exist; uids never come back.
        self._kinds = CustomKinds(self.informers)
        for resource in RESOURCES:
            if is_collectable(resource):
                self._watch(resource)
        self._kinds.follow(self._watch, self.informers.forget)

    def _watch(self, resource: Resource) -> None:
        self.informers.of(resource).add_handler(on_add=self._added, on_update=self._updated, on_delete=self._deleted)

    def _resource(self, identity: Identity) -> Resource:
        """The kind of an object; RetryLaterError if nobody serves it (yet)."""
        resource = self._kinds.find(identity.api_version, identity.kind)
        if resource is None:
            raise RetryLaterError(f'no matches for kind "{identity.kind}" in version "{identity.api_version}"')
        return resource

    def _is_unresolvable(self, identity: Identity) -> bool:
        """Whether something without a namespace names an owner that must have one: nobody can tell which is meant."""
        return self._resource(identity).namespaced and not identity.namespace

    async def reconcile(self, key: str) -> None:
        """Looks at one object: does it have to go, and how? Or, with the mark: do its dependants have to be freed?"""
        if key.startswith(TO_ORPHAN):
            await self._orphan(key.removeprefix(TO_ORPHAN))
            return
        node = self._graph.nodes.get(key)
        if node is None or (node.is_being_deleted and not node.is_deleting_dependents):
            return  # Gone, or on its way: its dependants follow once it is gone.
        if self._is_unresolvable(node.identity):
            return
        live = await self._find(node.identity)
        if live is None:
            self._remember_absent(key)
            self._follow(self._graph.deleted(key))
            return
        if node.is_deleting_dependents:
            await self._finish_foreground(node)
            return
        references = owners_of(live.object)
        if references:
            await self._judge(node, live, await self._classify(node.identity, references))

    async def _judge(self, node: OwnerNode, live: Stored, owners: Owners) -> None:
        """Deletes an object none of whose owners is left; else takes out only the references that lead nowhere."""
        if owners.solid:
            if owners.dangling or owners.waiting:
                await self._drop_references(node.identity, [*owners.dangling, *owners.waiting])
        elif owners.waiting and node.dependents:
            if any(dependent.is_deleting_dependents for dependent in node.dependents.values()):
                await self._unblock_owners(node.identity, live)  # Perhaps a circle: nobody must wait for this one.
            await self._delete(node.identity, "Foreground")
        else:
            held_by = live.object["metadata"].get("finalizers") or ()
            policy = next((PROPAGATION[name] for name in (ORPHAN, FOREGROUND) if name in held_by), "Background")
            await self._delete(node.identity, policy)

    async def _classify(self, identity: Identity, references: Iterable[Object]) -> Owners:
        owners = Owners([], [], [])
        for reference in references:
            place = place_of(reference, identity.namespace)
            owner = await self._owner(place)
            if self._is_unresolvable(place):
                owners = owners._replace(solid=[*owners.solid, reference])  # It may mean something: keep.
            elif owner is None:
                owners = owners._replace(dangling=[*owners.dangling, reference])
            elif is_deleting(owner.object, FOREGROUND):
                owners = owners._replace(waiting=[*owners.waiting, reference])
            else:
                owners = owners._replace(solid=[*owners.solid, reference])
        return owners

    async def _owner(self, place: Identity) -> Stored | None:
        """The live owner that a reference names; None if there is none of that uid."""
        if place.uid in self._absent or self._is_unresolvable(place):
            return None
        owner = await self._find(place)
        if owner is None:
            self._remember_absent(place.uid)
        return owner

    async def _find(self, identity: Identity) -> Stored | None:
        """The object of this identity as the apiserver has it; None if it is gone or another took its name."""
        resource = self._resource(identity)
        namespace = identity.namespace if resource.namespaced else ""
        try:
            live = await self.client.get(resource, identity.name, namespace)
        except NotFoundError:
            return None
        return live if live.uid == identity.uid else None

    async def _finish_foreground(self, node: OwnerNode) -> None:
        """Lets an owner go once nothing blocks it; else makes sure that what blocks is being deleted."""
        blocking = node.blocking_dependents()
        if not blocking:
            await self._remove_finalizer(node.identity, FOREGROUND)
        for dependent in blocking:
            if not dependent.is_deleting_dependents:
                self.queue.add(dependent.identity.uid)

    async def _orphan(self, uid: str) -> None:
        """Takes an owner out of the references of its dependants, then lets it go."""
        node = self._graph.nodes.get(uid)
        if node is None:
            return
        for dependent in list(node.dependents.values()):
            await self._drop_references(dependent.identity, [{"uid": uid}])
        await asyncio.sleep(ORPHANED_SECONDS)
        await self._remove_finalizer(node.identity, ORPHAN)

    async def _drop_references(self, identity: Identity, references: Iterable[Object]) -> None:
        """Takes owner references out of an object; one that is gone needs none."""
        if self._resource(identity).custom:
            await self._keep_references(identity, {reference["uid"] for reference in references})
            return
        gone = [{"$patch": "delete", "uid": reference["uid"]} for reference in references]
        patch = {"metadata": {"ownerReferences": gone, "uid": identity.uid}}
        try:
            await self.client.patch(self._resource(identity), identity.name, patch, identity.namespace)
        except NotFoundError:
            return

    async def _keep_references(self, identity: Identity, gone: set[str]) -> None:
        """The same for a custom object, in which a patch can only replace the whole list."""
        live = await self._find(identity)
        if live is None:
            return
        kept = [owner for owner in owners_of(live.object) if owner["uid"] not in gone]
        version = live.object["metadata"]["resourceVersion"]
        patch = {"metadata": {"ownerReferences": kept or None, "uid": identity.uid, "resourceVersion": version}}
        await self.client.patch(
            self._resource(identity), identity.name, patch, identity.namespace, patch_type=MERGE_PATCH
        )

    async def _unblock_owners(self, identity: Identity, live: Stored) -> None:
        references = [{**owner, "blockOwnerDeletion": False} for owner in owners_of(live.object)]
        patch = {"metadata": {"ownerReferences": references, "uid": identity.uid}}
        resource = self._resource(identity)
        patch_type = MERGE_PATCH if resource.custom else STRATEGIC_MERGE_PATCH
        await self.client.patch(resource, identity.name, patch, identity.namespace, patch_type=patch_type)

    async def _remove_finalizer(self, identity: Identity, finalizer: str) -> None:
        for tries_left in reversed(range(FINALIZER_TRIES_MAX)):
            live = await self._find(identity)
            if live is None:
                return
            metadata = live.object["metadata"]
            held_by = metadata.get("finalizers") or []
            if finalizer not in held_by:
                return
            left = [name for name in held_by if name != finalizer]
            patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": left}}
            resource = self._resource(identity)
            try:
                await self.client.patch(resource, identity.name, patch, identity.namespace, patch_type=MERGE_PATCH)
            except NotFoundError:
                return
            except ConflictError:
                if not tries_left:
                    raise
            else:
                return

    async def _delete(self, identity: Identity, policy: str) -> None:
        try:
            await self.client.delete(
                self._resource(identity), identity.name, identity.namespace, propagation_policy=policy, uid=identity.uid
            )
        except NotFoundError:
            return

    def _remember_absent(self, uid: str) -> None:
        if len(self._absent) >= ABSENT_OWNERS_MAX:
            del self._absent[next(iter(self._absent))]
        self._absent[uid] = None

    def _follow(self, consequences: Consequences) -> None:
        for uid in consequences.to_delete:
            self.queue.add(uid)
        for uid in consequences.to_orphan:
            self.queue.add(TO_ORPHAN + uid)

    def _added(self, stored: Stored) -> None:
        self._follow(self._graph.added(stored))

    def _updated(self, old: Stored, stored: Stored) -> None:
        self._follow(self._graph.updated(old, stored))

    def _deleted(self, stored: Stored) -> None:
        uid = stored.uid
        node = self._graph.nodes.get(uid)
        if node is not None and node.dependents:
            self._remember_absent(uid)
        self._follow(self._graph.deleted(uid))


def is_collectable(resource: Resource) -> bool:
    """Whether objects of a kind can be deleted; Events own nothing and expire by themselves."""
    return "delete" in resource.verbs and resource.plural != "events"
