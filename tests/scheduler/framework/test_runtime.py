"""Plugins of a test's own, put together by the runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import (
    ALL_NODES,
    BindPlugin,
    Diagnosis,
    FilterPlugin,
    PostFilterPlugin,
    PreBindPlugin,
    PreFilterPlugin,
    PreFilterResult,
    PreScorePlugin,
    ReservePlugin,
    Scale,
    ScorePlugin,
    normalize_by_maximum,
)
from kubesim.scheduler.framework.plugin_error import PluginError
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Code, Status, failed, unresolvable, unschedulable
from kubesim.scheduler.plugins.priority_sort import PrioritySort
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

HANDLE = Handle(Snapshot(), client=None)  # type: ignore[arg-type]
STATE = CycleState()


def framework(*plugins: Any) -> Framework:
    return Framework("test", [(PrioritySort(HANDLE), 1), *((plugin, 3) for plugin in plugins)])


def plugin(kind: type, name: str, **methods: Any) -> Any:
    """A plugin of `kind` that answers what it is told to."""
    body = {method: always(answer) for method, answer in methods.items()}
    return type(name, (kind,), {"name": name} | body)(HANDLE)


def always(answer: Any) -> Callable[..., Any]:
    return lambda self, *_: answer


def coroutine(answer: Status) -> Callable[..., Any]:
    async def method(self: Any, *_: Any) -> Status:
        return answer

    return method


def asynchronous(kind: type, name: str, method: str, answer: Status) -> Any:
    return type(name, (kind,), {"name": name, method: coroutine(answer)})(HANDLE)


def test_pre_filter_results_are_intersected(info: Callable[..., PodInfo]) -> None:
    """Teaches: each plugin may rule out nodes by name; what is left must suit all."""
    one = plugin(PreFilterPlugin, "One", pre_filter=(PreFilterResult(frozenset("abc")), SUCCESS))
    two = plugin(PreFilterPlugin, "Two", pre_filter=(PreFilterResult(frozenset("cd")), SUCCESS))
    bored = plugin(PreFilterPlugin, "Bored", pre_filter=(ALL_NODES, SKIP))
    state = CycleState()
    result = framework(one, bored, two).run_pre_filter(state, info(), HANDLE.snapshot)
    assert (result.status, result.node_names, result.narrowed_by) == (SUCCESS, frozenset("c"), ("One", "Two"))
    assert state.skip_filter == {"Bored"}


@pytest.mark.parametrize(
    ("names", "message"),
    [(("", ), "node(s) didn't satisfy plugin P0"),
     (("a", "b"), "node(s) didn't satisfy plugin(s) [P0 P1] simultaneously")],
)  # fmt: skip
def test_no_node_left_by_name_is_unresolvable(
    info: Callable[..., PodInfo], names: tuple[str, ...], message: str
) -> None:
    """Teaches: the reason names who is to blame."""
    plugins = [
        plugin(PreFilterPlugin, f"P{number}", pre_filter=(PreFilterResult(frozenset(name)), SUCCESS))
        for number, name in enumerate(names)
    ]
    result = framework(*plugins).run_pre_filter(CycleState(), info(), HANDLE.snapshot)
    assert (result.status.code, result.status.message) == (Code.UNSCHEDULABLE_AND_UNRESOLVABLE, message)


def test_the_first_filter_that_says_no_is_the_last_asked(world: Any, node: Callable[..., Stored], info: Any) -> None:
    """Teaches: a node that is out is out; its status says by whom."""
    yes = plugin(FilterPlugin, "Yes", filter=SUCCESS)
    no = plugin(FilterPlugin, "No", filter=unschedulable("not today"))
    never = plugin(FilterPlugin, "Never", filter=unresolvable("never"))
    some_node = world([node("a")]).node("a")
    assert framework(yes, no, never).run_filters(STATE, info(), some_node).plugin == "No"
    state = CycleState()
    state.skip_filter.add("No")
    assert framework(no, yes).run_filters(state, info(), some_node) is SUCCESS


def broken(*_: Any) -> Any:
    raise RuntimeError("boom")


@pytest.mark.parametrize(
    ("kind", "method", "told", "run"),
    [
        (PreFilterPlugin, "pre_filter", 'running PreFilter plugin "Bad"',
         lambda f, pod: f.run_pre_filter(STATE, pod, HANDLE.snapshot)),
        (FilterPlugin, "filter", 'running "Bad" filter plugin', lambda f, pod: f.run_filters(STATE, pod, None)),
        (PreScorePlugin, "pre_score", 'running PreScore plugin "Bad"', lambda f, pod: f.run_pre_score(STATE, pod, ())),
        (ScorePlugin, "score", 'running Score plugins: plugin "Bad" failed with',
         lambda f, pod: f.run_scores(CycleState(), pod, (None,))),
    ],
)  # fmt: skip
def test_an_exception_names_plugin_and_point(
    info: Callable[..., PodInfo], kind: type, method: str, told: str, run: Any
) -> None:
    """Teaches: a plugin of a user's may break; the scheduler must say which."""
    bad = type("Bad", (kind,), {"name": "Bad", method: broken})(HANDLE)
    with pytest.raises(PluginError) as raised:
        run(framework(bad), info())
    assert str(raised.value) == f'{told}: RuntimeError("boom")'


def test_scores_must_be_whole_numbers_from_0_to_100(info: Callable[..., PodInfo]) -> None:
    """Teaches: a plugin with another scale would drown all others."""
    for score in (101, -1, 0.5, None):
        with pytest.raises(PluginError) as raised:
            framework(plugin(ScorePlugin, "Loud", score=score)).run_scores(CycleState(), info(), (None,))  # type: ignore[arg-type]
        assert str(raised.value) == (
            f'applying score defaultWeights on Score plugins: plugin "Loud" returns an invalid score {score}, '
            "it should in the range of [0, 100] after normalizing"
        )


def test_nothing_to_say_is_a_yes_and_nonsense_an_error(info: Callable[..., PodInfo]) -> None:
    """Teaches: in Go nil is success; what is no answer at all must not pass for one."""
    silent, odd = plugin(FilterPlugin, "Silent", filter=None), plugin(FilterPlugin, "Odd", filter="no")
    assert framework(silent).run_filters(CycleState(), info(), None) is SUCCESS  # type: ignore[arg-type]
    with pytest.raises(PluginError, match="running \"Odd\" filter plugin: 'no' is no Status"):
        framework(odd).run_filters(CycleState(), info(), None)  # type: ignore[arg-type]


def test_a_post_filter_that_fails_has_its_say_in_the_message(info: Callable[..., PodInfo]) -> None:
    """Teaches: that no room could be made does not change that the Pod found none."""
    bad = type("Bad", (PostFilterPlugin,), {"name": "Bad", "post_filter": broken})(HANDLE)
    nominated, status = framework(bad).run_post_filters(STATE, info(), HANDLE.snapshot, Diagnosis())
    assert (nominated, status.message) == (None, 'running PostFilter plugin "Bad": RuntimeError("boom")')


def test_post_filters_speak_together_until_one_makes_room(info: Callable[..., PodInfo]) -> None:
    """Teaches: the closing part of a FailedScheduling message has several authors."""
    one = plugin(PostFilterPlugin, "One", post_filter=("", unschedulable("no claims")))
    two = plugin(PostFilterPlugin, "Two", post_filter=("", unschedulable("no victims")))
    room = plugin(PostFilterPlugin, "Room", post_filter=("n1", SUCCESS))
    final = plugin(PostFilterPlugin, "Final", post_filter=("", unresolvable("hopeless")))
    run = lambda *plugins: framework(*plugins).run_post_filters(STATE, info(), HANDLE.snapshot, Diagnosis())  # noqa: E731
    assert run(one, two)[1].message == "no claims, no victims"
    assert run(one, room, two) == ("n1", SUCCESS)
    assert run(final, room)[1].message == "hopeless"


def test_scores_are_normalised_then_weighed(world: Any, node: Callable[..., Stored], info: Any) -> None:
    """Teaches: raw scores mean nothing across plugins; 0 to 100 times the weight does."""
    nodes = world([node(name) for name in "ab"]).snapshot.nodes
    longest = type("Longest", (ScorePlugin,), {
        "name": "Longest", "scale": Scale.BY_MAXIMUM,
        "score": lambda self, state, pod, node: {"a": 5, "b": 20}[node.name],
    })(HANDLE)  # fmt: skip
    scores = framework(longest).run_scores(CycleState(), info(), nodes)
    assert (scores.raw, scores.weighted, scores.totals) == (
        {"Longest": [5, 20]}, {"Longest": [75, 300]}, [75, 300],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "reverse", "normalized"),
    [([1, 2, 4], False, [25, 50, 100]), ([1, 2, 4], True, [75, 50, 0]), ([0, 0], False, [0, 0]),
     ([0, 0], True, [100, 100]), ([1, 3], False, [33, 100]), ([1, 3], True, [67, 0]), ([], True, [])],
)  # fmt: skip
def test_normalising_rounds_down_before_it_reverses(scores: list[int], reverse: bool, normalized: list[int]) -> None:
    """Teaches: 100 - 33 is 67, not 66."""
    assert normalize_by_maximum(scores, reverse=reverse) == normalized


def test_reservations_are_given_back_in_the_opposite_order(info: Callable[..., PodInfo]) -> None:
    """Teaches: Reserve is the only point with an undo."""
    told: list[str] = []

    def make(name: str, answer: Status) -> Any:
        return type(name, (ReservePlugin,), {
            "name": name, "reserve": lambda self, *_: told.append(f"+{name}") or answer,
            "unreserve": lambda self, *_: told.append(f"-{name}"),
        })(HANDLE)  # fmt: skip

    both = framework(make("A", SUCCESS), make("B", unschedulable("taken")))
    assert both.run_reserve(STATE, info(), "n1") == Status(Code.UNSCHEDULABLE, ("taken",), "B")
    both.run_unreserve(STATE, info(), "n1")
    assert told == ["+A", "+B", "-B", "-A"]


async def test_binding_prepares_and_then_asks_binders_in_turn(info: Callable[..., PodInfo]) -> None:
    """Teaches: a binder may leave the Pod to the next one."""
    ready = asynchronous(PreBindPlugin, "Ready", "pre_bind", SUCCESS)
    broken = asynchronous(PreBindPlugin, "Broken", "pre_bind", failed("no volume"))
    shy = asynchronous(BindPlugin, "Shy", "bind", SKIP)
    refusing = asynchronous(BindPlugin, "Refusing", "bind", failed("conflict"))
    eager = asynchronous(BindPlugin, "Eager", "bind", SUCCESS)
    assert await framework(ready, shy, eager).run_bind(STATE, info(), "n1") is SUCCESS
    assert (await framework(broken, eager).run_bind(STATE, info(), "n1")).plugin == "Broken"
    assert (await framework(refusing, eager).run_bind(STATE, info(), "n1")).plugin == "Refusing"
    assert (await framework(shy).run_bind(STATE, info(), "n1")).code is Code.ERROR


def test_the_state_of_a_cycle_is_a_notebook() -> None:
    """Teaches: what PreFilter computes, Filter reads."""
    state = CycleState()
    state.write("Plugin", [1])
    assert (state.read("Plugin"), state.read("Other")) == ([1], None)
