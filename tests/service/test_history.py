"""A long-lived cluster forgets."""

from __future__ import annotations

import pytest

from kubesim.api.errors import ExpiredError
from kubesim.api.resources import NODES
from kubesim.cluster import SimCluster
from kubesim.service.history import REVISION_BYTES, History, keep_history_short, parse_size
from kubesim.sim import Tasks

LIMIT = 2_000_000  # About a thousand Lease renewals.


async def test_the_past_beyond_the_limit_is_forgotten(cluster: SimCluster) -> None:
    """Teaches: whoever asks for a revision that is gone is told so, and nobody else notices."""
    began = cluster.etcd.store.revision
    async with Tasks("test") as tasks:
        tasks.spawn(keep_history_short(cluster, LIMIT), "history")
        await cluster.run_for(600)
        assert len(await names_at(cluster, began)) == 3  # Some 800 revisions: within the limit.
        await cluster.run_for(3600)
    store = cluster.etcd.store
    history = History(store)
    history._seen = store.compacted_revision  # As if it looked at all that is left.
    history.look()
    assert history.size_bytes <= 1.2 * LIMIT  # What a minute brings may come on top.
    with pytest.raises(ExpiredError):
        await names_at(cluster, began)
    assert len(await names_at(cluster, store.revision)) == 3
    assert min(cluster.sim.trace.origins) >= store.compacted_revision


async def test_the_size_of_the_past_counts_values_and_what_is_around_them(cluster: SimCluster) -> None:
    """Teaches: a revision costs memory even if its value is small."""
    history = History(cluster.etcd.store)
    before = cluster.etcd.store.revision
    await cluster.run_for(60)
    history.look()
    revisions = cluster.etcd.store.revision - before
    assert history.size_bytes > revisions * REVISION_BYTES > 0
    assert history.forget_down_to(0) == cluster.etcd.store.revision
    assert history.size_bytes == 0


@pytest.mark.parametrize(
    ("text", "size"), [("256MB", 256_000_000), ("1Gi", 2**30), ("1.5kB", 1500), ("1000000", 1_000_000)]
)
def test_a_size_is_written_as_people_write_it(text: str, size: int) -> None:
    """Teaches: units may be decimal or binary."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1MB", "10 apples"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """Teaches: better no answer than a wrong one."""
    with pytest.raises(ValueError, match="^" + text.strip()):
        parse_size(text)


async def names_at(cluster: SimCluster, revision: int) -> list[str]:
    return [stored.key for stored in (await cluster.at(revision, NODES)).items]
