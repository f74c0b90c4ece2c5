"""A long-lived cluster forgets."""

from __future__ import annotations

import pytest

from kubesim.api.errors import ExpiredError
from kubesim.api.resources import NODES
from kubesim.cluster import SimCluster
from kubesim.service.history import keep_history_short
from kubesim.sim import Tasks


async def test_the_past_beyond_the_limit_is_forgotten(cluster: SimCluster) -> None:
    """Teaches: whoever asks for a revision that is gone is told so, and nobody else notices."""
    began = cluster.etcd.store.revision
    async with Tasks("test") as tasks:
        tasks.spawn(keep_history_short(cluster, 1000), "history")
        await cluster.run_for(600)
        assert len(await names_at(cluster, began)) == 3  # Some 800 revisions: within the limit.
        await cluster.run_for(3600)
    store = cluster.etcd.store
    assert store.revision - store.compacted_revision <= 1500  # What five minutes bring may come on top.
    with pytest.raises(ExpiredError):
        await names_at(cluster, began)
    assert len(await names_at(cluster, store.revision)) == 3
    assert min(cluster.sim.trace.origins) >= store.compacted_revision


async def names_at(cluster: SimCluster, revision: int) -> list[str]:
    return [stored.key for stored in (await cluster.at(revision, NODES)).items]
