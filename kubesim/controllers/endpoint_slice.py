"""Keeps EndpointSlices: for every Service with a selector, the addresses of the Pods that it selects.

A Pod's change wakes only the Services that select it, and of several changes at once a Service is written once.
Slices that were just written are remembered until the cache shows them, so that no sync works from older ones.
Upstream: pkg/controller/endpointslice. Left out: topology-aware hints (the annotation), the limit of events
per Service.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.meta import with_fields
from kubesim.api.resources import ENDPOINT_SLICES, NODES, PODS, SERVICES
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Service
from kubesim.client.rate_limit import BucketRateLimiter, ItemExponentialFailureRateLimiter, MaxOfRateLimiter
from kubesim.client.workqueue import WorkQueue
from kubesim.controllers.controller import Controller, ControllerContext, RetryLaterError
from kubesim.controllers.endpoint_slice_plan import (
    MANAGED_BY,
    MANAGER,
    SERVICE_NAME,
    KnownSlice,
    SlicePlan,
    plan_slices,
)
from kubesim.controllers.endpoints import address_types, is_change, zone_of
from kubesim.controllers.ownership import is_namespace_terminating, labels_of
from kubesim.controllers.service_endpoints import ServiceEndpoints
from kubesim.controllers.service_selectors import ServiceSelectors
from kubesim.controllers.written_slices import WrittenSlices

SERVICE_INDEX = "endpointslice/service"
TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
BATCH_SECONDS = 0.001  # A real sync takes some milliseconds, in which more Pods change: here they must be waited for.
RETRY_SECONDS_MIN = 1.0
RETRY_SECONDS_MAX = 1000.0


class EndpointSliceController(Controller):
    """The queue holds keys of Services."""

    name = "endpointslice-controller"
    event_source = "endpoint-slice-controller"
    workers = 5
    retries_max = 15

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        limiter = MaxOfRateLimiter(
            ItemExponentialFailureRateLimiter(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX), BucketRateLimiter(self.sim.clock)
        )
        self.queue = WorkQueue(self.sim, self.name, rate_limiter=limiter)
        self._selectors = ServiceSelectors()
        self._states: dict[str, ServiceEndpoints] = {}
        self._services = self.informers.of(SERVICES)
        self._pods = self.informers.of(PODS)
        self._nodes = self.informers.of(NODES)
        self._slices = self.informers.of(ENDPOINT_SLICES)
        self._slices.add_index(SERVICE_INDEX, service_keys)
        self._written = WrittenSlices(self._slices)
        self._services.add_handler(
            on_add=self._service_changed, on_update=lambda _old, new: self._service_changed(new),
            on_delete=self._service_deleted,
        )  # fmt: skip
        self._pods.add_handler(on_add=self._pod_changed, on_update=self._pod_updated, on_delete=self._pod_changed)
        self._slices.add_handler(
            on_add=self._slice_changed, on_update=lambda _old, new: self._slice_changed(new),
            on_delete=self._slice_deleted,
        )  # fmt: skip

    async def reconcile(self, key: str) -> None:
        """Writes what a Service's slices lack."""
        service = self._services.get(key)
        if service is None:
            self._states.pop(key, None)
            self._written.forget(key)
            return  # The slices go with their owner: the garbage collector sees to it.
        view = service.view(Service)
        if view.spec.type == "ExternalName" or not view.spec.selector:
            return
        state = self._states.setdefault(key, ServiceEndpoints())
        if self._written.was_disturbed(key):
            state.is_rechecking = True
        changes = state.update(service, lambda: self._pods.list(service.namespace), self._pods.get, self._zone_of)
        known = self._written.present(key, self._slices.by_index(SERVICE_INDEX, key))
        plan = plan_slices(service.object, address_types(view), known, state.wanted, changes.touched)
        state.is_rechecking = True  # Until all is written.
        await self._write(key, service, plan, changes.trigger_time)
        state.is_rechecking = False
        if changes.unplaced:
            for pod in changes.unplaced:
                state.pod_changed(pod)
            raise RetryLaterError(f"skipping Pods for Service {key}: Node Not Found: {', '.join(changes.unplaced)}")

    async def _write(self, key: str, service: Stored, plan: SlicePlan, trigger_time: str) -> None:
        if not any(plan):
            return
        is_leaving = "deletionTimestamp" in service.object["metadata"]
        try:
            for obj in () if is_leaving else plan.create:
                self._written.wrote(key, await self.client.create(ENDPOINT_SLICES, triggered(obj, trigger_time)))
            for obj in plan.update:
                self._written.wrote(key, await self.client.update(ENDPOINT_SLICES, triggered(obj, trigger_time)))
            for known in plan.delete:
                await self._delete(key, known)
        except (ApiError, TransportError) as error:
            self._written.forget(key)
            if not is_namespace_terminating(error):
                raise

    async def _delete(self, key: str, known: KnownSlice) -> None:
        try:
            await self.client.delete(ENDPOINT_SLICES, known.name, known.object["metadata"]["namespace"])
        except NotFoundError:
            return
        self._written.deleted(key, known)

    def _zone_of(self, node_name: str) -> str | None:
        node = self._nodes.get(node_name)
        return zone_of(node) if node is not None else None

    def _service_changed(self, service: Stored) -> None:
        spec = service.view(Service).spec
        self._selectors.put(service.key, service.namespace, spec.selector if spec.type != "ExternalName" else {})
        self.enqueue(service)

    def _service_deleted(self, service: Stored) -> None:
        self._selectors.remove(service.key)
        self.enqueue(service)

    def _pod_changed(self, pod: Stored) -> None:
        self._wake(pod, self._selectors.matching(pod.namespace, labels_of(pod)))

    def _pod_updated(self, old: Stored, pod: Stored) -> None:
        labels, old_labels = labels_of(pod), labels_of(old)
        services = self._selectors.matching(pod.namespace, labels)
        if old_labels != labels:
            services += self._selectors.matching(pod.namespace, old_labels)
        if services and is_change(old, pod):
            self._wake(pod, services)

    def _wake(self, pod: Stored, services: Iterable[str]) -> None:
        for key in services:
            state = self._states.get(key)
            if state is not None:
                state.pod_changed(pod.key)
            self.queue.add_after(key, BATCH_SECONDS)

    def _slice_changed(self, stored: Stored) -> None:
        for key in service_keys(stored):
            if self._written.saw(key, stored):
                self.queue.add(key)

    def _slice_deleted(self, stored: Stored) -> None:
        for key in service_keys(stored):
            if self._written.saw_deleted(key, stored):
                self.queue.add(key)


def service_keys(stored: Stored) -> Iterable[str]:
    """The key of the Service that a slice of ours belongs to; nothing for one that somebody else manages."""
    labels = labels_of(stored)
    if labels.get(MANAGED_BY) != MANAGER or not labels.get(SERVICE_NAME):
        return ()
    return (f"{stored.namespace}/{labels[SERVICE_NAME]}",)


def triggered(obj: Object, trigger_time: str) -> Object:
    """A slice with the time of the change that it answers to; without one, if there is no news."""
    annotations = dict(obj["metadata"].get("annotations") or {})
    annotations.pop(TRIGGER_TIME, None)
    if trigger_time:
        annotations[TRIGGER_TIME] = trigger_time
    return with_fields(obj, {"annotations": annotations or None}, "metadata")
