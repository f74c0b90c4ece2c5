"""What a plugin is given of its scheduler.

Upstream: `Handle` in the kube-scheduler staging framework.
"""

from __future__ import annotations

import msgspec

from kubesim.client.client import Client
from kubesim.scheduler.snapshot import Snapshot


class Handle(msgspec.Struct, frozen=True):
    """The nodes as the current cycle sees them, and the way to the apiserver."""

    snapshot: Snapshot
    client: Client
