"""Who owns whom, as the garbage collector knows it: a graph over uids, kept up to date by events. Pure.

A node is an object or, when something names an owner that was not seen, a *virtual* one: a claim that has to be
checked. Each change of the graph answers with uids that deserve a look: to be deleted, or to have their dependants
released.
Upstream: graph.go and graph_builder.go in pkg/controller/garbagecollector. Left out: an owner that two dependants
name by different coordinates, and the event about an owner in another namespace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.api.stored import Object, Stored

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class Identity(NamedTuple):
    """How to find an object."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class OwnerNode:
    """One object in the graph."""

    __slots__ = ("dependents", "identity", "is_being_deleted", "is_deleting_dependents", "is_virtual", "owners")

    def __init__(self, identity: Identity, owners: Sequence[Object] = (), *, is_virtual: bool = False) -> None:
        self.identity = identity
        self.owners = owners
        self.dependents: dict[str, OwnerNode] = {}  # By uid, in order of arrival.
        self.is_virtual = is_virtual
        self.is_being_deleted = False
        self.is_deleting_dependents = False  # Foreground deletion: it waits until its dependants are gone.

    def blocking_dependents(self) -> list[OwnerNode]:
        """The dependants that keep a foreground deletion from ending."""
        uid = self.identity.uid
        return [
            dependent
            for dependent in self.dependents.values()
            if any(owner["uid"] == uid and owner.get("blockOwnerDeletion") for owner in dependent.owners)
        ]


class Consequences(NamedTuple):
    """The uids to look at after a change, in order."""

    to_delete: Sequence[str] = ()
    to_orphan: Sequence[str] = ()


NONE = Consequences()


class OwnerGraph:
    """All objects that can own or be owned."""

    def __init__(self) -> None:
        self.nodes: dict[str, OwnerNode] = {}

    def added(self, stored: Stored) -> Consequences:
        """An object appeared."""
        obj = stored.object
        uid: str = obj["metadata"]["uid"]
        node = self.nodes.get(uid)
        if node is not None:
            node.is_virtual = False
            node.identity = identity_of(obj)
            return self._changed(node, obj, was_waiting=False, was_orphaning=False)
        node = self.nodes[uid] = OwnerNode(identity_of(obj), owners_of(obj))
        to_delete = self._join_owners(node, node.owners)
        return joined(Consequences(to_delete), self._changed(node, obj, was_waiting=False, was_orphaning=False))

    def updated(self, old: Stored, stored: Stored) -> Consequences:
        """An object changed. Most changes are none here: they cost a few look-ups."""
        before, after = old.object["metadata"], stored.object["metadata"]
        if (
            before.get("ownerReferences") == after.get("ownerReferences")
            and before.get("finalizers") == after.get("finalizers")
            and ("deletionTimestamp" in before) == ("deletionTimestamp" in after)
        ):
            return NONE
        node = self.nodes.get(after["uid"])
        if node is None:
            return self.added(stored)
        was_waiting, was_orphaning = is_deleting(old.object, FOREGROUND), is_deleting(old.object, ORPHAN)
        return self._changed(node, stored.object, was_waiting, was_orphaning)

    def deleted(self, uid: str) -> Consequences:
        """An object is gone, or a virtual one turned out not to exist: its dependants, and owners that waited."""
        node = self.nodes.pop(uid, None)
        if node is None:
            return NONE
        to_delete = list(node.dependents)
        for reference in node.owners:
            owner = self.nodes.get(reference["uid"])
            if owner is not None:
                owner.dependents.pop(uid, None)
                if owner.is_deleting_dependents:
                    to_delete.append(owner.identity.uid)
        return Consequences(to_delete)

    def _changed(self, node: OwnerNode, obj: Object, was_waiting: bool, was_orphaning: bool) -> Consequences:
        """Compares owners, and what kind of deletion the object is under, with what was known."""
        to_delete = self._change_owners(node, owners_of(obj))
        to_orphan: list[str] = []
        if "deletionTimestamp" in obj["metadata"]:
            node.is_being_deleted = True
        if is_deleting(obj, ORPHAN) and not was_orphaning:
            to_orphan.append(node.identity.uid)
        if is_deleting(obj, FOREGROUND) and not was_waiting:
            node.is_deleting_dependents = True
            to_delete += [*node.dependents, node.identity.uid]
        return Consequences(to_delete, to_orphan)

    def _change_owners(self, node: OwnerNode, owners: Sequence[Object]) -> list[str]:
        before, node.owners = node.owners, owners
        if before == owners:
            return []
        was = {owner["uid"]: owner for owner in before}
        now = {owner["uid"]: owner for owner in owners}
        freed = [
            uid
            for uid, owner in was.items()
            if owner.get("blockOwnerDeletion") and (uid not in now or not now[uid].get("blockOwnerDeletion"))
        ]
        for uid in was:
            if uid not in now and uid in self.nodes:
                self.nodes[uid].dependents.pop(node.identity.uid, None)
        joined_owners = self._join_owners(node, [owner for uid, owner in now.items() if uid not in was])
        waiting = [uid for uid in freed if uid in self.nodes and self.nodes[uid].is_deleting_dependents]
        return [*waiting, *joined_owners]

    def _join_owners(self, node: OwnerNode, owners: Sequence[Object]) -> list[str]:
        """Adds a node to its owners' dependants; unknown owners become virtual nodes that want checking."""
        to_check = []
        for reference in owners:
            uid = reference["uid"]
            owner = self.nodes.get(uid)
            if owner is None:
                identity = place_of(reference, node.identity.namespace)
                owner = self.nodes[uid] = OwnerNode(identity, is_virtual=True)
                to_check.append(uid)
            owner.dependents[node.identity.uid] = node
        return to_check


def identity_of(obj: Object) -> Identity:
    """How to find this object again."""
    metadata = obj["metadata"]
    return Identity(obj["apiVersion"], obj["kind"], metadata.get("namespace", ""), metadata["name"], metadata["uid"])


def place_of(reference: Object, namespace: str) -> Identity:
    """Where the owner is, or would be, that an object in `namespace` names."""
    return Identity(reference["apiVersion"], reference["kind"], namespace, reference["name"], reference["uid"])


def owners_of(obj: Object) -> Sequence[Object]:
    """Its owner references."""
    return obj["metadata"].get("ownerReferences") or ()


def is_deleting(obj: Object, finalizer: str) -> bool:
    """Whether an object is being deleted and `finalizer` holds it."""
    metadata = obj["metadata"]
    return "deletionTimestamp" in metadata and finalizer in (metadata.get("finalizers") or ())


def joined(first: Consequences, second: Consequences) -> Consequences:
    """Both, in order."""
    return Consequences([*first.to_delete, *second.to_delete], [*first.to_orphan, *second.to_orphan])
