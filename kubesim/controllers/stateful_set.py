"""Keeps Pods with names and storage of their own, in order, for every StatefulSet.

This file listens, finds the set's revisions and Pods, lets `stateful_set_sync` take its steps, and writes the status.
Upstream: pkg/controller/statefulset/stateful_set.go and stateful_set_control.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.meta import with_fields
from kubesim.api.resources import CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS
from kubesim.api.selectors import Selector
from kubesim.api.stored import Object, Stored
from kubesim.controllers import controller_history as history
from kubesim.controllers.controller import ControllerContext
from kubesim.controllers.own_writes import OwnWrites
from kubesim.controllers.ownership import (
    ORPHANS,
    Claimer,
    plan_claims,
)
from kubesim.controllers.pod_owner import PodOwnerController
from kubesim.controllers.stateful_set_claims import StatefulClaims
from kubesim.controllers.stateful_set_pods import is_member, revision_of
from kubesim.controllers.stateful_set_status import Revisions, as_written, completed, is_news
from kubesim.controllers.stateful_set_sync import StatefulSync


class StatefulSetController(PodOwnerController):
    """Every number of a set has its Pod, and every Pod its number."""

    name = "statefulset-controller"
    workers = 5
    resource = STATEFUL_SETS

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self.revisions = self.informers.of(CONTROLLER_REVISIONS)
        self.writes = OwnWrites()
        self._claimer = Claimer(self.client, STATEFUL_SETS, PODS)
        self._history = history.ControllerHistory(self.client, STATEFUL_SETS, self.revisions)
        self._claims = StatefulClaims(self.client, self.recorder, self.informers.of(PERSISTENT_VOLUME_CLAIMS))
        self.sets.add_handler(on_add=self.enqueue, on_update=lambda _, new: self.enqueue(new), on_delete=self.enqueue)

    # -- one sync -------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> None:
        """Adopts and releases, takes the next steps, writes the status, forgets old revisions."""
        owner = self.sets.get(key)
        if owner is None:
            self.writes.forget(key)
            return  # Its Pods belong to the garbage collector now.
        self.writes.check(key)
        selector = self.selector_of(owner)
        kept = await self._history.claim(owner, selector)
        pods = await self._claim(owner, selector)
        current, update, collisions = await self._revisions_of(owner, kept)
        names = Revisions(current.name, update.name, collisions)
        templates = (history.template_of(current), history.template_of(update))
        now = self.sim.clock.unix_ns() / 1e9
        sync = StatefulSync(self.client, self.recorder, self._claims, owner, names, templates, pods, now)
        error = await sync.run()
        for pod in sync.wrote:
            self.writes.wrote(key, self.pods, pod.revision)
        status = await self._write_status(owner, sync.status())
        await self._truncate(owner, pods, kept, names)
        if error is not None:
            raise error
        if sync.minimum > 0 and status["availableReplicas"] != len(sync.replicas):
            self.queue.add_after(key, sync.minimum)

    async def _claim(self, owner: Stored, selector: Selector) -> list[Stored]:
        """The Pods that it owns from now on, whatever their state; only those that bear its name are adopted."""
        owned = self.pods.by_index("controller", owner.uid)
        orphans = [pod for pod in self.pods.by_index(ORPHANS, owner.namespace) if is_member(owner.name, pod)]
        claims = plan_claims(owner, selector, owned, orphans)
        claims = claims._replace(keep=[pod for pod in claims.keep if is_member(owner.name, pod)])
        return await self._claimer.claim(owner, claims)

    async def _revisions_of(self, owner: Stored, kept: Sequence[Stored]) -> tuple[Stored, Stored, int]:
        """The current revision, the one to update to (made or renumbered if needed), and the collision count."""
        status = owner.object.get("status") or {}
        collisions = status.get("collisionCount") or 0
        patch = history.template_patch(owner.object)
        equal = [revision for revision in kept if revision.object.get("data") == patch]
        if equal and kept[-1].object.get("data") == patch:
            update = kept[-1]
        elif equal:
            update = await self._history.renumber(equal[-1], history.next_number(kept))
            self.writes.wrote(owner.key, self.revisions, update.revision)
        else:
            update, collisions = await self._history.create(owner, history.next_number(kept), collisions)
            self.writes.wrote(owner.key, self.revisions, update.revision)
        name = status.get("currentRevision", "")
        return next((revision for revision in kept if revision.name == name), update), update, collisions

    async def _write_status(self, owner: Stored, status: Object) -> Object:
        """Writes it if it says anything new; when that fails, once more upon what the apiserver has."""
        status = completed(owner.object["spec"], status)
        if not is_news(status, owner.object.get("status") or {}):
            return status
        fields = {"status": as_written(status)}
        try:
            written = await self.client.update_status(STATEFUL_SETS, with_fields(owner.object, fields))
        except (ApiError, TransportError):
            fresh = await self.client.get(STATEFUL_SETS, owner.name, owner.namespace)
            written = await self.client.update_status(STATEFUL_SETS, with_fields(fresh.object, fields))
        self.writes.wrote(owner.key, self.sets, written.revision)
        return status

    async def _truncate(
        self, owner: Stored, pods: Sequence[Stored], kept: Sequence[Stored], revisions: Revisions
    ) -> None:
        """Forgets the oldest revisions that nobody uses, down to the limit."""
        used = {revisions.current, revisions.update, *(revision_of(pod.object) for pod in pods)}
        old = [revision for revision in kept if revision.name not in used]
        limit = owner.object["spec"].get("revisionHistoryLimit", 10)
        for revision in old[: max(0, len(old) - limit)]:
            await self._history.delete(revision)
