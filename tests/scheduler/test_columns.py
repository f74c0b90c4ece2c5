"""The quick form of Filter and Score against the readable one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.stored import Stored
from kubesim.api.views import Node as NodeView
from kubesim.scheduler.evaluation import Evaluation
from kubesim.scheduler.framework.interface import Diagnosis
from kubesim.scheduler.shape_columns import ColumnEvaluation

NODES = 9
MEGABYTE = 1024 * 1024


def node_fields() -> st.SearchStrategy[dict[str, Any]]:
    taint = st.sampled_from([
        {"key": "spot", "value": "true", "effect": "PreferNoSchedule"}, {"key": "slow", "effect": "PreferNoSchedule"},
        {"key": "dedicated", "value": "db", "effect": "NoSchedule"},
    ])  # fmt: skip
    return st.fixed_dictionaries({
        "cpu": st.sampled_from(["500m", "1", "2", "4"]),
        "memory": st.sampled_from(["1Gi", "4000M", "8Gi"]),
        "pods": st.sampled_from(["2", "5", "110"]),
        "labels": st.dictionaries(st.sampled_from(["disk", "topology.kubernetes.io/zone"]), st.sampled_from("ab")),
        "taints": st.lists(taint, max_size=2, unique_by=lambda t: t["key"]),
        "unschedulable": st.sampled_from([False, False, False, True]),
        "images": st.dictionaries(st.sampled_from(["nginx:latest", "db:1"]), st.just(400 * MEGABYTE), max_size=2),
    })  # fmt: skip


def pod_fields() -> st.SearchStrategy[dict[str, Any]]:
    def prefer(weight: int) -> dict[str, Any]:
        expression = {"key": "disk", "operator": "In", "values": ["a"]}
        preferred = [{"weight": weight, "preference": {"matchExpressions": [expression]}}]
        return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}

    return st.fixed_dictionaries(
        {"requests": st.fixed_dictionaries({}, optional={
            "cpu": st.sampled_from(["100m", "300m", "3"]), "memory": st.sampled_from(["128Mi", "3Gi"])})},
        optional={
            "nodeSelector": st.just({"disk": "a"}),
            "affinity": st.integers(1, 100).map(prefer),
            "tolerations": st.just([{"key": "dedicated", "operator": "Exists"}]),
            "ports": st.just([{"hostPort": 80, "containerPort": 80}]),
        },
    )  # fmt: skip


def changes() -> st.SearchStrategy[list[tuple[int, dict[str, Any]]]]:
    """Nodes that change between two Pods."""
    return st.lists(st.tuples(st.integers(0, NODES - 1), node_fields()), max_size=2)


@settings(max_examples=60, deadline=None)
@given(
    nodes=st.lists(node_fields(), min_size=NODES, max_size=NODES),
    templates=st.lists(pod_fields(), min_size=1, max_size=3),
    rounds=st.lists(st.tuples(st.integers(0, 2), changes()), min_size=1, max_size=8),
    percentage=st.sampled_from([0, 40]),
    seed=st.integers(0, 3),
)
def test_both_forms_choose_alike_with_the_same_luck(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], nodes: list[dict[str, Any]],
    templates: list[dict[str, Any]], rounds: list[tuple[int, list[tuple[int, dict[str, Any]]]]], percentage: int,
    seed: int,
) -> None:  # fmt: skip
    """Teaches: a cache is right when nobody can tell it from the thing itself."""
    made = [node(f"n{number}", **fields) for number, fields in enumerate(nodes)]
    readable, quick = world(made, seed=seed), world(made, seed=seed)
    quick.algorithm.columns_min_nodes = 0
    for form in (readable, quick):
        form.algorithm.feasible_nodes_wanted = lambda count, _: (
            max(count * percentage // 100, 2) if percentage else count
        )
    for number, (template, changed) in enumerate(rounds):
        new = pod(f"p{number}", **templates[template % len(templates)])
        expected, seen = readable.schedule(new), quick.schedule(new)
        assert seen.node == expected.node
        assert list(seen.evaluation.feasible) == list(expected.evaluation.feasible)
        assert list(seen.evaluation.totals) == list(expected.evaluation.totals)
        assert seen.evaluation.evaluated == expected.evaluation.evaluated
        assert dict(seen.evaluation.rejections()) == dict(expected.evaluation.rejections())
        assert list(seen.evaluation.ranking(3)) == list(expected.evaluation.ranking(3))
        if not expected.node:
            assert seen.diagnosis.node_to_status == expected.diagnosis.node_to_status
            assert set(seen.diagnosis.unschedulable_plugins) == set(expected.diagnosis.unschedulable_plugins)
        for form in (readable, quick):
            if expected.node:
                form.place(new, expected.node)
            for index, fields in changed:
                form.cache.set_node(node(f"n{index}", **fields).view(NodeView))


FEW_NODES = 3


def promises() -> st.SearchStrategy[list[tuple[int, int, int]]]:
    """(Pod, its priority, node): who is promised what from here on; node -1: nothing any more."""
    return st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(-1, FEW_NODES - 1)), max_size=3)


def resized() -> st.SearchStrategy[list[tuple[int, str]]]:
    """Nodes that get another size between two Pods."""
    return st.lists(st.tuples(st.integers(0, FEW_NODES - 1), st.sampled_from(["2", "2100m", "4"])), max_size=2)


@settings(max_examples=80, deadline=None)
@given(
    rounds=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), promises(), resized()), min_size=1, max_size=8),
)
def test_both_forms_heed_what_others_are_promised(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored],
    rounds: list[tuple[int, int, list[tuple[int, int, int]], list[tuple[int, str]]]],
) -> None:  # fmt: skip
    """Teaches: room that is promised counts for some Pods and not for others, and changes without the node."""
    made = [node(f"n{number}", cpu="2") for number in range(FEW_NODES)]
    readable, quick = world(made), world(made)
    quick.algorithm.columns_min_nodes = 0
    forms = (readable, quick)
    for number, priority, promised, changed in rounds:
        for who, rank, where in promised:
            for form in forms:
                info = form.place_nowhere(pod(f"p{who}", requests={"cpu": "1500m"}, priority=rank))
                form.framework.nominator.nominate(info, f"n{where}" if where >= 0 else "")
        new = pod(f"p{number}", requests={"cpu": "1"}, priority=priority)
        expected, seen = readable.schedule(new), quick.schedule(new)
        assert seen.node == expected.node
        assert list(seen.evaluation.feasible) == list(expected.evaluation.feasible)
        assert dict(seen.evaluation.rejections()) == dict(expected.evaluation.rejections())
        if not expected.node:
            assert seen.diagnosis.node_to_status == expected.diagnosis.node_to_status
        for form in forms:
            for index, cpu in changed:
                form.cache.set_node(node(f"n{index}", cpu=cpu).view(NodeView))


def test_a_placement_makes_only_its_node_answer_again(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], monkeypatch: Any
) -> None:
    """Teaches: work per Pod must not grow with the cluster."""
    one = world([node(f"n{number}") for number in range(70)])
    asked: list[str] = []
    fit = one.plugin("NodeResourcesFit")
    original = fit.filter
    monkeypatch.setattr(fit, "filter", lambda state, pod, node: asked.append(node.name) or original(state, pod, node))
    for number in range(3):
        new = pod(f"p{number}", requests={"cpu": "100m"})
        chosen = one.schedule(new).node
        one.place(new, chosen)
        assert len(asked) == (70 if number == 0 else 1)
        asked.clear()


def test_a_plugin_that_looks_beyond_one_node_is_always_asked(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], monkeypatch: Any
) -> None:
    """Teaches: only who promises to look at one node alone may be remembered."""
    one = world([node("a"), node("b")])
    one.algorithm.columns_min_nodes = 0
    monkeypatch.setattr(type(one.plugin("NodeName")), "node_local", False)
    evaluation = one.schedule(pod()).evaluation
    assert isinstance(evaluation.feasible, list)


@settings(deadline=None)
@given(totals=st.lists(st.integers(0, 5), min_size=1, max_size=40), limit=st.integers(1, 10))
def test_the_ranking_of_an_array_is_a_stable_sort(totals: list[int], limit: int) -> None:
    """Teaches: equals keep their order, or two runs would print two tables."""
    feasible = range(100, 100 + len(totals))
    quick = ColumnEvaluation(np.array(feasible), np.array(totals), 0, Diagnosis, dict)
    readable = Evaluation(feasible, totals, 0, Diagnosis, dict)
    assert list(quick.ranking(limit)) == list(readable.ranking(limit))
    assert list(quick.best()) == list(readable.best())
