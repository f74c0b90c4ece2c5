"""A copy of a cluster, made from its scenario and played to the end, and a question put to it.

The copy lives in virtual time and in this process: ten minutes pass in a second, and nobody else notices.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from kubesim.cluster import SimCluster
from kubesim.scenario import Loaded
from kubesim.scenario.nodes import cluster_of
from kubesim.scenario.runner import ScenarioRun
from kubesim.waiting import NotReachedError

T = TypeVar("T")
Question = Callable[[SimCluster], Awaitable[T]]
QUIET_SECONDS = 30.0
CALM_SECONDS_MAX = 600.0


async def ask(loaded: Loaded, question: Question[T], seed: int | None = None) -> T:
    """The answer of a copy, on the running SimLoop."""
    seed = loaded.scenario.spec.seed if seed is None else seed
    async with cluster_of(loaded.scenario, seed, loaded.folder) as cluster:
        await ScenarioRun(loaded, lambda _: None, cluster=cluster).play()
        await calm(cluster)
        return await question(cluster)


async def calm(cluster: SimCluster, seconds: float = CALM_SECONDS_MAX) -> None:
    """Waits until nothing happens any more, but not for ever: some clusters are never quiet."""
    with suppress(NotReachedError):
        await cluster.settle(min(QUIET_SECONDS, seconds), timeout_seconds=seconds)
