"""What a plugin is given of its scheduler.

Upstream: `Handle` in the kube-scheduler staging framework.
"""

from __future__ import annotations

import msgspec

from kubesim.client.client import Client
from kubesim.client.informer import Informer
from kubesim.scheduler.snapshot import Snapshot


class Handle(msgspec.Struct, frozen=True):
    """The nodes as the current cycle sees them, the way to the apiserver, and caches that plugins ask."""

    snapshot: Snapshot
    client: Client
    claims: Informer | None = None  # PersistentVolumeClaims; None where volumes are of no interest.
    classes: Informer | None = None  # StorageClasses.
