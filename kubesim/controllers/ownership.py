"""Who belongs to whom: controllers adopt what matches their selector and release what no longer does.

An owner reference with `controller: true` says whose an object is. Matching labels alone do not: two ReplicaSets
may select the same Pod, but only one may own it. Before adopting, the owner is read from the apiserver itself,
lest one that has just been deleted adopts.
Upstream: pkg/controller/controller_ref_manager.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from kubesim.api.errors import ApiError, InvalidError, NotFoundError
from kubesim.api.meta import controller_of, owner_reference
from kubesim.api.resources import Resource
from kubesim.api.selectors import Selector
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.informer import Informer
from kubesim.controllers.controller import RetryLaterError

ORPHANS = "orphans"  # An index by namespace of objects that nobody controls.


class Claims(NamedTuple):
    """What an owner has, wants, and has to let go."""

    keep: Sequence[Stored]
    adopt: Sequence[Stored]
    release: Sequence[Stored]


def index_orphans(informer: Informer) -> None:
    """Makes the index ORPHANS, unless another controller that shares the informer has made it."""
    if not informer.has_index(ORPHANS):
        informer.add_index(ORPHANS, _orphaned_in)


def owner_in(informer: Informer, namespace: str, reference: Object | None) -> Stored | None:
    """The object that a controller reference points to, if `informer` caches its kind and has it with that uid."""
    if reference is None or reference["kind"] != informer.resource.kind:
        return None
    owner = informer.get(f"{namespace}/{reference['name']}")
    return owner if owner is not None and owner.uid == reference["uid"] else None


def plan_claims(owner: Stored, selector: Selector, owned: Iterable[Stored], orphans: Iterable[Stored]) -> Claims:
    """Keeps what matches, adopts orphans that match, releases what stopped matching.

    An owner on its way out does neither of the last two.
    """
    leaving = bool(owner.object["metadata"].get("deletionTimestamp"))
    keep: list[Stored] = []
    release: list[Stored] = []
    for stored in owned:
        matches = selector.matches(stored.object["metadata"].get("labels") or {})
        (keep if matches else release).append(stored)
    if leaving:
        return Claims(keep, (), ())
    adopt = [
        orphan
        for orphan in orphans
        if "deletionTimestamp" not in orphan.object["metadata"]
        and selector.matches(orphan.object["metadata"].get("labels") or {})
    ]
    return Claims(keep, adopt, release)


def is_same_controller(first: Object | None, second: Object | None) -> bool:
    """Whether two objects have the same controller, or both none."""
    uids = [reference["uid"] if reference else None for reference in (first, second)]
    return uids[0] == uids[1]


def labels_of(stored: Stored) -> Mapping[str, str]:
    """The labels, {} if there are none."""
    return stored.object["metadata"].get("labels") or {}


def _orphaned_in(stored: Stored) -> tuple[str, ...]:
    return () if controller_of(stored.object) else (stored.namespace,)


class Claimer:
    """Carries claims out for owners of one kind over objects of another."""

    def __init__(
        self, client: Client, owners: Resource, dependants: Resource, *, finalizers: Sequence[str] = ()
    ) -> None:
        self._finalizers = finalizers  # What is adopted gets them; what is released loses them.
        self._client = client
        self._owners = owners
        self._dependants = dependants

    async def claim(self, owner: Stored, claims: Claims) -> list[Stored]:
        """Adopts and releases; returns all that the owner has now, in the order of `claims`."""
        mine = list(claims.keep)
        if claims.adopt:
            await self._ensure_alive(owner)
        for orphan in claims.adopt:
            adopted = await self._adopt(owner, orphan)
            if adopted is not None:
                mine.append(adopted)
        for stored in claims.release:
            await self._release(owner, stored)
        return mine

    async def _ensure_alive(self, owner: Stored) -> None:
        fresh = await self._client.get(self._owners, owner.name, owner.namespace)
        where = f"{owner.namespace}/{owner.name}"
        if fresh.uid != owner.uid:
            kind = self._owners.kind
            raise RetryLaterError(f"original {kind} {where} is gone: got uid {fresh.uid}, wanted {owner.uid}")
        if deleted := fresh.object["metadata"].get("deletionTimestamp"):
            raise RetryLaterError(f"{where} has just been deleted at {deleted}")

    async def _adopt(self, owner: Stored, orphan: Stored) -> Stored | None:
        metadata: Object = {"ownerReferences": [owner_reference(owner.object)], "uid": orphan.uid}
        if self._finalizers:
            metadata["finalizers"] = list(self._finalizers)
        patch = {"metadata": metadata}
        try:
            return await self._client.patch(self._dependants, orphan.name, patch, orphan.namespace)
        except NotFoundError:
            return None  # Gone meanwhile.

    async def _release(self, owner: Stored, stored: Stored) -> None:
        gone = {"$patch": "delete", "uid": owner.uid}
        metadata: Object = {"uid": stored.uid, "ownerReferences": [gone]}
        if self._finalizers:
            metadata["$deleteFromPrimitiveList/finalizers"] = list(self._finalizers)
        patch = {"metadata": metadata}
        with suppress(NotFoundError, InvalidError):  # Gone meanwhile, or another object of the same name by now.
            await self._client.patch(self._dependants, stored.name, patch, stored.namespace)


def is_namespace_terminating(error: Exception) -> bool:
    """Whether a creation was refused because its namespace is being deleted: trying again is no use."""
    if not isinstance(error, ApiError):
        return False
    causes = (error.details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
