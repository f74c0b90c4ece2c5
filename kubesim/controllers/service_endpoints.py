"""What the endpoint slice controller remembers of one Service, so that a Pod's change costs only that Pod. Pure.

It keeps the wanted endpoints, which Pods changed since they were last written, and when. The annotation
`endpoints.kubernetes.io/last-change-trigger-time` tells readers which change a slice answers to: the earliest of
those that were not written yet.
Upstream: util/trigger_time_tracker.go of k8s.io/endpointslice; it compares all Pods at each sync instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from kubesim.api.stored import Stored
from kubesim.api.views import Pod, Service
from kubesim.controllers.endpoint_slice_plan import Endpoints
from kubesim.controllers.endpoints import EndpointKey, Group, Placed, belongs, place
from kubesim.controllers.ownership import labels_of
from kubesim.controllers.pods import ready_condition
from kubesim.controllers.service_selectors import selects

GetPod = Callable[[str], Stored | None]
ZoneOf = Callable[[str], str | None]  # The zone of a node by its name; None if there is no such node.


class Changes(NamedTuple):
    """What to compare with the slices: endpoints (None: all), Pods whose node is missing, and since when."""

    touched: dict[EndpointKey, None] | None
    unplaced: list[str]
    trigger_time: str


class ServiceEndpoints:
    """The endpoints of one Service."""

    def __init__(self) -> None:
        self.wanted: dict[Group, Endpoints] = {}
        self.is_rechecking = True  # Slices may differ in any endpoint: compare all of them.
        self._service: Stored | None = None
        self._service_time = ""
        self._placed: dict[str, list[Placed]] = {}  # By Pod key.
        self._pod_times: dict[str, str] = {}
        self._changed: dict[str, None] = {}

    def pod_changed(self, key: str) -> None:
        """A Pod that is or was selected changed."""
        self._changed[key] = None

    def update(self, service: Stored, pods: Callable[[], Iterable[Stored]], get: GetPod, zone_of: ZoneOf) -> Changes:
        """Brings `wanted` up to date, from all `pods` after the Service changed, else from those that changed."""
        if self._service is not service:
            self._service = service
            selector = service.view(Service).spec.selector
            self._changed = {pod.key: None for pod in pods() if selects(selector, labels_of(pod))}
            self._changed |= dict.fromkeys(self._placed)
            self.is_rechecking = True
        changed, self._changed = self._changed, {}
        touched: dict[EndpointKey, None] = {}
        unplaced: list[str] = []
        view = service.view(Service)
        times = [self._replace(key, get(key), view, zone_of, touched, unplaced) for key in changed]
        times.append(self._note_service(service))
        trigger_time = min(filter(None, times), default="")
        if self.is_rechecking:
            return Changes(None, unplaced, trigger_time)
        return Changes(touched, unplaced, trigger_time)

    def _note_service(self, service: Stored) -> str:
        created = service.view(Service).metadata.creation_timestamp
        is_new, self._service_time = created > self._service_time, created
        return created if is_new else ""

    def _replace(
        self, key: str, pod: Stored | None, service: Service, zone_of: ZoneOf, touched: dict[EndpointKey, None],
        unplaced: list[str],
    ) -> str:  # fmt: skip
        """Takes a Pod's old endpoints out and puts its present ones in; returns when it changed, if that is news."""
        for placed in self._placed.pop(key, ()):
            touched[placed.key] = None
            group = self.wanted[placed.group]
            group.pop(placed.key, None)
            if not group:
                del self.wanted[placed.group]
        if pod is None or not selects(service.spec.selector, labels_of(pod)):
            self._pod_times.pop(key, None)
            return ""
        view = pod.view(Pod)
        if belongs(view):
            zone = zone_of(view.spec.node_name)
            if zone is None and not service.spec.publish_not_ready_addresses:
                unplaced.append(key)
            else:
                self._put(key, place(view, service, zone or ""), touched)
        condition = ready_condition(view)
        time = condition.last_transition_time if condition else ""
        is_news = time > self._pod_times.get(key, "")
        self._pod_times[key] = time
        return time if is_news else ""

    def _put(self, key: str, places: list[Placed], touched: dict[EndpointKey, None]) -> None:
        self._placed[key] = places
        for placed in places:
            touched[placed.key] = None
            self.wanted.setdefault(placed.group, {})[placed.key] = placed.endpoint
