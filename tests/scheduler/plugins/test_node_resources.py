"""NodeResourcesFit, NodeResourcesBalancedAllocation, NodePorts and ImageLocality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.scheduler.framework.status import SUCCESS, Code

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("requests", "reasons", "code"),
    [
        ({"cpu": "3"}, (), None),
        ({"cpu": "3001m"}, ("Insufficient cpu",), Code.UNSCHEDULABLE),
        ({"cpu": "5"}, ("Insufficient cpu",), Code.UNSCHEDULABLE_AND_UNRESOLVABLE),
        ({"cpu": "4", "memory": "8Gi"}, ("Insufficient cpu", "Insufficient memory"), Code.UNSCHEDULABLE),
        ({"cpu": "4", "memory": "9Gi"}, ("Insufficient cpu", "Insufficient memory"),
         Code.UNSCHEDULABLE_AND_UNRESOLVABLE),
        ({"example.com/gpu": "1"}, ("Insufficient example.com/gpu",), Code.UNSCHEDULABLE_AND_UNRESOLVABLE),
        ({"example.com/gpu": "0"}, (), None),
        ({"ephemeral-storage": "1Gi"}, ("Insufficient ephemeral-storage",), Code.UNSCHEDULABLE_AND_UNRESOLVABLE),
    ],
)  # fmt: skip
def test_what_is_short_is_named(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], requests: dict[str, str],
    reasons: tuple[str, ...], code: Code | None,
) -> None:  # fmt: skip
    """Teaches: more than the whole node has cannot be helped by deleting Pods."""
    one = world([node("n")], [pod("old", node="n", requests={"cpu": "1", "memory": "1Gi"})])
    status = one.verdict(pod(requests=requests), "n")
    assert status.reasons == reasons
    assert status is SUCCESS if code is None else status.code is code


def test_a_node_takes_only_so_many_pods(world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]) -> None:
    """Teaches: even a Pod that asks for nothing needs a place."""
    one = world([node("n", pods="1")], [pod("old", node="n")])
    status = one.verdict(pod(), "n")
    assert (status.code, status.reasons) == (Code.UNSCHEDULABLE, ("Too many pods",))


def test_the_node_with_the_most_left_is_liked_best(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: LeastAllocated spreads; a Pod that asks for nothing counts as 100m and 200Mi."""
    one = world([node("busy"), node("idle"), node("odd", cpu="0", memory="0")],
                [pod("old", node="busy", requests={"cpu": "2", "memory": "4Gi"})])  # fmt: skip
    asking = pod(requests={"cpu": "1", "memory": "2Gi"})
    assert one.weighted(asking, "NodeResourcesFit") == {"busy": 25, "idle": 75, "odd": 0}
    assert one.weighted(pod(), "NodeResourcesFit") == {"busy": (47 + 47) // 2, "idle": (97 + 97) // 2, "odd": 0}


def test_balance_counts_by_what_the_pod_changes(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: 75 is "no change"; a Pod that evens out cpu and memory is welcome."""
    one = world([node("cpu-heavy"), node("idle")], [pod("old", node="cpu-heavy", requests={"cpu": "2"})])
    memory = pod(requests={"memory": "4Gi"})
    assert one.weighted(memory, "NodeResourcesBalancedAllocation") == {"cpu-heavy": 87, "idle": 62}
    assert one.weighted(pod(), "NodeResourcesBalancedAllocation") is None


def test_a_node_that_lacks_one_of_the_two_is_always_balanced(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: one number alone cannot be out of balance."""
    assert world([node("n", memory="0")]).weighted(
        pod(requests={"cpu": "1"}), "NodeResourcesBalancedAllocation"
    ) == {"n": 75}  # fmt: skip


def test_a_node_that_grew_may_help_if_the_pod_would_fit_it_empty(
    world: Any, node: Callable[..., Stored], info: Callable[..., Any]
) -> None:
    """Teaches: queueing hints of NodeResourcesFit."""
    hint = world([]).plugin("NodeResourcesFit").is_schedulable_after_node_change
    small, big, roomy = (made.view(Node) for made in (node("n", cpu="1"), node("n", cpu="8"), node("n", memory="64Gi")))
    waiting = info(requests={"cpu": "2"})
    assert hint(waiting, None, big)
    assert not hint(waiting, None, small)
    assert hint(waiting, small, big)
    assert not hint(waiting, big, big)
    assert not hint(waiting, node("n").view(Node), roomy)  # More memory, but that was not what is missing.
    assert hint(waiting, node("n", pods="1").view(Node), node("n").view(Node))


def test_a_pod_that_asks_for_less_may_help(world: Any, info: Callable[..., Any]) -> None:
    """Teaches: in-place resize is an event for itself and for its neighbours."""
    hint = world([]).plugin("NodeResourcesFit").is_schedulable_after_scale_down
    waiting = info("waiting", requests={"cpu": "2"})
    large, small = (info("other", requests={"cpu": cpu}) for cpu in ("2", "1"))
    assert hint(waiting, large, small)
    assert hint(waiting, waiting, info("waiting", requests={"cpu": "1"}))
    assert not hint(info("waiting", requests={"memory": "1Gi"}), large, small)


def test_a_host_port_can_be_taken_once(world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]) -> None:
    """Teaches: NodePorts; preemption might free the port."""
    one = world([node("n")], [pod("old", node="n", ports=[{"hostPort": 80}])])
    status = one.verdict(pod(ports=[{"hostPort": 80, "hostIP": "10.0.0.1"}]), "n")
    assert (status.code, status.plugin) == (Code.UNSCHEDULABLE, "NodePorts")
    assert status.reasons == ("node(s) didn't have free ports for the requested pod ports",)
    assert one.verdict(pod(ports=[{"hostPort": 81}]), "n") is SUCCESS


def test_only_a_pod_that_held_the_port_frees_it(world: Any, info: Callable[..., Any]) -> None:
    """Teaches: queueing hints of NodePorts."""
    hint = world([]).plugin("NodePorts").is_schedulable_after_pod_deleted
    waiting = info(ports=[{"hostPort": 80, "hostIP": "10.0.0.1"}])
    assert hint(waiting, info("a", ports=[{"hostPort": 80}]), None)
    assert not hint(waiting, info("b", ports=[{"hostPort": 80, "hostIP": "10.0.0.2"}]), None)
    assert not hint(waiting, info("c", ports=[{"hostPort": 81}]), None)


def test_an_image_that_is_there_counts_by_its_size_and_spread(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: 23 MB are nothing, 1000 MB everything; a rare image counts less, lest all Pods crowd there."""
    half = {"db:1": 1000 * MEGABYTE}
    one = world([node("a", images=half), node("b", images=half), node("c"), node("d", images={"nginx:latest": 1})])
    assert one.weighted(pod(image="db:1"), "ImageLocality") == {
        "a": 100 * (500 - 23) // (1000 - 23), "b": 100 * (500 - 23) // (1000 - 23), "c": 0, "d": 0,
    }  # fmt: skip
    assert one.weighted(pod(image="nginx"), "ImageLocality") == {"a": 0, "b": 0, "c": 0, "d": 0}


def test_a_node_that_pulls_an_image_changes_the_score_of_all(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: what depends on all nodes is asked of all nodes again."""
    images = {"db:1": 1000 * MEGABYTE}
    one = world([node("a", images=images), node("b"), node("c")])
    one.algorithm.columns_min_nodes = 0
    before = dict(zip("abc", one.schedule(pod(image="db:1")).evaluation.totals.tolist(), strict=True))
    one.cache.set_node(node("b", images=images).view(Node))
    one.algorithm.next_start_index = 0
    after = dict(zip("abc", one.schedule(pod(image="db:1")).evaluation.totals.tolist(), strict=True))
    assert after["a"] - before["a"] == 100 * (666 - 23) // 977 - 100 * (333 - 23) // 977
