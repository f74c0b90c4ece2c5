"""Disruption budgets in preemption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.stored import Stored
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.preemption.budgets import read_budgets, split_by_budget

Make = Callable[..., PodInfo]


def budget(selector: Any, allowed: int, disrupted: dict[str, str] | None = None, namespace: str = "default") -> Stored:
    return Stored(1, {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "pdb", "namespace": namespace},
        "spec": {"selector": selector}, "status": {"disruptionsAllowed": allowed, "disruptedPods": disrupted or {}},
    })  # fmt: skip


WEB = {"matchLabels": {"app": "web"}}


def violating(pods: list[PodInfo], *budgets: Stored) -> list[str]:
    return [pod.name for pod in split_by_budget(pods, read_budgets(budgets))[0]]


def test_so_many_pods_as_the_budget_allows_may_go(info: Make) -> None:
    """Teaches: a budget counts Pods in the order in which they would leave."""
    pods = [info(name, labels={"app": "web"}) for name in ("a", "b", "c")] + [info("other", labels={"app": "db"})]
    assert violating(pods, budget(WEB, 1)) == ["b", "c"]


def test_a_pod_that_is_charged_already_costs_nothing(info: Make) -> None:
    """Teaches: disruptedPods lists evictions that the budget's controller has not seen through yet."""
    pods = [info(name, labels={"app": "web"}) for name in ("a", "b")]
    assert violating(pods, budget(WEB, 1, {"a": "2026-01-01T00:00:00Z"})) == []


def test_a_budget_that_selects_nothing_or_everything_or_nonsense_protects_nobody(info: Make) -> None:
    """Teaches: to preemption, unlike to eviction, an empty selector matches nothing."""
    pods = [info("a", labels={"app": "web"})]
    nonsense = {"matchExpressions": [{"key": "app", "operator": "Like", "values": ["w"]}]}
    assert violating(pods, budget(None, 0), budget({}, 0), budget(nonsense, 0)) == []
    assert violating(pods, budget(WEB, 0, namespace="team-a")) == []
    assert violating([info("bare")], budget({"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}, 0)) == []
