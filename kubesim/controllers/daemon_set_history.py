"""The revisions of a DaemonSet: the present template's, made when there is none, and the old ones, kept up to a limit.

Upstream: constructHistory, snapshot and cleanupHistory in pkg/controller/daemon/update.go. Left out: Pods are not
relabelled when two revisions of one template are merged.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.api.errors import AlreadyExistsError
from kubesim.api.meta import with_fields
from kubesim.api.resources import CONTROLLER_REVISIONS, DAEMON_SETS
from kubesim.api.selectors import Selector
from kubesim.api.stored import Stored
from kubesim.client.client import Client
from kubesim.client.informer import Informer
from kubesim.controllers import controller_history as history
from kubesim.controllers.daemon_set_nodes import HASH_LABEL
from kubesim.controllers.deployment_revision import template_hash
from kubesim.controllers.ownership import labels_of


class DaemonHistory:
    """The revisions of all DaemonSets."""

    def __init__(self, client: Client, revisions: Informer) -> None:
        self._client = client
        self._history = history.ControllerHistory(client, DAEMON_SETS, revisions)

    async def construct(self, owner: Stored, selector: Selector) -> tuple[Stored, list[Stored]]:
        """The revision of the present template, with the highest number, and the old ones."""
        kept = await self._history.claim(owner, selector)
        patch = history.template_patch(owner.object)
        same = [revision for revision in kept if revision.object.get("data") == patch]
        old = [revision for revision in kept if revision.object.get("data") != patch]
        number = history.next_number(old)
        if not same:
            return await self._snapshot(owner, number), old
        for duplicate in same[:-1]:
            await self._history.delete(duplicate)
        current = same[-1]
        if history.number_of(current) < number:
            await self._history.renumber(current, number)
        return current, old

    async def _snapshot(self, owner: Stored, number: int) -> Stored:
        template, status = owner.object["spec"]["template"], owner.object.get("status") or {}
        hash_ = template_hash(template, status.get("collisionCount"))
        patch = history.template_patch(owner.object)
        labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH_LABEL: hash_}
        wanted = history.new_revision(owner.object, f"{owner.name}-{hash_}", labels, patch, number)
        try:
            return await self._client.create(CONTROLLER_REVISIONS, wanted, owner.namespace)
        except AlreadyExistsError:
            taken = await self._client.get(CONTROLLER_REVISIONS, wanted["metadata"]["name"], owner.namespace)
            if taken.object.get("data") == patch:
                return taken
            fresh = await self._client.get(DAEMON_SETS, owner.name, owner.namespace)
            collisions = (fresh.object.get("status") or {}).get("collisionCount") or 0
            await self._client.update_status(
                DAEMON_SETS, with_fields(fresh.object, {"collisionCount": collisions + 1}, "status")
            )
            raise  # The next try has another name.

    async def clean_up(self, owner: Stored, old: Sequence[Stored], pods: Sequence[Stored]) -> None:
        """Forgets the oldest revisions that no Pod is of, down to the limit."""
        surplus = len(old) - owner.object["spec"].get("revisionHistoryLimit", 10)
        live = {labels_of(pod).get(HASH_LABEL) for pod in pods}
        for revision in old:
            if surplus <= 0:
                return
            if labels_of(revision).get(HASH_LABEL) not in live:
                await self._history.delete(revision)
                surplus -= 1
