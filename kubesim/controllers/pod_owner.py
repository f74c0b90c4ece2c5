"""What controllers share that own Pods themselves: which of them a Pod's change concerns.

A Pod that appears or goes is crossed off what its owner expects, and the owner looks again; a Pod that changes hands
concerns both owners; one that nobody owns concerns whoever's selector matches it. Deployments own Pods only through
ReplicaSets, and Jobs keep their Pods by a finalizer: neither is one of these.

Upstream: addPod, updatePod and deletePod in pkg/controller/{replicaset,daemon,statefulset}.
"""

from __future__ import annotations

from typing import ClassVar

from kubesim.api.meta import controller_of
from kubesim.api.resources import PODS, Resource
from kubesim.api.selectors import Selector, label_selector
from kubesim.api.stored import Stored
from kubesim.api.views import Pod
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.expectations import Expectations
from kubesim.controllers.ownership import index_orphans, is_same_controller, labels_of, owner_in
from kubesim.controllers.pods import is_ready

SKEW_SECONDS = 1  # Dates are in whole seconds: looking a second late is sure to be late enough.


class PodOwnerController(Controller):
    """Reconciles objects of `resource`; the queue holds their keys."""

    resource: ClassVar[Resource]

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self.sets = self.informers.of(self.resource)
        self.pods = self.informers.of(PODS)
        self.expectations = Expectations(self.sim.clock.now)
        index_orphans(self.pods)
        self.pods.add_handler(on_add=self._pod_added, on_update=self._pod_updated, on_delete=self._pod_deleted)

    def selector_of(self, owner: Stored) -> Selector:
        """Which Pods an owner wants."""
        return label_selector(owner.object["spec"]["selector"])

    def _pod_added(self, pod: Stored) -> None:
        if "deletionTimestamp" in pod.object["metadata"]:
            self._pod_deleted(pod)  # Seen first when it was already on its way out: no creation to cross off.
            return
        reference = controller_of(pod.object)
        if reference is None:
            self._enqueue_matching(pod)
            return
        owner = owner_in(self.sets, pod.namespace, reference)
        if owner is not None:
            self.expectations.creation_observed(owner.key)
            self.enqueue(owner)

    def _pod_updated(self, old: Stored, new: Stored) -> None:
        relabelled = labels_of(old) != labels_of(new)
        if "deletionTimestamp" in new.object["metadata"]:
            self._pod_deleted(new)
            if relabelled:
                self._pod_deleted(old)
            return
        old_reference, reference = controller_of(old.object), controller_of(new.object)
        moved = not is_same_controller(old_reference, reference)
        if moved and (left := owner_in(self.sets, old.namespace, old_reference)) is not None:
            self.enqueue(left)
        if reference is None:
            if relabelled or moved:
                self._enqueue_matching(new)
            return
        owner = owner_in(self.sets, new.namespace, reference)
        if owner is None:
            return
        self.enqueue(owner)
        minimum = owner.object["spec"].get("minReadySeconds", 0)
        if minimum > 0 and is_ready(new.view(Pod)) and not is_ready(old.view(Pod)):
            self.queue.add_after(owner.key, minimum + SKEW_SECONDS)

    def _pod_deleted(self, pod: Stored) -> None:
        owner = owner_in(self.sets, pod.namespace, controller_of(pod.object))
        if owner is not None:
            self.expectations.deletion_observed(owner.key, pod.key)
            self.enqueue(owner)

    def _enqueue_matching(self, orphan: Stored) -> None:
        for owner in self.sets.list(orphan.namespace):
            if self.selector_of(owner).matches(labels_of(orphan)):
                self.enqueue(owner)
