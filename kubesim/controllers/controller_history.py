"""Former templates of StatefulSets and DaemonSets, each kept in a ControllerRevision.

A revision's data is the patch that brings the template back: `{"spec":{"template":{…,"$patch":"replace"}}}`. Two
revisions are equal when their data is. The newest bears the highest number; going back gives an old one a new number.
The name of a StatefulSet's revision is a hash of that patch as Go writes it (keys sorted, <, > and & escaped), so it
is the very name that a real cluster gives. (A DaemonSet hashes a dump of Go structs: see `deployment_revision`.)
Upstream: pkg/controller/history, getPatch in pkg/controller/{statefulset,daemon}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from kubesim.api.errors import AlreadyExistsError, ConflictError, NotFoundError
from kubesim.api.meta import controller_of, owner_reference, with_fields
from kubesim.api.resources import CONTROLLER_REVISIONS, Resource
from kubesim.api.selectors import Selector
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.informer import Informer
from kubesim.controllers.deployment_revision import FNV_OFFSET, FNV_PRIME
from kubesim.controllers.ownership import ORPHANS, Claimer, index_orphans, labels_of, plan_claims
from kubesim.sim.chance import NAME_ALPHABET

HASH_LABEL = "controller.kubernetes.io/hash"
ESCAPED = ((b"&", b"\\u0026"), (b"<", b"\\u003c"), (b">", b"\\u003e"))  # As Go's json.Marshal does for HTML's sake.


def template_patch(owner: Object) -> Object:
    """The data of the revision of the present template."""
    return {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}


def patch_bytes(patch: Object) -> bytes:
    """The patch as Go writes it."""
    data = orjson.dumps(patch, option=orjson.OPT_SORT_KEYS)
    for sign, escape in ESCAPED:
        data = data.replace(sign, escape)
    return data


def revision_hash(patch: Object, collision_count: int) -> str:
    """The name suffix of a StatefulSet's revision, such as 5fbb9b4c78. A collision count gives another one."""
    value = FNV_OFFSET
    for byte in patch_bytes(patch) + str(collision_count).encode():
        value = (value * FNV_PRIME & 0xFFFFFFFF) ^ byte  # FNV-1, while a ReplicaSet's hash is FNV-1a.
    return "".join(NAME_ALPHABET[ord(digit) % len(NAME_ALPHABET)] for digit in str(value))


def template_of(revision: Stored) -> Object:
    """The template that a revision keeps."""
    template = (revision.object.get("data") or {}).get("spec", {}).get("template") or {}
    return {name: value for name, value in template.items() if name != "$patch"}


def number_of(revision: Stored) -> int:
    """Its number."""
    number: int = revision.object.get("revision") or 0
    return number


def sorted_revisions(revisions: Sequence[Stored]) -> list[Stored]:
    """Oldest number first; of one number the older object, then by name."""
    return sorted(
        revisions, key=lambda each: (number_of(each), each.object["metadata"].get("creationTimestamp", ""), each.name)
    )


def next_number(revisions: Sequence[Stored]) -> int:
    """One more than that of any."""
    return 1 + max(map(number_of, revisions), default=0)


def new_revision(owner: Object, name: str, labels: dict[str, str], patch: Object, number: int) -> Object:
    """The ControllerRevision to create."""
    metadata: dict[str, Any] = {"name": name, "namespace": owner["metadata"]["namespace"], "labels": labels}
    if annotations := owner["metadata"].get("annotations"):
        metadata["annotations"] = annotations
    metadata["ownerReferences"] = [owner_reference(owner)]
    return {
        "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "data": patch, "revision": number,
    }  # fmt: skip


class ControllerHistory:
    """The revisions of the owners of one kind, as the cache shows them and as they are to be."""

    def __init__(self, client: Client, owners: Resource, revisions: Informer) -> None:
        self._client = client
        self._revisions = revisions
        self._claimer = Claimer(client, owners, CONTROLLER_REVISIONS)
        index_orphans(revisions)

    async def claim(self, owner: Stored, selector: Selector) -> list[Stored]:
        """The owner's revisions, those that it adopts now included; sorted."""
        owned = self._revisions.by_index("controller", owner.uid)
        orphans = self._revisions.by_index(ORPHANS, owner.namespace)
        orphans = [one for one in orphans if selector.matches(labels_of(one))] if orphans else []
        if orphans and (deleted := owner.object["metadata"].get("deletionTimestamp")):
            raise ConflictError(
                f"can't adopt ControllerRevisions: {owner.namespace}/{owner.name} has just been deleted at {deleted}"
            )
        if orphans:
            claims = plan_claims(owner, selector, (), orphans)
            owned = (*owned, *await self._claimer.claim(owner, claims))
        return sorted_revisions(owned)

    async def create(self, owner: Stored, number: int, collisions: int) -> tuple[Stored, int]:
        """Makes a StatefulSet's revision; with the collision count, which may have risen."""
        template = owner.object["spec"]["template"]
        labels = (template.get("metadata") or {}).get("labels") or {}
        patch = template_patch(owner.object)
        while True:
            hash_ = revision_hash(patch, collisions)
            name = f"{owner.name}-{hash_}"
            wanted = new_revision(owner.object, name, {**labels, HASH_LABEL: hash_}, patch, number)
            try:
                return await self._client.create(CONTROLLER_REVISIONS, wanted, owner.namespace), collisions
            except AlreadyExistsError:
                taken = await self._client.get(CONTROLLER_REVISIONS, name, owner.namespace)
                if taken.object.get("data") == patch and (controller_of(taken.object) or {}).get("uid") == owner.uid:
                    return taken, collisions
                collisions += 1

    async def renumber(self, revision: Stored, number: int) -> Stored:
        """Gives an old revision a new number."""
        if number_of(revision) == number:
            return revision
        return await self._client.update(CONTROLLER_REVISIONS, with_fields(revision.object, {"revision": number}))

    async def delete(self, revision: Stored) -> None:
        """Forgets one."""
        try:
            await self._client.delete(CONTROLLER_REVISIONS, revision.name, revision.namespace)
        except NotFoundError:
            return
