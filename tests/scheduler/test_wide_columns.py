"""The quick forms of affinity and topology spread against the readable ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.stored import Stored
from kubesim.api.views import Node as NodeView
from kubesim.scheduler.shape_columns import ColumnEvaluation

ZONE, HOSTNAME = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
NODES = 6


def node_fields() -> st.SearchStrategy[dict[str, Any]]:
    taint = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
    return st.fixed_dictionaries({
        "pods": st.sampled_from(["1", "3", "110"]),
        "labels": st.dictionaries(st.sampled_from(["disk", ZONE]), st.sampled_from("ab")),
        "taints": st.sampled_from([[], [], [taint]]),
    })  # fmt: skip


def selector() -> st.SearchStrategy[dict[str, Any] | None]:
    return st.sampled_from([
        None, {}, {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "db"}},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
    ])  # fmt: skip


def terms() -> st.SearchStrategy[list[dict[str, Any]]]:
    term = st.fixed_dictionaries(
        {"topologyKey": st.sampled_from([ZONE, HOSTNAME, "disk"])},
        optional={"labelSelector": selector(), "namespaces": st.just(["other"]), "namespaceSelector": st.just({})},
    )
    return st.lists(term, max_size=2)


def affinity() -> st.SearchStrategy[dict[str, Any]]:
    def preferred(of: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"weight": 7 * number + 3, "podAffinityTerm": term} for number, term in enumerate(of)]

    kind = st.fixed_dictionaries({}, optional={
        "requiredDuringSchedulingIgnoredDuringExecution": terms(),
        "preferredDuringSchedulingIgnoredDuringExecution": terms().map(preferred),
    })  # fmt: skip
    return st.fixed_dictionaries({}, optional={"podAffinity": kind, "podAntiAffinity": kind})


def constraints() -> st.SearchStrategy[list[dict[str, Any]]]:
    constraint = st.fixed_dictionaries(
        {
            "topologyKey": st.sampled_from([ZONE, HOSTNAME, "disk"]),
            "maxSkew": st.integers(1, 3),
            "whenUnsatisfiable": st.sampled_from(["DoNotSchedule", "ScheduleAnyway"]),
            "labelSelector": selector(),
        },
        optional={
            "minDomains": st.integers(1, 3),
            "nodeAffinityPolicy": st.sampled_from(["Honor", "Ignore"]),
            "nodeTaintsPolicy": st.sampled_from(["Honor", "Ignore"]),
        },
    )
    return st.lists(constraint, max_size=2)


def pod_fields() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"labels": st.fixed_dictionaries({}, optional={"app": st.sampled_from(["web", "db"])})},
        optional={
            "affinity": affinity(),
            "topologySpreadConstraints": constraints(),
            "nodeSelector": st.just({"disk": "a"}),
            "tolerations": st.just([{"key": "dedicated", "operator": "Exists"}]),
            "metadata": st.just({"namespace": "other"}),
        },
    )


@settings(max_examples=80, deadline=None)
@given(
    nodes=st.lists(node_fields(), min_size=NODES, max_size=NODES),
    pods=st.lists(pod_fields(), min_size=1, max_size=8),
    changes=st.lists(st.tuples(st.integers(0, NODES - 1), node_fields(), st.booleans()), max_size=8),
    wanted=st.sampled_from([0, 3]),
)
def test_both_forms_choose_alike(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], nodes: list[dict[str, Any]],
    pods: list[dict[str, Any]], changes: list[tuple[int, dict[str, Any], bool]], wanted: int,
) -> None:  # fmt: skip
    """Teaches: adding up columns must find what walking over nodes and Pods finds, words and all."""
    made = [node(f"n{number}", **fields) for number, fields in enumerate(nodes)]
    forms = readable, quick = world(made), world(made)
    quick.algorithm.columns_min_nodes = 0
    for form in forms:
        form.algorithm.feasible_nodes_wanted = lambda count, _: wanted or count
    for number, fields in enumerate(pods):
        new = pod(f"p{number}", **fields)
        expected, seen = readable.schedule(new), quick.schedule(new)
        assert isinstance(seen.evaluation, ColumnEvaluation)
        assert seen.node == expected.node
        assert list(seen.evaluation.feasible) == list(expected.evaluation.feasible)
        assert list(seen.evaluation.totals) == list(expected.evaluation.totals)
        assert seen.evaluation.evaluated == expected.evaluation.evaluated
        assert dict(seen.evaluation.rejections()) == dict(expected.evaluation.rejections())
        if not expected.node:
            assert seen.diagnosis.node_to_status == expected.diagnosis.node_to_status
        for form in forms:
            if expected.node:
                form.place(new, expected.node)
            for index, other, leaves in changes[number : number + 1]:
                form.cache.set_node(node(f"n{index}", **other).view(NodeView))
                if leaves:
                    form.cache.remove_pod("uid-p0")
