"""Counts for every PodDisruptionBudget how many Pods may be taken away now.

It counts the Pods that the budget selects and that are healthy, asks their owners how many there should be (where
the budget is a share, or a maximum of unavailable ones), and writes the difference. Evictions take from that number
and note the Pod in the status; such a Pod does not count as healthy any more. If it is not deleted within two
minutes it does again. A Pod that says that it is about to be disrupted and is not deleted is corrected as well.
Upstream: pkg/controller/disruption. Left out: scale subresources of custom resources.
"""

from __future__ import annotations

import asyncio

from kubesim.api.disruption import SYNC_FAILED, with_condition
from kubesim.api.errors import ApiError, ConflictError, NotFoundError, TransportError
from kubesim.api.meta import controller_of, with_fields
from kubesim.api.resources import (
    BY_KIND,
    DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
    Resource,
)
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object, Stored
from kubesim.client.events import NORMAL, WARNING
from kubesim.client.workqueue import WorkQueue
from kubesim.controllers import disruption_plan as plan
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.ownership import labels_of, owner_in
from kubesim.controllers.pod_conditions import status_patch, with_pod_condition
from kubesim.sim import Tasks

SCALED = (REPLICATION_CONTROLLERS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS)


class UncountableError(Exception):
    """Nobody can say how many Pods there should be; the message says why."""


class DisruptionController(Controller):
    """Reconciles budgets."""

    name = "disruption-controller"
    event_source = "controllermanager"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._budgets = self.informers.of(POD_DISRUPTION_BUDGETS)
        self._pods = self.informers.of(PODS)
        self._owners = {resource.gvk: self.informers.of(resource) for resource in SCALED}
        self._stale: WorkQueue[str] = WorkQueue(context.sim, f"{self.name}/stale")
        self._budgets.add_handler(on_add=self.enqueue, on_update=lambda _old, new: self.enqueue(new))
        self._pods.add_handler(
            on_add=self._pod_changed, on_update=lambda _old, new: self._pod_changed(new), on_delete=self._enqueue_of
        )

    def background(self, tasks: Tasks) -> None:
        """The correction of stale conditions."""
        tasks.spawn(self._correct_forever(), "stale")

    async def reconcile(self, key: str) -> None:
        """Counts, and writes the status if it says anything else."""
        budget = self._budgets.get(key)
        if budget is None:
            return
        pods = self._pods_of(budget)
        if not pods:
            self.recorder.event(budget, NORMAL, "NoPods", "No matching pods found")
        try:
            expected = plan.expect(budget.object["spec"], len(pods), self._scale(budget, pods))
        except UncountableError as error:
            message = f"Failed to calculate the number of expected pods: {error}"
            self.recorder.event(budget, WARNING, "CalculateExpectedPodCountFailed", message)
            await self._fail_safe(budget, str(error))
            return
        recorded = (budget.object.get("status") or {}).get("disruptedPods") or {}
        disrupted = plan.find_disrupted(pods, recorded, self._now())
        for pod in disrupted.overdue:
            message = f"Pod was expected by PDB {budget.namespace}/{budget.name} to be deleted but it wasn't"
            self.recorder.event(pod, WARNING, "NotDeleted", message)
        if disrupted.recheck_seconds is not None:
            self.queue.add_after(key, disrupted.recheck_seconds)
        healthy = plan.count_healthy(pods, disrupted.pods)
        status = plan.new_status(budget.object, expected, healthy, disrupted.pods, self.sim.clock.timestamp())
        if status is not None:
            await self._write(budget, status)

    async def _fail_safe(self, budget: Stored, why: str) -> None:
        """What cannot be counted may not be disrupted."""
        status = {**(budget.object.get("status") or {}), "disruptionsAllowed": 0}
        status = with_condition(status, "False", SYNC_FAILED, why, self.sim.clock.timestamp())
        if status != budget.object.get("status"):
            await self._write(budget, status)

    async def _write(self, budget: Stored, status: Object) -> None:
        await self.client.update_status(POD_DISRUPTION_BUDGETS, with_fields(budget.object, {"status": status}))

    # -- counting -------------------------------------------------------------------------------------

    def _pods_of(self, budget: Stored) -> list[Stored]:
        selector = budget.object["spec"].get("selector")
        if selector is None:
            return []
        matches = label_selector(selector).matches
        return [pod for pod in self._pods.list(budget.namespace) if matches(labels_of(pod))]

    def _scale(self, budget: Stored, pods: list[Stored]) -> int:
        """How many Pods their owners want, every owner counted once; Pods without an owner are told of."""
        if not plan.needs_scale(budget.object["spec"]):
            return 0
        scales: dict[str, int] = {}
        unmanaged = False
        for pod in pods:
            reference = controller_of(pod.object)
            if reference is None:
                unmanaged = True
            elif reference["uid"] not in scales:
                uid, replicas = self._owner_scale(pod, reference)
                scales[reference["uid"]] = 0  # Known; what counts is its top owner's number.
                scales[uid] = replicas
        if unmanaged:
            shown = shown_selector(budget.object["spec"].get("selector") or {})
            self.recorder.event(
                budget,
                WARNING,
                "UnmanagedPods",
                f"Pods selected by this PodDisruptionBudget (selector: {shown}) were found to be unmanaged. As a "
                "result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. "
                'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.',
            )
        return sum(scales.values())

    def _owner_scale(self, pod: Stored, reference: Object) -> tuple[str, int]:
        """The uid and wanted size of what stands above a Pod: of a Deployment rather than of its ReplicaSet."""
        informer = self._owners.get((reference["apiVersion"], reference["kind"]))
        if informer is None:
            raise UncountableError(why_uncountable(reference))
        owner = owner_in(informer, pod.namespace, reference)
        if owner is None:
            raise UncountableError(f'found no controllers for pod "{pod.name}"')
        above = controller_of(owner.object)
        if informer.resource == REPLICA_SETS and above is not None and above["kind"] == DEPLOYMENTS.kind:
            deployment = owner_in(self._owners[DEPLOYMENTS.gvk], pod.namespace, above)
            if deployment is not None:
                owner = deployment
        replicas: int = owner.object["spec"].get("replicas", 1)
        return owner.uid, replicas

    # -- what the caches tell -------------------------------------------------------------------------

    def _pod_changed(self, pod: Stored) -> None:
        self._enqueue_of(pod)
        seconds = plan.stale_in_seconds(pod, self._now())
        if seconds is not None:
            self._stale.add_after(pod.key, seconds)

    def _enqueue_of(self, pod: Stored) -> None:
        """The budget that selects a Pod; of several the first one, and the Pod is told."""
        labels = labels_of(pod)
        found = []
        for budget in self._budgets.list(pod.namespace):
            selector = budget.object["spec"].get("selector")
            if selector is not None and label_selector(selector).matches(labels):
                found.append(budget)
        if len(found) > 1:
            message = (
                f'Pod "{pod.namespace}"/"{pod.name}" matches multiple PodDisruptionBudgets.  '
                f'Chose "{found[0].name}" arbitrarily.'
            )
            self.recorder.event(pod, WARNING, "MultiplePodDisruptionBudgets", message)
        if found:
            self.enqueue(found[0])

    # -- stale conditions -----------------------------------------------------------------------------

    async def _correct_forever(self) -> None:
        while True:
            key = await self._stale.get()
            await asyncio.sleep(0)
            try:
                await self._correct(key)
            except NotFoundError:
                self._stale.forget(key)
            except (ApiError, TransportError) as error:
                if not isinstance(error, ConflictError):
                    self.sim.trace.emit("reconcile_failed", controller=self.name, key=key, error=str(error))
                self._stale.add_rate_limited(key)
            else:
                self._stale.forget(key)
            finally:
                self._stale.done(key)

    async def _correct(self, key: str) -> None:
        """Takes the word of a Pod back that it is about to be disrupted."""
        pod = self._pods.get(key)
        if pod is None:
            return
        seconds = plan.stale_in_seconds(pod, self._now())
        if seconds is None:
            return
        if seconds > 0:
            self._stale.add_after(key, seconds)
            return
        condition = {"type": "DisruptionTarget", "status": "False"}
        after = with_pod_condition(pod.object, condition, self.sim.clock.timestamp())
        patch = status_patch(pod.object, after)
        await self.client.patch(PODS, pod.name, patch, pod.namespace, subresource="status")

    def _now(self) -> float:
        return self.sim.clock.unix_ns() / 1e9


def why_uncountable(reference: Object) -> str:
    """Why an owner of that kind cannot say how many Pods it wants."""
    resource: Resource | None = BY_KIND.get((reference["apiVersion"], reference["kind"]))
    if resource is None:
        return f'no matches for kind "{reference["kind"]}" in version "{reference["apiVersion"]}"'
    return f"{resource.qualified} does not implement the scale subresource"


def shown_selector(selector: Object) -> str:
    """A selector as Go prints it."""
    labels = "".join(f"{name}: {value}," for name, value in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{each['key']},Operator:{each['operator']},"
        f"Values:[{' '.join(each.get('values') or ())}],}},"
        for each in selector.get("matchExpressions") or ()
    )
    wrapped = f"map[string]string{{{labels}}}"
    return f"&LabelSelector{{MatchLabels:{wrapped},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
