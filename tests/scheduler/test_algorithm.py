"""From all nodes to one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.scheduler.algorithm import SchedulingAlgorithm
from kubesim.scheduler.framework.plugin_error import PluginError
from kubesim.scheduler.framework.status import failed
from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS
from kubesim.scheduler.snapshot import Snapshot


@pytest.mark.parametrize(
    ("nodes", "wanted"), [(1, 1), (99, 99), (100, 100), (200, 100), (500, 230), (5000, 500), (6000, 300), (50000, 2500)]
)
def test_the_bigger_the_cluster_the_smaller_the_share_that_is_scored(nodes: int, wanted: int) -> None:
    """Teaches: 50 % less one per 125 nodes, at least 5 %, at least 100 nodes."""
    assert SchedulingAlgorithm(Snapshot(), Random(0)).feasible_nodes_wanted(nodes) == wanted


def test_the_share_can_be_set() -> None:
    """Teaches: percentageOfNodesToScore."""
    algorithm = SchedulingAlgorithm(Snapshot(), Random(0), percentage_of_nodes_to_score=80)
    assert (algorithm.feasible_nodes_wanted(1000), algorithm.feasible_nodes_wanted(110)) == (800, 100)


def test_a_profile_has_its_own_share() -> None:
    """Teaches: none inherits the configuration's; an explicit 0 adapts to the size, whatever that one says."""
    algorithm = SchedulingAlgorithm(Snapshot(), Random(0), percentage_of_nodes_to_score=80)
    assert [algorithm.feasible_nodes_wanted(1000, percentage) for percentage in (None, 0, 30)] == [800, 420, 300]


@pytest.mark.parametrize("columns_min_nodes", [0, 1000])
def test_the_search_goes_round(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], columns_min_nodes: int
) -> None:
    """Teaches: of 120 nodes 100 are looked at; rejected ones are passed by and count for the next start."""
    one = world([node(f"n{number:03}", unschedulable=number < 10) for number in range(120)])
    one.algorithm.columns_min_nodes = columns_min_nodes
    starts = []
    for number in range(4):
        assert len(one.schedule(pod(f"p{number}")).evaluation.feasible) == 100
        starts.append(one.algorithm.next_start_index)
    assert starts == [110, 100, 90, 80]


def test_without_scores_the_first_node_that_will_do_is_taken(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: where nobody compares, nobody needs a choice; unless an extender wants one."""
    plugins = [row for row in DEFAULT_PLUGINS if row.name in ("PrioritySort", "NodeUnschedulable", "DefaultBinder")]
    one = world([node(f"n{number}", unschedulable=number == 1) for number in range(4)], plugins=plugins)
    assert [one.schedule(pod(f"p{number}")).node for number in range(4)] == ["n0", "n2", "n3", "n0"]
    one.algorithm.extenders_choose = True
    assert len(one.schedule(pod()).evaluation.feasible) == 3


@pytest.mark.parametrize("columns_min_nodes", [0, 100])
def test_a_promise_takes_room_from_those_that_are_not_above_it(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], columns_min_nodes: int
) -> None:
    """Teaches: nominated Pods count for others of their priority and below, and not for themselves."""
    one = world([node("a", cpu="2"), node("b", cpu="1")])
    one.algorithm.columns_min_nodes = columns_min_nodes
    waiting = one.place_nowhere(pod("waiting", requests={"cpu": "2"}, priority=10))
    one.framework.nominator.nominate(waiting, "a")
    new = {"requests": {"cpu": "1"}}
    for priority, nodes in ((0, {"b"}), (10, {"b"}), (11, {"a", "b"})):
        feasible = one.schedule(pod("new", priority=priority, **new)).evaluation.feasible
        assert {one.snapshot.nodes[place].name for place in feasible} == nodes
    assert one.schedule(waiting.stored).node == "a"


def test_the_next_search_begins_where_the_last_one_stopped(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: every node gets its turn although no search sees all of them."""
    one = world([node(f"n{number}", unschedulable=number == 1) for number in range(6)])
    one.algorithm.feasible_nodes_wanted = lambda nodes, percentage: 2
    seen = []
    for number in range(3):
        evaluation = one.schedule(pod(f"p{number}")).evaluation
        seen.append([one.snapshot.nodes[index].name for index in evaluation.feasible])
    assert seen == [["n0", "n2"], ["n3", "n4"], ["n5", "n0"]]
    assert one.algorithm.next_start_index == 1


def test_ties_are_broken_by_chance_and_the_seed_decides(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: equals are chosen equally often, and the same seed chooses the same."""

    def choices(seed: int) -> list[str]:
        one = world([node(name) for name in "abc"], seed=seed)
        return [one.schedule(pod()).node for _ in range(300)]

    assert choices(1) == choices(1) != choices(2)
    assert all(count > 70 for count in Counter(choices(1)).values())


def test_a_single_feasible_node_is_not_scored(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: without a choice there is nothing to compare."""
    decision = world([node("a", cpu="1"), node("b")]).schedule(pod(requests={"cpu": "2"}))
    assert (decision.node, list(decision.evaluation.totals)) == ("b", [])


def test_nodes_given_by_name_are_the_only_ones_asked(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: a DaemonSet's Pod names its node, and the others are not even looked at."""
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b", "nowhere"]}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    one = world([node("a"), node("b", cpu="1"), node("c")])
    assert one.schedule(pod(affinity=affinity)).node == "b"
    assert one.message(pod("big", affinity=affinity, requests={"cpu": "2"})) == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new "
        "claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )


@pytest.mark.parametrize("columns_min_nodes", [0, 100])
@pytest.mark.parametrize("point", ["filter", "score"])
def test_a_plugin_that_fails_is_named(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], monkeypatch: pytest.MonkeyPatch,
    point: str, columns_min_nodes: int,
) -> None:  # fmt: skip
    """Teaches: an error says nothing about the Pod, so it must not look like a verdict."""
    one = world([node("a"), node("b")])
    one.algorithm.columns_min_nodes = columns_min_nodes

    def broken(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(one.plugin("NodeResourcesFit"), point, broken)
    with pytest.raises(PluginError, match=r'"NodeResourcesFit" (filter|failed).*: ZeroDivisionError') as raised:
        one.schedule(pod())
    assert raised.value.plugin == "NodeResourcesFit"


def test_a_plugin_may_answer_with_an_error(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teaches: an ERROR status and an exception are the same to the scheduler."""
    one = world([node("a")])
    monkeypatch.setattr(one.plugin("NodeName"), "filter", lambda *_: failed("no idea"))
    with pytest.raises(PluginError, match='running "NodeName" filter plugin: no idea'):
        one.schedule(pod())
