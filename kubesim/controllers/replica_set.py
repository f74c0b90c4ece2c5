"""Keeps the right number of Pods alive for every ReplicaSet.

It never counts events; it counts Pods, compares with spec.replicas, and closes the gap. What to do is decided in
`replica_plan` and `pod_ranking`; this file listens, asks them, and carries out.
One thing is the simulation's own: in a real cluster a sync of thousands of Pods takes its time, and what changes
meanwhile is seen by the next one. Here syncs take none, so after a big set the worker rests for as long.
Upstream: pkg/controller/replicaset/replica_set.go, which serves ReplicationControllers too, as this one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import ClassVar

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.meta import controller_of, with_fields
from kubesim.api.resources import PODS, REPLICA_SETS
from kubesim.api.selectors import Selector, label_selector
from kubesim.api.stored import Object, Stored
from kubesim.controllers import replica_plan
from kubesim.controllers.controller import ControllerContext
from kubesim.controllers.own_writes import OwnWrites
from kubesim.controllers.ownership import (
    ORPHANS,
    Claimer,
    is_namespace_terminating,
    plan_claims,
)
from kubesim.controllers.pod_control import PodControl, pod_from_template
from kubesim.controllers.pod_owner import PodOwnerController
from kubesim.controllers.pods import Replica

BIG_SET_PODS = 100
SYNC_SECONDS_PER_POD = 2e-6  # Lets what happens to many Pods at once become one sync, not one each.


class ReplicaSetController(PodOwnerController):
    """Closes the gap between spec.replicas and the Pods that exist."""

    name = "replicaset-controller"
    workers = 5
    resource = REPLICA_SETS
    counts_terminating: ClassVar[bool] = True  # ReplicationControllers have no such field.

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self.pod_control = PodControl(self.client, self.recorder)
        self.writes = OwnWrites()
        self._claimer = Claimer(self.client, self.resource, PODS)
        self._selectors: dict[str, tuple[str, int, Selector]] = {}  # With the uid and generation that it is of.
        self.sets.add_handler(on_add=self.enqueue, on_update=self._set_updated, on_delete=self._set_deleted)

    # -- one sync -------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> None:
        """Adopts and releases, creates or deletes, and writes the status."""
        owner = self.sets.get(key)
        if owner is None:
            self.expectations.forget(key)
            self.writes.forget(key)
            self._selectors.pop(key, None)
            return  # Its Pods belong to the garbage collector now.
        self.writes.check(key)
        may_act = self.expectations.satisfied(key) and "deletionTimestamp" not in owner.object["metadata"]
        active, terminating = await self._claim(owner)
        error = await self._manage(owner, active) if may_act else None
        await self._write_status(owner, active, terminating, error)
        if len(active) > BIG_SET_PODS:
            await asyncio.sleep(len(active) * SYNC_SECONDS_PER_POD)
        if error is not None:
            raise error

    async def _claim(self, owner: Stored) -> tuple[list[Stored], int]:
        """The active Pods that it owns from now on, and how many more are terminating."""
        selector = self.selector_of(owner)
        owned = self.pods.by_index("controller", owner.uid)
        orphans = [one for one in self.pods.by_index(ORPHANS, owner.namespace) if one.derived(Replica).is_active]
        active: list[Stored] = []
        terminating, all_match = 0, True
        for stored in owned:
            replica = stored.derived(Replica)
            if replica.is_active:
                active.append(stored)
                all_match = all_match and replica.is_selected_by(selector)
            elif replica.is_terminating:
                terminating += replica.is_selected_by(selector)
        if all_match and not orphans:
            return active, terminating  # Nearly always.
        claims = plan_claims(owner, selector, active, orphans)
        if claims.adopt or claims.release:
            return await self._claimer.claim(owner, claims), terminating
        return list(claims.keep), terminating

    async def _manage(self, owner: Stored, active: Sequence[Stored]) -> Exception | None:
        """Creates or deletes Pods; the first error if there was one."""
        desired = replicas_of(owner)
        plan = replica_plan.plan_replicas(desired, active, lambda: self._related_pods(owner), self._now())
        if plan.create:
            return await self._create(owner, plan.create)
        if plan.delete:
            return await self._delete(owner, plan.delete)
        return None

    async def _create(self, owner: Stored, count: int) -> Exception | None:
        self.expectations.expect_creations(owner.key, count)
        template = pod_from_template(owner.object)
        tried = failed = 0
        first_error: Exception | None = None
        for batch in replica_plan.slow_start_batches(count):
            for _ in range(batch):
                tried += 1
                try:
                    pod = await self.pod_control.create(owner, template)
                except (ApiError, TransportError) as error:
                    if not is_namespace_terminating(error):
                        failed += 1
                        first_error = first_error or error
                else:
                    self.writes.wrote(owner.key, self.pods, pod.revision)
            if first_error is not None:
                break
        # What failed or was never tried will not show up in the cache.
        self.expectations.creation_observed(owner.key, count - tried + failed)
        return first_error

    async def _delete(self, owner: Stored, pods: Sequence[Stored]) -> Exception | None:
        self.expectations.expect_deletions(owner.key, [pod.key for pod in pods])
        first_error: Exception | None = None
        for pod in pods:
            try:
                remaining = await self.pod_control.delete(owner, pod)
            except (ApiError, TransportError) as error:
                self.expectations.deletion_observed(owner.key, pod.key)
                if not isinstance(error, NotFoundError):
                    first_error = first_error or error
            else:
                if remaining is not None:
                    self.writes.wrote(owner.key, self.pods, remaining.revision)
        return first_error

    def _related_pods(self, owner: Stored) -> Iterator[Stored]:
        """The Pods of all the sets that have the same controller as `owner`, its own included."""
        controller = controller_of(owner.object)
        siblings = self.sets.by_index("controller", controller["uid"]) if controller else ()
        for sibling in siblings:
            yield from self.pods.by_index("controller", sibling.uid)

    # -- status ---------------------------------------------------------------------------------------

    async def _write_status(
        self, owner: Stored, active: Sequence[Stored], terminating: int, error: Exception | None
    ) -> None:
        spec = owner.object["spec"]
        minimum = spec.get("minReadySeconds", 0)
        wanted = (spec["template"].get("metadata") or {}).get("labels") or {}
        counts = replica_plan.count_replicas(active, terminating, wanted, minimum, self._now())
        if counts.next_available_seconds is not None:
            self.queue.add_after(owner.key, counts.next_available_seconds)
        old = owner.object.get("status") or {}
        surplus = len(active) - replicas_of(owner)
        conditions = replica_plan.failure_conditions(
            old.get("conditions") or (), surplus, error, self.sim.clock.timestamp()
        )
        generation = owner.object["metadata"].get("generation", 0)
        status = replica_plan.replica_status(counts, generation, conditions, terminating=self.counts_terminating)
        if status != old:
            await self._put_status(owner, status)

    async def _put_status(self, owner: Stored, status: Object) -> None:
        """Writes it; when that fails, once more upon what the apiserver has."""
        try:
            written = await self.client.update_status(self.resource, with_fields(owner.object, {"status": status}))
        except (ApiError, TransportError):
            fresh = await self.client.get(self.resource, owner.name, owner.namespace)
            written = await self.client.update_status(self.resource, with_fields(fresh.object, {"status": status}))
        self.writes.wrote(owner.key, self.sets, written.revision)

    # -- what the caches tell -------------------------------------------------------------------------

    def _set_updated(self, _: Stored, new: Stored) -> None:
        self.enqueue(new)

    def _set_deleted(self, owner: Stored) -> None:
        self.expectations.forget(owner.key)
        self.enqueue(owner)

    # -- reading --------------------------------------------------------------------------------------

    def selector_of(self, owner: Stored) -> Selector:
        """Which Pods it wants, made once per generation."""
        generation = owner.object["metadata"].get("generation", 0)
        known = self._selectors.get(owner.key)
        if known is not None and known[:2] == (owner.uid, generation):
            return known[2]
        selector = self.make_selector(owner)
        self._selectors[owner.key] = (owner.uid, generation, selector)
        return selector

    def make_selector(self, owner: Stored) -> Selector:
        """From `spec.selector`, which ReplicationControllers write differently."""
        return label_selector(owner.object["spec"]["selector"])

    def _now(self) -> float:
        return self.sim.clock.unix_ns() / 1e9


def replicas_of(owner: Stored) -> int:
    """`spec.replicas`; the apiserver has filled in 1 where it was absent."""
    replicas: int = owner.object["spec"].get("replicas", 1)
    return replicas
