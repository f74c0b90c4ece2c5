"""Deciding recorded placements again: here on a cluster of two nodes."""

from __future__ import annotations

from typing import Any

from kubesim.fidelity.scheduler import Expected, Recording, Step, StepResult, play, totals


def node(name: str, cpu: str = "4") -> dict[str, Any]:
    allocatable = {"cpu": cpu, "memory": "8Gi", "pods": "10"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"allocatable": allocatable}}


def pod(name: str, cpu: str = "1") -> dict[str, Any]:
    container = {"name": "c", "image": "web:1", "resources": {"requests": {"cpu": cpu}}}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def played(*steps: Step) -> list[StepResult]:
    return list(play(Recording(7, (node("a"), node("b", cpu="2")), steps)))


def test_the_recorded_choice_is_made_true_before_the_next_step() -> None:
    """Teaches: one difference must not cause the next."""
    unlike_ours = Step(pod("first"), Expected(node="b", totals={"b": 1, "a": 0}))
    second = Step(pod("second", cpu="2"), Expected(node="a"))
    third = Step(pod("third", cpu="4"), Expected(message="as it was", node=None))
    results = played(unlike_ours, second, third)
    assert [d.kind for d in results[0].differences if d.kind == "decisions"] == ["decisions"]
    assert results[1].differences == ()
    assert [(d.kind, d.real) for d in results[2].differences] == [("messages", "as it was")]
    assert "0/2 nodes are available: 2 Insufficient cpu." in results[2].differences[0].ours


def test_every_score_is_counted_and_every_difference_named() -> None:
    """Teaches: a sum can be right by accident, so its parts are compared too."""
    (result,) = played(Step(pod("web"), Expected(node="a", totals={"a": 1, "b": 2}, scores={"Other": {"a": 5}})))
    named = {difference.what: (difference.real, difference.ours) for difference in result.differences}
    assert named["Other of a"] == ("5", "None")
    assert named["ImageLocality of b"] == ("None", "0")
    agreed, compared = totals([result])["scores"]
    assert (agreed, compared) == (0, len([what for what in named if " of " in what]))


def test_a_pod_that_took_the_place_of_others_was_nominated_where_it_is_bound() -> None:
    """Teaches: a nomination is cleared by binding, so the node tells it."""
    expect = Expected(node="a", message="-", victims=("default/gone",))
    (result,) = played(Step(pod("web"), expect))
    assert result.compared["preemptions"] == 1
    assert ("preemptions", "('a', ['default/gone'])") in [(d.kind, d.real) for d in result.differences]
