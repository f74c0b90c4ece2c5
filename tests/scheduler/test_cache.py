"""Assumptions, confirmations, and snapshots that cost only what changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.scheduler.cache import SchedulerCache
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

HALF = {"cpu": "500m", "memory": "1Gi"}


@pytest.fixture
def cache(node: Callable[..., Stored]) -> SchedulerCache:
    cache = SchedulerCache()
    cache.set_node(node("n1").view(Node))
    cache.set_node(node("n2").view(Node))
    return cache


def test_an_assumed_pod_takes_its_place_at_once(cache: SchedulerCache, info: Callable[..., PodInfo]) -> None:
    """Teaches: the next Pod must see the place as taken, although the apiserver knows nothing yet."""
    pod = info("a", requests=HALF)
    cache.assume(pod, "n1")
    assert cache.nodes["n1"].requested == {"cpu": 500, "memory": 1024**3}
    assert cache.is_assumed(pod.uid)


def test_the_informer_confirms_without_counting_twice(cache: SchedulerCache, info: Callable[..., PodInfo]) -> None:
    """Teaches: assumption and confirmation are about one Pod."""
    cache.assume(info("a", requests=HALF), "n1")
    confirmed = info("a", requests=HALF, node="n1", revision=2)
    cache.add_pod(confirmed, "n1")
    assert cache.nodes["n1"].requested["cpu"] == 500
    assert cache.pod(confirmed.uid) is confirmed
    assert not cache.is_assumed(confirmed.uid)
    cache.forget(confirmed.uid)  # Too late: it is a fact now.
    assert cache.place_of(confirmed.uid) == "n1"


def test_a_failed_binding_gives_the_place_back(cache: SchedulerCache, info: Callable[..., PodInfo]) -> None:
    """Teaches: forget undoes assume."""
    pod = info("a", requests=HALF, ports=[{"hostPort": 80}])
    cache.assume(pod, "n1")
    cache.forget(pod.uid)
    n1 = cache.nodes["n1"]
    assert (n1.requested, n1.pods, n1.ports, n1.non_zero_cpu) == ({}, {}, {}, 0)


def test_the_informer_is_right_about_the_node(cache: SchedulerCache, info: Callable[..., PodInfo]) -> None:
    """Teaches: what was assumed elsewhere moves to where it really is."""
    cache.assume(info("a", requests=HALF), "n1")
    cache.add_pod(info("a", requests=HALF, node="n2", revision=2), "n2")
    assert cache.nodes["n1"].requested == {}
    assert cache.nodes["n2"].requested["cpu"] == 500


def test_pods_of_a_deleted_node_keep_a_nameless_place(
    cache: SchedulerCache, info: Callable[..., PodInfo], node: Callable[..., Stored]
) -> None:
    """Teaches: a node may come back before its Pods are gone, and must not look empty then."""
    pod = info("a", requests=HALF, node="n1")
    cache.add_pod(pod, "n1")
    cache.remove_node("n1")
    snapshot = Snapshot()
    cache.update_snapshot(snapshot)
    assert list(snapshot.index) == ["n2"]
    cache.set_node(node("n1").view(Node))
    cache.update_snapshot(snapshot)
    assert snapshot.get("n1").requested["cpu"] == 500
    cache.remove_node("n1")
    cache.remove_pod(pod.uid)
    assert list(cache.nodes) == ["n2"]
    cache.remove_node("n1")  # Nothing left to remove.


def test_a_heartbeat_changes_nothing(cache: SchedulerCache, node: Callable[..., Stored]) -> None:
    """Teaches: a thousand idle nodes must not cost the scheduler anything."""
    snapshot = Snapshot()
    cache.update_snapshot(snapshot)
    position, generation = snapshot.position, cache.nodes["n1"].generation
    beat = node("n1").object | {"status": node("n1").object["status"] | {"conditions": [{"type": "Ready"}]}}
    cache.set_node(Stored(2, beat).view(Node))
    cache.update_snapshot(snapshot)
    assert (snapshot.position, cache.nodes["n1"].generation) == (position, generation)


def test_a_snapshot_update_touches_only_what_changed(cache: SchedulerCache, info: Callable[..., PodInfo]) -> None:
    """Teaches: generations and a log of changes instead of copies."""
    snapshot = Snapshot()
    cache.update_snapshot(snapshot)
    position, layout = snapshot.position, snapshot.layout
    cache.assume(info("a"), "n2")
    cache.update_snapshot(snapshot)
    assert list(snapshot.changes_since(position)) == [snapshot.index["n2"]]
    assert snapshot.layout == layout


def test_a_status_update_of_a_pod_is_no_change(cache: SchedulerCache, info: Callable[..., PodInfo]) -> None:
    """Teaches: Running or Pending, it takes up the same room."""
    cache.add_pod(info("a", node="n1"), "n1")
    generation = cache.nodes["n1"].generation
    cache.add_pod(info("a", node="n1", phase="Running", revision=2), "n1")
    assert cache.nodes["n1"].generation == generation


@settings(deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["assume", "forget", "add", "remove"]), st.integers(0, 3)), max_size=30)
)
def test_the_sums_always_equal_the_pods(
    node: Callable[..., Stored], info: Callable[..., PodInfo], steps: list[tuple[str, int]]
) -> None:
    """Teaches: a running total is only as good as every single addition."""
    cache = SchedulerCache()
    for name in ("n0", "n1"):
        cache.set_node(node(name).view(Node))
    for step, number in steps:
        pod = info(f"p{number}", requests={"cpu": f"{number}00m"}, ports=[{"hostPort": 80 + number}])
        match step:
            case "assume" if not cache.place_of(pod.uid):
                cache.assume(pod, f"n{number % 2}")
            case "forget":
                cache.forget(pod.uid)
            case "add":
                cache.add_pod(pod, f"n{(number + len(steps)) % 2}")
            case "remove":
                cache.remove_pod(pod.uid)
    for place in cache.nodes.values():
        assert place.requested.get("cpu", 0) == sum(pod.shape.requests["cpu"] for pod in place.pods.values())
        assert place.non_zero_cpu == sum(pod.shape.non_zero_cpu for pod in place.pods.values())
        assert len(place.ports) == len(place.pods)
