"""Keeps the old kind Endpoints: for every Service with a selector, one object with the addresses behind it.

Nothing of Kubernetes' own reads it any more, but older programs do, and `kubectl get endpoints`.
Upstream: pkg/controller/endpoint/endpoints_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.resources import ENDPOINTS, PODS, SERVICES
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod, Service
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.endpoint_slice import BATCH_SECONDS
from kubesim.controllers.endpoints import is_change
from kubesim.controllers.endpoints_plan import MANAGED_BY, MANAGER, plan_endpoints, wanted_subsets
from kubesim.controllers.own_writes import OwnWrites
from kubesim.controllers.ownership import is_namespace_terminating, labels_of
from kubesim.controllers.pods import ready_condition
from kubesim.controllers.service_selectors import ServiceSelectors, selects


class EndpointsController(Controller):
    """The queue holds keys of Services, which are those of their Endpoints."""

    name = "endpoint-controller"
    workers = 5
    retries_max = 15

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._selectors = ServiceSelectors()
        self._times: dict[str, tuple[str, Mapping[str, str]]] = {}  # Per Service: its own time, and its Pods'.
        self._writes = OwnWrites()
        self._services = self.informers.of(SERVICES)
        self._pods = self.informers.of(PODS)
        self._endpoints = self.informers.of(ENDPOINTS)
        self._services.add_handler(
            on_add=self._service_changed, on_update=lambda _, new: self._service_changed(new),
            on_delete=self._service_deleted,
        )  # fmt: skip
        self._pods.add_handler(on_add=self._pod_changed, on_update=self._pod_updated, on_delete=self._pod_changed)
        self._endpoints.add_handler(on_add=self._found, on_delete=self.enqueue)

    async def reconcile(self, key: str) -> None:
        """Writes the Endpoints of a Service, if they are not right already."""
        service = self._services.get(key)
        if service is None:
            await self._delete(key)
            return
        view = service.view(Service)
        if view.spec.type == "ExternalName" or "selector" not in service.object["spec"]:
            return
        self._writes.check(key)
        pods = [pod for pod in self._pods.list(service.namespace) if selects(view.spec.selector, labels_of(pod))]
        trigger_time = self._trigger_time(service, pods)
        known = self._endpoints.get(key)
        plan = plan_endpoints(
            service, wanted_subsets(view, pods), known.object if known is not None else None, trigger_time
        )
        if plan is not None:
            await self._write(service, plan, is_new=known is None)

    async def _write(self, service: Stored, plan: Object, *, is_new: bool) -> None:
        try:
            written = await (self.client.create if is_new else self.client.update)(ENDPOINTS, plan)
        except (ApiError, TransportError) as error:
            if is_new and is_namespace_terminating(error):
                return
            reason = "FailedToCreateEndpoint" if is_new else "FailedToUpdateEndpoint"
            words = f"Failed to create endpoint for service {service.key}" if is_new else ""
            words = words or f"Failed to update endpoint {service.key}"
            self.recorder.event(plan, "Warning", reason, f"{words}: {error}")
            raise
        self._writes.wrote(service.key, self._endpoints, written.revision)

    async def _delete(self, key: str) -> None:
        self._times.pop(key, None)
        self._writes.forget(key)
        namespace, _, name = key.partition("/")
        try:
            await self.client.delete(ENDPOINTS, name, namespace)
        except NotFoundError:
            return

    def _trigger_time(self, service: Stored, pods: Sequence[Stored]) -> str:
        """The earliest of the changes that have not been written yet, "" if there is none."""
        service_time, pod_times = self._times.get(service.key, ("", {}))
        created: str = service.object["metadata"].get("creationTimestamp", "")
        times = {pod.key: time for pod in pods if (time := ready_time(pod))}
        news = [time for key, time in times.items() if time > pod_times.get(key, "")]
        if created > service_time:
            news.append(created)
        self._times[service.key] = (created, times)
        return min(news, default="")

    def _service_changed(self, service: Stored) -> None:
        spec = service.view(Service).spec
        self._selectors.put(service.key, service.namespace, spec.selector if spec.type != "ExternalName" else {})
        self.enqueue(service)

    def _service_deleted(self, service: Stored) -> None:
        self._selectors.remove(service.key)
        self.enqueue(service)

    def _pod_changed(self, pod: Stored) -> None:
        self._wake(self._selectors.matching(pod.namespace, labels_of(pod)))

    def _pod_updated(self, old: Stored, pod: Stored) -> None:
        labels, old_labels = labels_of(pod), labels_of(old)
        services = self._selectors.matching(pod.namespace, labels)
        if old_labels != labels:
            services += self._selectors.matching(pod.namespace, old_labels)
        if services and is_change(old, pod):
            self._wake(services)

    def _wake(self, services: Iterable[str]) -> None:
        for key in services:
            self.queue.add_after(key, BATCH_SECONDS)

    def _found(self, endpoints: Stored) -> None:
        """Ours may have been left over by a controller that ended before it could delete them."""
        if labels_of(endpoints).get(MANAGED_BY) == MANAGER and self._services.get(endpoints.key) is None:
            self.enqueue(endpoints)


def ready_time(pod: Stored) -> str:
    """When a Pod last became ready or stopped being so."""
    condition = ready_condition(pod.view(Pod))
    return condition.last_transition_time if condition is not None else ""
