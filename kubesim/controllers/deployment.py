"""Brings every Deployment's Pods to its template, by growing one ReplicaSet and shrinking the others.

A Deployment never touches Pods. Each template it ever had is a ReplicaSet; a rollout moves replicas from the
old ones to the new one, step by step, and every step waits for the ReplicaSets to report what came of the last.
Upstream: pkg/controller/deployment. Left out: `spec.rollbackTo` of the old extensions API (kubectl rolls back by
itself today).
"""

from __future__ import annotations

from typing import ClassVar

from kubesim.api.meta import controller_of
from kubesim.api.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from kubesim.api.selectors import Selector, label_selector
from kubesim.api.stored import Stored
from kubesim.api.views import Pod
from kubesim.controllers import deployment_plan as plan
from kubesim.controllers import deployment_status as progress
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.new_replica_set import sync_new_set
from kubesim.controllers.ownership import (
    ORPHANS,
    Claimer,
    index_orphans,
    is_same_controller,
    labels_of,
    owner_in,
    plan_claims,
)
from kubesim.controllers.pods import is_terminal
from kubesim.controllers.rollout import Rollout, size_of

SKEW_SECONDS = 1  # Dates are in whole seconds: looking a second late is sure to be late enough.


class DeploymentController(Controller):
    """Moves replicas from old ReplicaSets to the one of the present template."""

    name = "deployment-controller"
    workers = 5
    retries_max: ClassVar[int | None] = 15

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self.deployments = self.informers.of(DEPLOYMENTS)
        self.sets = self.informers.of(REPLICA_SETS)
        self.pods = self.informers.of(PODS)
        self._claimer = Claimer(self.client, DEPLOYMENTS, REPLICA_SETS)
        index_orphans(self.sets)
        self.deployments.add_handler(
            on_add=self.enqueue, on_update=lambda _, new: self.enqueue(new), on_delete=self.enqueue
        )
        self.sets.add_handler(on_add=self._set_added, on_update=self._set_updated, on_delete=self._set_deleted)
        self.pods.add_handler(on_delete=self._pod_deleted)

    # -- one sync -------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> None:
        """One step of whatever is due: a rollout, a change of size, or only the status."""
        deployment = self.deployments.get(key)
        if deployment is None:
            return  # Its ReplicaSets belong to the garbage collector now.
        selector = selector_of(deployment)
        if selector.empty:
            await self._refuse(deployment)
            return
        owned = self.sets.by_index("controller", deployment.uid)
        claims = plan_claims(deployment, selector, owned, self.sets.by_index(ORPHANS, deployment.namespace))
        sets = await self._claimer.claim(deployment, claims)
        rollout = Rollout(self.client, self.recorder, self.sim.clock, deployment, sets)
        if "deletionTimestamp" in deployment.object["metadata"]:
            await sync_new_set(rollout, create=False)
            await rollout.sync_status(judge_progress=False)
            return
        is_paused = bool(rollout.spec.get("paused"))
        await rollout.set_paused(paused=is_paused)
        if not is_paused:
            await sync_new_set(rollout, create=False)
        if is_paused or rollout.is_scaling_event():
            await self._scale(rollout, is_paused=is_paused)
        elif rollout.is_rolling:
            await self._roll(rollout)
        else:
            await self._recreate(rollout)

    async def _refuse(self, deployment: Stored) -> None:
        message = "This deployment is selecting all pods. A non-empty selector is required."
        self.recorder.event(deployment, "Warning", "SelectingAll", message)
        await Rollout(self.client, self.recorder, self.sim.clock, deployment, ()).observe_generation()

    async def _scale(self, rollout: Rollout, *, is_paused: bool) -> None:
        """The size was changed, or the Deployment is paused: sets keep their shares and nothing rolls."""
        await sync_new_set(rollout, create=False)
        new = size_of(rollout.new) if rollout.new is not None else None
        replicas = rollout.status.get("replicas", 0)
        old = [size_of(stored) for stored in rollout.old]
        await rollout.scale(plan.plan_scaling(rollout.limits, rollout.is_rolling, replicas, new, old))
        if is_paused:
            await rollout.clean_up_history()
        await rollout.sync_status(judge_progress=False)

    async def _roll(self, rollout: Rollout) -> None:
        """One step of a rolling update: up if there is room, else down if enough are available."""
        await sync_new_set(rollout, create=True)
        if rollout.new is not None:
            new = size_of(rollout.new)
            wanted = plan.plan_new_set(rollout.limits, new, rollout.total)
            scaled = wanted != new.replicas and await rollout.scale([plan.Scale(new.name, wanted)])
            if not scaled:
                old = [size_of(stored) for stored in rollout.old]
                scaled = await rollout.scale(plan.plan_old_sets(rollout.limits, new, old))
            if scaled:
                await self._report(rollout)
                return
        await self._finish(rollout)

    async def _recreate(self, rollout: Rollout) -> None:
        """All old Pods go before the first new one comes."""
        await sync_new_set(rollout, create=False)
        steps = [plan.Scale(stored.name, 0) for stored in rollout.old if size_of(stored).replicas > 0]
        if await rollout.scale(steps) or self._old_pods_run(rollout):
            await self._report(rollout)
            return
        if rollout.new is None:
            await sync_new_set(rollout, create=True)
        if rollout.new is not None and size_of(rollout.new).replicas != rollout.replicas:
            await rollout.scale([plan.Scale(rollout.new.name, rollout.replicas)])
        await self._finish(rollout)

    def _old_pods_run(self, rollout: Rollout) -> bool:
        """Whether a Pod of an old set may still have a running container; a terminating one may."""
        if any((stored.object.get("status") or {}).get("replicas", 0) > 0 for stored in rollout.old):
            return True
        old = [pod for stored in rollout.old for pod in self.pods.by_index("controller", stored.uid)]
        return any(not is_terminal(pod.view(Pod)) for pod in old)

    async def _finish(self, rollout: Rollout) -> None:
        if progress.is_complete(rollout.deployment, rollout.status):
            await rollout.clean_up_history()
        await self._report(rollout)

    async def _report(self, rollout: Rollout) -> None:
        """Writes the status; if a rollout stands still, looks again when its deadline has passed."""
        if await rollout.sync_status(judge_progress=True):
            return
        seconds = progress.seconds_until_deadline(rollout.deployment, self.sim.clock.unix_ns() / 1e9)
        if seconds is None:
            return
        if seconds < SKEW_SECONDS:
            self.queue.add_rate_limited(rollout.deployment.key)
        else:
            self.queue.add_after(rollout.deployment.key, seconds + SKEW_SECONDS)

    # -- what the caches tell -------------------------------------------------------------------------

    def _set_added(self, stored: Stored) -> None:
        reference = controller_of(stored.object)
        if reference is not None or "deletionTimestamp" in stored.object["metadata"]:
            self._set_deleted(stored)
        else:
            self._enqueue_matching(stored)

    def _set_updated(self, old: Stored, new: Stored) -> None:
        old_reference, reference = controller_of(old.object), controller_of(new.object)
        moved = not is_same_controller(old_reference, reference)
        if moved:
            self._set_deleted(old)
        if reference is not None:
            self._set_deleted(new)
        elif moved or labels_of(old) != labels_of(new):
            self._enqueue_matching(new)

    def _set_deleted(self, stored: Stored) -> None:
        """Wakes the owner: whatever happened to the set, that is all there is to do."""
        owner = owner_in(self.deployments, stored.namespace, controller_of(stored.object))
        if owner is not None:
            self.enqueue(owner)

    def _enqueue_matching(self, orphan: Stored) -> None:
        for deployment in self.deployments.list(orphan.namespace):
            selector = selector_of(deployment)
            if not selector.empty and selector.matches(labels_of(orphan)):
                self.enqueue(deployment)

    def _pod_deleted(self, pod: Stored) -> None:
        """Recreate waits for the last old Pod to go, and no ReplicaSet's status tells."""
        replica_set = owner_in(self.sets, pod.namespace, controller_of(pod.object))
        if replica_set is None:
            return
        deployment = owner_in(self.deployments, pod.namespace, controller_of(replica_set.object))
        if deployment is None or (deployment.object["spec"].get("strategy") or {}).get("type") != "Recreate":
            return
        siblings = self.sets.by_index("controller", deployment.uid)
        if not any(self.pods.by_index("controller", sibling.uid) for sibling in siblings):
            self.enqueue(deployment)


def selector_of(deployment: Stored) -> Selector:
    """Which ReplicaSets (and Pods) it may have."""
    return label_selector(deployment.object["spec"].get("selector"))
