"""What a plugin is given of its scheduler.

Upstream: `Handle` in the kube-scheduler staging framework.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from kubesim.api.resources import Resource
from kubesim.api.stored import Stored
from kubesim.client.client import Client
from kubesim.client.informer import Informer
from kubesim.scheduler.preemption.preempting import Preempting
from kubesim.scheduler.snapshot import Snapshot


class Handle(msgspec.Struct, frozen=True):
    """The nodes as the current cycle sees them, the way to the apiserver, and the objects that plugins ask about.

    A plugin asks for its informers when it is made, so that the scheduler waits for their first lists. `random` is
    for choices that are chance upstream.
    """

    snapshot: Snapshot
    client: Client
    informer: Callable[[Resource], Informer] = Informer
    random: Random = msgspec.field(default_factory=lambda: Random(0))
    preempting: Preempting | None = None
    find_pod: Callable[[str], Stored | None] | None = None  # By key, as the informer has it.
    recorded_node: Callable[[str], str] = lambda _: ""  # See `kubesim.sim.Chance`.
