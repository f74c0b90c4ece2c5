"""Events: what a component wants people to know.

Upstream: k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

from kubesim.api.views.base import View
from kubesim.api.views.meta import ObjectMeta


class ObjectReference(View, frozen=True):
    """Names any object."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    field_path: str = ""
    namespace: str = ""
    resource_version: str = ""
    uid: str = ""


class EventSource(View, frozen=True):
    """Which component on which host said it."""

    component: str = ""
    host: str = ""


class EventSeries(View, frozen=True):
    """How often it was said (events.k8s.io style)."""

    count: int = 0
    last_observed_time: str = ""


class Event(View, frozen=True):
    """One thing a component said about one object."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    type: str = ""
    action: str = ""
    count: int = 0
    event_time: str = ""
    first_timestamp: str = ""
    involved_object: ObjectReference | None = None
    last_timestamp: str = ""
    message: str = ""
    reason: str = ""
    related: ObjectReference | None = None
    reporting_component: str = ""
    reporting_instance: str = ""
    series: EventSeries | None = None
    source: EventSource | None = None
