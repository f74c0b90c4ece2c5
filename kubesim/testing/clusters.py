"""A simulated cluster whose invariants are checked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kubesim.checks import Watching, check_settled
from kubesim.cluster import SimCluster

QUIET_SECONDS = 25
LAG_SECONDS = 120  # A connection is given up after 45 s, and an informer pauses for at most 60 s.


@asynccontextmanager
async def checked_cluster(*, settle: bool = True, **options: Any) -> AsyncIterator[SimCluster]:
    """A booted SimCluster; at the end every invariant must have held, or an AssertionError lists what did not.

    `settle=False` leaves out those invariants that hold only when nothing moves.
    """
    cluster = SimCluster(**options)
    watching = Watching.of(cluster)
    cluster.observer.listen(watching.see)
    async with cluster:
        yield cluster
        violations = list(watching.violations)
        if settle:
            await cluster.settle(QUIET_SECONDS)
            found = await check_settled(cluster)
            if found:  # Perhaps somebody has not found the apiserver again yet after a fault.
                await cluster.run_for(LAG_SECONDS)
                await cluster.settle(QUIET_SECONDS)
                found = await check_settled(cluster)
            violations = [*watching.violations, *found]
    assert not violations, "broken invariants:\n" + "\n".join(map(str, violations))
