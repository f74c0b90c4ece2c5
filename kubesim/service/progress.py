"""Tells how far a boot is: how many nodes are Ready, at every tenth of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kubesim.cluster import SimCluster
from kubesim.recording.change import Change
from kubesim.recording.facts import condition

PARTS = 10


@contextmanager
def follow_boot(cluster: SimCluster, tell: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """While the block runs, `tell` hears of nodes that become Ready."""
    total, ready = len(cluster.nodes), dict[str, None]()
    part = max(1, total // PARTS)

    def note(change: Change) -> None:
        if change.kind != "Node" or condition(change.new.object, "Ready").get("status") != "True":
            return
        before = len(ready)
        ready[change.new.key] = None
        if len(ready) > before and len(ready) % part == 0:
            tell({"progress": f"{len(ready)} of {total} nodes are Ready"})

    unsubscribe = cluster.observer.listen(note)
    try:
        yield
    finally:
        unsubscribe()
