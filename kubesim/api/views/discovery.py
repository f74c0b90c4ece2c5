"""Endpoint slices: which Pods answer for a Service.

Upstream: k8s.io/api/discovery/v1/types.go.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from kubesim.api.views.base import View
from kubesim.api.views.core_event import ObjectReference
from kubesim.api.views.meta import ObjectMeta


class EndpointConditions(View, frozen=True):
    """None means that nobody knows, which readers take for ready."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(View, frozen=True):
    """One Pod (or other address) behind a Service."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions | None = None
    deprecated_topology: dict[str, str] = field(default_factory=dict)
    hints: dict[str, Any] | None = None
    hostname: str = ""
    node_name: str = ""
    target_ref: ObjectReference | None = None
    zone: str = ""


class EndpointSlicePort(View, frozen=True):
    """A port of all endpoints of a slice."""

    name: str = ""
    app_protocol: str = ""
    port: int | None = None
    protocol: str = ""


class EndpointSlice(View, frozen=True):
    """Up to some hundred endpoints of a Service."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    address_type: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointSlicePort, ...] = ()
