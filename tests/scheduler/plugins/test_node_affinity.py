"""NodeAffinity, the node selector terms, and NodeName."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.node_selector import compile_term, holds
from kubesim.api.stored import Stored
from kubesim.api.views import Node, NodeSelectorRequirement
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.status import SUCCESS, Code

DISK_SSD = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}


def required(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


def preferred(**weights: int) -> dict[str, Any]:
    terms = [
        {"weight": weight, "preference": {"matchExpressions": [{"key": key, "operator": "Exists"}]}}
        for key, weight in weights.items()
    ]
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}


def named(*names: str, operator: str = "In") -> dict[str, Any]:
    return {"matchFields": [{"key": "metadata.name", "operator": operator, "values": list(names)}]}


@pytest.mark.parametrize(
    ("operator", "values", "label", "expected"),
    [
        ("In", ("a", "b"), "a", True), ("In", ("a",), None, False), ("NotIn", ("a",), "b", True),
        ("NotIn", ("a",), None, True), ("NotIn", ("a",), "a", False), ("Exists", (), "", True),
        ("Exists", (), None, False), ("DoesNotExist", (), None, True), ("Gt", ("4",), "5", True),
        ("Gt", ("5",), "5", False), ("Lt", ("5",), "4", True), ("Lt", ("5",), "x", False), ("Gt", (), "5", False),
        ("Gt", ("1",), None, False), ("Near", ("a",), "a", False),
    ],
)  # fmt: skip
def test_a_requirement_holds(operator: str, values: tuple[str, ...], label: str | None, expected: bool) -> None:
    """Teaches: NotIn also holds for a node without the label; Gt and Lt want whole numbers."""
    assert holds(NodeSelectorRequirement(key="k", operator=operator, values=values), label) is expected


def test_a_term_without_conditions_selects_nothing(node: Callable[..., Stored]) -> None:
    """Teaches: empty means nothing here, not everything."""
    assert not compile_term(None)(node("n").view(Node))


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, ["a"]),
        ({"affinity": required(DISK_SSD)}, ["a"]),
        ({"affinity": required(DISK_SSD, {"matchExpressions": [{"key": "rank", "operator": "Gt", "values": ["1"]}]})},
         ["a", "b"]),
        ({"affinity": required(DISK_SSD), "nodeSelector": {"rank": "2"}}, []),
        ({"affinity": required(DISK_SSD | named("b"))}, []),
        ({"affinity": required(named("c", operator="NotIn"))}, ["a", "b"]),
        ({"affinity": required()}, []),
    ],
)  # fmt: skip
def test_what_is_required(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], fields: dict[str, Any], fits: list[str]
) -> None:
    """Teaches: one term must hold, and every condition of it, and the nodeSelector too."""
    one = world([node("a", labels={"disk": "ssd"}), node("b", labels={"rank": "2"}), node("c")])
    verdicts = {name: one.verdict(pod(**fields), name) for name in "abc"}
    assert [name for name, status in verdicts.items() if status is SUCCESS] == fits
    for status in verdicts.values():
        if status is not SUCCESS:
            assert status.reasons == ("node(s) didn't match Pod's node affinity/selector",)
            assert status.code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE


@pytest.mark.parametrize(
    ("terms", "names"),
    [([named("a"), named("b")], {"a", "b"}), ([named("a"), DISK_SSD], None), ([DISK_SSD | named("a")], {"a"})],
)
def test_terms_that_all_name_nodes_rule_out_the_rest(
    world: Any, info: Callable[..., Any], terms: list[dict[str, Any]], names: set[str] | None
) -> None:
    """Teaches: only when every term names nodes can the others be left out unasked."""
    one = world([])
    result, status = one.plugin("NodeAffinity").pre_filter(CycleState(), info(affinity=required(*terms)), one.snapshot)
    assert (result.node_names, status) == (names, SUCCESS)


def test_a_term_that_contradicts_itself_ends_the_cycle(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: PreFilter can say no for all nodes at once."""
    both = {"matchFields": named("a")["matchFields"] + named("b")["matchFields"]}
    assert world([node("a"), node("b")]).message(pod(affinity=required(both))) == (
        "0/2 nodes are available: pod affinity terms conflict. no new claims to deallocate, preemption: 0/2 nodes "
        "are available: 2 Preemption is not helpful for scheduling."
    )


def test_preferences_add_up_and_are_scaled(world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]) -> None:
    """Teaches: the best node gets 100 times the weight of the plugin, the others their share."""
    one = world([node("both", labels={"x": "", "y": ""}), node("y", labels={"y": ""}), node("none")])
    assert one.weighted(pod(affinity=preferred(x=20, y=60)), "NodeAffinity") == {"both": 200, "y": 150, "none": 0}
    assert one.weighted(pod(), "NodeAffinity") is None


def test_hints_look_whether_the_node_matches_now(world: Any, node: Callable[..., Stored], info: Any) -> None:
    """Teaches: a label that matched before cannot be what the Pod waited for."""
    hint = world([]).plugin("NodeAffinity").is_schedulable_after_node_change
    plain, labelled = node("n").view(Node), node("n", labels={"disk": "ssd"}).view(Node)
    waiting = info(nodeSelector={"disk": "ssd"})
    assert hint(waiting, plain, labelled)
    assert hint(waiting, None, labelled)
    assert not hint(waiting, labelled, labelled)
    assert not hint(waiting, labelled, plain)


def test_a_pod_that_names_its_node_fits_nowhere_else(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: NodeName."""
    one = world([node("a"), node("b")])
    one.algorithm.columns_min_nodes = 0
    assert one.verdict(pod(node="a"), "a") is SUCCESS
    assert one.verdict(pod(node="a"), "b").reasons == ("node(s) didn't match the requested node name",)
    assert one.schedule(pod(node="b")).node == "b"
