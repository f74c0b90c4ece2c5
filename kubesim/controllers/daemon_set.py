"""Keeps one Pod of a daemon on every node that it fits.

What to do is decided in `daemon_set_plan`, for which nodes in `daemon_set_nodes`; this file listens and carries out.
Upstream: pkg/controller/daemon/daemon_controller.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.meta import controller_of, with_fields
from kubesim.api.resources import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from kubesim.api.selectors import Selector
from kubesim.api.stored import Object, Stored
from kubesim.controllers import daemon_set_plan as plan
from kubesim.controllers import replica_plan
from kubesim.controllers.controller import ControllerContext
from kubesim.controllers.daemon_set_history import DaemonHistory
from kubesim.controllers.daemon_set_nodes import HASH_LABEL, Wanted, pod_for, target_node, wanted_on
from kubesim.controllers.ownership import (
    ORPHANS,
    Claimer,
    is_namespace_terminating,
    labels_of,
    plan_claims,
)
from kubesim.controllers.pod_control import PodControl
from kubesim.controllers.pod_index import NODE_INDEX, pods_by_node
from kubesim.controllers.pod_owner import PodOwnerController

BURST_REPLICAS = 250
BACK_OFF_SECONDS, BACK_OFF_SECONDS_MAX = 1.0, 900.0
SELECTING_ALL = "This daemon set is selecting all pods. A non-empty selector is required."


class FailedPods(NamedTuple):
    """How long a node's next failed Pod is left alone, and since when."""

    delay_seconds: float
    since: float


class DaemonSetController(PodOwnerController):
    """Every node that a daemon fits has one of its Pods."""

    name = "daemon-set-controller"
    event_source = "daemonset-controller"
    workers = 2
    resource = DAEMON_SETS

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self.nodes = self.informers.of(NODES)
        pods_by_node(self.informers)
        self.pod_control = PodControl(self.client, self.recorder)
        self._claimer = Claimer(self.client, DAEMON_SETS, PODS)
        self._history = DaemonHistory(self.client, self.informers.of(CONTROLLER_REVISIONS))
        self._failed_pods: dict[tuple[str, int, str], FailedPods] = {}  # By uid, generation and node.
        self.sets.add_handler(on_add=self.enqueue, on_update=lambda _, new: self.enqueue(new), on_delete=self._set_gone)
        self.nodes.add_handler(on_add=self._node_changed, on_update=self._node_updated)

    # -- one sync -------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> None:
        """Creates and deletes Pods, takes a step of the update, writes the status."""
        owner = self.sets.get(key)
        if owner is None:
            self.expectations.forget(key)
            return  # Its Pods belong to the garbage collector now.
        if not owner.object["spec"].get("selector"):
            self.recorder.event(owner, "Warning", "SelectingAll", SELECTING_ALL)
            return
        if "deletionTimestamp" in owner.object["metadata"]:
            return
        selector = self.selector_of(owner)
        current, old = await self._history.construct(owner, selector)
        daemon = plan.Daemon(owner.object, labels_of(current).get(HASH_LABEL, ""), self._now())
        nodes = {node.name: wanted_on(owner.object, node) for node in self.nodes.list()}
        if not self.expectations.satisfied(key):
            await self._write_status(owner, daemon, nodes, await self._claim(owner, selector), observed=False)
            return
        error = await self._manage(owner, daemon, nodes, selector, old)
        await self._write_status(owner, daemon, nodes, await self._claim(owner, selector), observed=True)
        if error is not None:
            raise error

    async def _manage(
        self, owner: Stored, daemon: plan.Daemon, nodes: dict[str, Wanted], selector: Selector, old: Sequence[Stored]
    ) -> Exception | None:
        pods = await self._claim(owner, selector)
        step = plan.plan_nodes(daemon, nodes, plan.by_node(pods), lambda node: self._may_kill(owner, node))
        for reason, pod in step.ended:
            self._tell_ended(owner, reason, pod)
        error = await self._carry_out(owner, daemon, step)
        if error is not None:
            return error
        strategy = owner.object["spec"].get("updateStrategy") or {}
        if self.expectations.satisfied(owner.key) and strategy.get("type") == "RollingUpdate":
            step = plan.plan_update(daemon, nodes, plan.by_node(await self._claim(owner, selector)))
            error = await self._carry_out(owner, daemon, step)
        if error is None:
            await self._history.clean_up(owner, old, pods)
        return error

    async def _claim(self, owner: Stored, selector: Selector) -> list[Stored]:
        """The Pods that it owns from now on."""
        owned = self.pods.by_index("controller", owner.uid)
        orphans = self.pods.by_index(ORPHANS, owner.namespace)
        return await self._claimer.claim(owner, plan_claims(owner, selector, owned, orphans))

    async def _carry_out(self, owner: Stored, daemon: plan.Daemon, step: plan.NodePlan) -> Exception | None:
        create, delete = step.create[:BURST_REPLICAS], step.delete[:BURST_REPLICAS]
        self.expectations.expect(owner.key, len(create), [pod.key for pod in delete])
        first_error = await self._create(owner, daemon, create)
        for pod in delete:
            try:
                await self.pod_control.delete(owner, pod)
            except (ApiError, TransportError) as error:
                self.expectations.deletion_observed(owner.key, pod.key)
                if not isinstance(error, NotFoundError):
                    first_error = first_error or error
        return first_error

    async def _create(self, owner: Stored, daemon: plan.Daemon, nodes: Sequence[str]) -> Exception | None:
        tried = failed = 0
        first_error: Exception | None = None
        for batch in replica_plan.slow_start_batches(len(nodes)):
            for node in nodes[tried : tried + batch]:
                try:
                    await self.pod_control.create(owner, pod_for(owner.object, node, daemon.hash))
                except (ApiError, TransportError) as error:
                    if not is_namespace_terminating(error):
                        failed += 1
                        first_error = first_error or error
            tried += batch
            if first_error is not None:
                break
        # What failed or was never tried will not show up in the cache.
        self.expectations.creation_observed(owner.key, len(nodes) - tried + failed)
        return first_error

    # -- Pods that ended ------------------------------------------------------------------------------

    def _may_kill(self, owner: Stored, node: str) -> bool:
        """Whether a failed Pod may be replaced already; then the next one has to wait twice as long."""
        key = (owner.uid, owner.object["metadata"].get("generation", 0), node)
        known, now = self._failed_pods.get(key), self._now()
        if known is None or now - known.since > 2 * BACK_OFF_SECONDS_MAX:
            self._failed_pods[key] = FailedPods(BACK_OFF_SECONDS, now)
            return True
        if now - known.since < known.delay_seconds:
            self.queue.add_after(owner.key, known.delay_seconds)
            return False
        self._failed_pods[key] = FailedPods(min(2 * known.delay_seconds, BACK_OFF_SECONDS_MAX), now)
        return True

    def _tell_ended(self, owner: Stored, reason: str, pod: Stored) -> None:
        where = f"{pod.key} on node {target_node(pod.object)}, will try to"
        if reason == plan.FAILED:
            self.recorder.event(owner, "Warning", reason, f"Found failed daemon pod {where} kill it")
        else:
            self.recorder.event(owner, "Normal", reason, f"Found succeeded daemon pod {where} delete it")

    # -- status ---------------------------------------------------------------------------------------

    async def _write_status(
        self, owner: Stored, daemon: plan.Daemon, nodes: dict[str, Wanted], pods: Sequence[Stored], *, observed: bool
    ) -> None:
        daemon = daemon._replace(now=self._now())
        counts = plan.daemon_status(daemon, nodes, plan.by_node(pods))
        old: Object = owner.object.get("status") or {}
        generation = owner.object["metadata"].get("generation", 0)
        is_same = all(old.get(name, 0) == count for name, count in counts.items())
        if not is_same or old.get("observedGeneration", 0) < generation:
            kept = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
            fields = {name: count if count or name in kept else None for name, count in counts.items()}
            if observed:
                fields["observedGeneration"] = generation
            await self._put_status(owner, fields)
        if daemon.minimum > 0 and counts["numberReady"] != counts["numberAvailable"]:
            self.queue.add_after(owner.key, daemon.minimum)

    async def _put_status(self, owner: Stored, fields: Object) -> None:
        try:
            await self.client.update_status(DAEMON_SETS, with_fields(owner.object, fields, "status"))
        except (ApiError, TransportError):
            fresh = await self.client.get(DAEMON_SETS, owner.name, owner.namespace)
            await self.client.update_status(DAEMON_SETS, with_fields(fresh.object, fields, "status"))

    # -- what the caches tell -------------------------------------------------------------------------

    def _set_gone(self, owner: Stored) -> None:
        self.expectations.forget(owner.key)
        self._failed_pods = {key: failed for key, failed in self._failed_pods.items() if key[0] != owner.uid}

    def _node_updated(self, old: Stored, new: Stored) -> None:
        # A heartbeat changes neither; what a daemon asks of a node is its taints, labels and name.
        if old.object["spec"] != new.object["spec"] or labels_of(old) != labels_of(new):
            self._node_changed(new)

    def _node_changed(self, node: Stored) -> None:
        owners = {(controller_of(pod.object) or {}).get("uid") for pod in self.pods.by_index(NODE_INDEX, node.name)}
        for owner in self.sets.list():
            wanted, is_there = wanted_on(owner.object, node), owner.uid in owners
            is_misplaced = bool((owner.object.get("status") or {}).get("numberMisscheduled"))
            if (not wanted.stay or is_misplaced) if is_there else wanted.run:
                self.enqueue(owner)

    def _now(self) -> float:
        return self.sim.clock.unix_ns() / 1e9
