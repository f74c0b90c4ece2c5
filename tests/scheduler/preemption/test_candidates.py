"""Who has to leave, and of which node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.stored import Stored
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.status import SUCCESS, Code, Status
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.preemption.candidates import NO_VICTIMS, Candidate, Memo, VictimSearch
from kubesim.scheduler.preemption.selection import best_candidates
from tests.scheduler.conftest import World, make_node, make_pod

MakeObject = Callable[..., Stored]


def search(world: World, pod: Stored) -> VictimSearch:
    state, info = CycleState(), world.place_nowhere(pod)
    world.framework.run_pre_filter(state, info, world.snapshot)
    return VictimSearch(world.framework, state, info, [])


def on_node(world: World, pod: Stored, node: str = "n") -> Candidate | Status:
    return search(world, pod).on_node(world.node(node))


def victims(found: Candidate | Status) -> list[str]:
    assert isinstance(found, Candidate), found
    return [victim.name for victim in found.victims]


def cpu(name: str, amount: str, priority: int = 0, **kwargs: Any) -> Stored:
    return make_pod(name, requests={"cpu": amount}, priority=priority, **kwargs)


def test_no_more_pods_leave_than_must() -> None:
    """Teaches: all of lower priority are taken off first, and put back as long as the Pod still fits."""
    pods = [cpu("small", "1", node="n"), cpu("big", "2", node="n"), cpu("mid", "1", 5, node="n")]
    world = World([make_node("n", cpu="4")], pods)
    found = on_node(world, cpu("new", "2", 10))
    assert victims(found) == ["small"] or victims(found) == ["big"]
    assert isinstance(found, Candidate)
    assert "mid" in [pod.name for pod in found.spared]


def test_nobody_of_equal_priority_is_a_victim() -> None:
    """Teaches: preemption goes strictly downwards, or two Pods would chase each other for ever."""
    world = World([make_node("n", cpu="1")], [cpu("peer", "1", 10, node="n")])
    assert on_node(world, cpu("new", "1", 10)) is NO_VICTIMS


def test_a_node_that_would_still_not_do_says_why() -> None:
    """Teaches: the text after "preemption:" is that of the filters with everybody of lower priority gone."""
    world = World([make_node("n", cpu="2")], [cpu("peer", "1", 10, node="n"), cpu("low", "1", node="n")])
    status = on_node(world, cpu("new", "2", 10))
    assert isinstance(status, Status)
    assert (status.code, status.reasons) == (Code.UNSCHEDULABLE, ("Insufficient cpu",))


def test_room_that_another_pod_is_promised_does_not_count() -> None:
    """Teaches: who preempted first gets the place, though it is not bound yet."""
    world = World([make_node("n", cpu="2")], [cpu("low", "2", node="n")])
    world.framework.nominator.nominate(world.place_nowhere(cpu("first", "2", 10)), "n")
    assert isinstance(on_node(world, cpu("second", "1", 10)), Status)
    assert victims(on_node(world, cpu("higher", "1", 11))) == ["low"]


def test_the_search_stops_at_so_many_candidates() -> None:
    """Teaches: in a big cluster a good enough node soon is better than the best one late."""
    nodes = [make_node(f"n{number}", cpu="1") for number in range(9)]
    world = World(nodes, [cpu(f"low{number}", "1", node=f"n{number}") for number in range(9)])
    found = search(world, cpu("new", "1", 10)).run(world.snapshot.nodes, offset=7, wanted=3)
    assert [candidate.node for candidate in found.candidates] == ["n7", "n8", "n0"]


def test_what_is_remembered_of_a_node_holds_until_it_or_its_pods_change() -> None:
    """Teaches: the next Pod of the same shape gets the same answer without another dry run."""
    world, new = World([make_node("n", cpu="2")], [cpu("low", "2", node="n")]), cpu("new", "1", 10)
    memo: Memo = {}

    def victim() -> PodInfo:
        state, info = CycleState(), world.place_nowhere(new)
        world.framework.run_pre_filter(state, info, world.snapshot)
        found = VictimSearch(world.framework, state, info, [], memo).run(world.snapshot.nodes, 0, 1)
        return found.candidates[0].victims[0]

    first = victim()
    assert victim() is first
    world.place(cpu("low", "2", node="n", revision=2))  # A new revision of the same Pod: the node is as it was.
    assert victim().stored.revision == 2
    world.cache.remove_pod("uid-low")
    world.place(cpu("other", "2", node="n"))
    assert victim().name == "other"


def test_what_is_remembered_of_a_node_holds_until_others_are_promised_it() -> None:
    """Teaches: whoever preempted first keeps the place, also from those who asked before and ask again."""
    world, new = World([make_node("n", cpu="2")], [cpu("low", "2", node="n")]), cpu("new", "1", 10)
    memo: Memo = {}

    def candidates(pod: Stored = new) -> int:
        state, info = CycleState(), world.place_nowhere(pod)
        world.framework.run_pre_filter(state, info, world.snapshot)
        found = VictimSearch(world.framework, state, info, [], memo)
        return len(found.run(world.snapshot.nodes, 0, 1).candidates)

    assert candidates() == 1
    first = world.place_nowhere(cpu("first", "2", 10))
    world.framework.nominator.nominate(first, "n")
    assert (candidates(), candidates()) == (0, 0)
    world.framework.nominator.forget(first.uid)
    assert candidates() == 1


def candidate(node: str, *pods: Stored, violations: int = 0) -> Candidate:
    world = World([])
    return Candidate(node, tuple(world.place_nowhere(pod) for pod in pods), violations=violations)


def best(*candidates: Candidate) -> list[str]:
    return [each.node for each in best_candidates(candidates)]


def test_the_node_is_chosen_by_what_it_costs() -> None:
    """Teaches: budgets first, then the most important victim, the sum, the number, and only then the age."""
    low, mid, minus = cpu("low", "1", 1), cpu("mid", "1", 2), cpu("minus", "1", -5)
    assert best(candidate("a", low, violations=1), candidate("b", mid)) == ["b"]
    assert best(candidate("a", mid), candidate("b", low, low)) == ["b"]
    assert best(candidate("a", low, low), candidate("b", low)) == ["b"]
    assert best(candidate("a", minus, minus), candidate("b", minus)) == ["b"]
    assert best(candidate("a", low), candidate("b", low)) == ["a", "b"]
    assert best() == []


PODS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(pods=PODS, asks=st.integers(1, 8), priority=st.integers(0, 4))
def test_whoever_is_evicted_was_lower_and_the_pod_fits_then(
    pods: list[tuple[int, int]], asks: int, priority: int
) -> None:
    """Teaches: two promises of preemption, on any node: never an equal or higher Pod, never in vain."""
    placed = [cpu(f"p{n}", str(size), level, node="n") for n, (size, level) in enumerate(pods)]
    world, new = World([make_node("n", cpu="8")], placed), cpu("new", str(asks), priority)
    found = on_node(world, new)
    if isinstance(found, Status):
        return
    assert all(victim.priority < priority for victim in found.victims)
    assert len(found.victims) + len(found.spared) == sum(level < priority for _, level in pods)
    for victim in found.victims:
        world.cache.remove_pod(victim.uid)
    world.refresh()
    assert world.verdict(new, "n") is SUCCESS
    for victim in found.victims:  # Nobody leaves who could have stayed.
        with_one = World([make_node("n", cpu="8")], [*(p.stored for p in world.node("n").pods.values()), victim.stored])
        assert with_one.verdict(new, "n") is not SUCCESS
