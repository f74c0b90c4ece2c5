"""The moment in which virtual and real time agree, and what a cluster begins with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from kubesim.api.resources import LEASES
from kubesim.cluster import SimCluster
from kubesim.etcd.snapshot import Snapshot, load, save
from kubesim.service import ServiceError, serve
from kubesim.service.profile import Profile
from kubesim.service.serve import Tell, boot, read_state
from kubesim.sim.clock import UNIX_EPOCH, wall_now


@asynccontextmanager
async def booted(
    cluster: SimCluster, snapshot: Snapshot | None = None, tell: Tell = lambda _: None
) -> AsyncIterator[None]:
    try:
        await boot(cluster, snapshot, tell)
        yield
    finally:
        await cluster.stop()


async def test_after_the_boot_the_cluster_has_the_date_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: kubectl works out ages on its own clock, so the two must agree."""
    start = wall_now()
    cluster = SimCluster(1, epoch=start - timedelta(seconds=serve.BOOT_SECONDS))
    later = start + timedelta(seconds=3)  # So long did the boot take in real time.
    monkeypatch.setattr(serve, "wall_now", lambda: later)
    async with booted(cluster):
        late_ns = cluster.sim.clock.unix_ns() - (later - UNIX_EPOCH) // timedelta(microseconds=1) * 1000
        assert 0 <= late_ns <= 1000


async def test_progress_is_told_at_every_tenth_of_the_nodes() -> None:
    """Teaches: what takes long says how far it is, and not more often than one can read."""
    heard: list[str] = []
    cluster = SimCluster(20, epoch=wall_now())
    async with booted(cluster, tell=lambda message: heard.append(message["progress"])):
        assert heard == [f"{count} of 20 nodes are Ready" for count in range(2, 21, 2)]


async def test_a_restored_cluster_is_led_again_when_it_serves() -> None:
    """Teaches: a leader that is gone holds its Lease for 15 seconds; a restart waits that long in virtual time."""
    snapshot = await snapshot_of_a_cluster()
    cluster = SimCluster(2, seed=9, epoch=wall_now())
    async with booted(cluster, snapshot):
        leases = {stored.key: stored.object["spec"] for stored in cluster.all(LEASES)}
        for name in ("kube-system/kube-controller-manager", "kube-system/kube-scheduler"):
            assert leases[name]["leaseTransitions"] == 1
        assert cluster.etcd.store.revision > snapshot.revision, leases


async def snapshot_of_a_cluster() -> Snapshot:
    async with SimCluster(2, seed=7) as cluster:
        return load(await save(cluster.etcd, cluster.sim.clock.unix_ns()))


def test_a_state_that_cannot_be_read_is_told(profile: Profile) -> None:
    """Teaches: beginning anew in silence would lose somebody's work."""
    assert read_state(profile) is None
    profile.make_folder()
    profile.state_file.write_bytes(b"nonsense")
    with pytest.raises(ServiceError, match="to begin with an empty cluster"):
        read_state(profile)
