"""Leases: signs of life, and who leads.

Upstream: k8s.io/api/coordination/v1/types.go.
"""

from __future__ import annotations

from kubesim.api.views.base import View
from kubesim.api.views.meta import ObjectMeta


class LeaseSpec(View, frozen=True):
    """Who holds it, since when, for how long."""

    acquire_time: str = ""
    holder_identity: str = ""
    lease_duration_seconds: int | None = None
    lease_transitions: int | None = None
    preferred_holder: str = ""
    renew_time: str = ""
    strategy: str = ""


class Lease(View, frozen=True):
    """A sign of life."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: LeaseSpec = LeaseSpec()
