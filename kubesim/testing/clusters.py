"""A simulated cluster whose invariants are checked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kubesim.checks import Watching, check_settled
from kubesim.cluster import SimCluster

QUIET_SECONDS = 25


@asynccontextmanager
async def checked_cluster(*, settle: bool = True, **options: Any) -> AsyncIterator[SimCluster]:
    """A booted SimCluster; at the end every invariant must have held, or an AssertionError lists what did not.

    `settle=False` leaves out those invariants that hold only when nothing moves.
    """
    cluster = SimCluster(**options)
    watching = Watching(cluster.sim.trace.origins.get)
    cluster.observer.listen(watching.see)
    async with cluster:
        yield cluster
        violations = list(watching.violations)
        if settle:
            await cluster.settle(QUIET_SECONDS)
            violations = [*watching.violations, *await check_settled(cluster)]
    assert not violations, "broken invariants:\n" + "\n".join(map(str, violations))
