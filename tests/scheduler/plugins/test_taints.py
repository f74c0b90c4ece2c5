"""TaintToleration, NodeUnschedulable and what bears what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.api.views import Node, Taint, Toleration
from kubesim.scheduler.framework.status import SUCCESS, Code
from kubesim.scheduler.plugins.taints import tolerates

DB = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
CORDON = {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "bears"),
    [
        (Toleration(operator="Exists"), True),
        (Toleration(key="dedicated", operator="Exists"), True),
        (Toleration(key="dedicated", operator="Exists", effect="NoExecute"), False),
        (Toleration(key="dedicated", value="db"), True),
        (Toleration(key="dedicated", operator="Equal", value="db", effect="NoSchedule"), True),
        (Toleration(key="dedicated", operator="Equal", value="web"), False),
        (Toleration(key="other", operator="Exists"), False),
        (Toleration(key="dedicated", operator="Surely", value="db"), False),
    ],
)
def test_a_toleration_bears_a_taint(toleration: Toleration, bears: bool) -> None:
    """Teaches: an empty effect means every effect; an empty key with Exists means every taint."""
    assert tolerates(toleration, Taint(key="dedicated", value="db", effect="NoSchedule")) is bears


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_a_taint_keeps_out_whoever_does_not_bear_it(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored], effect: str
) -> None:
    """Teaches: no preemption helps against a taint."""
    one = world([node("n", taints=[DB | {"effect": effect}])])
    status = one.verdict(pod(), "n")
    assert (status.code, status.plugin) == (Code.UNSCHEDULABLE_AND_UNRESOLVABLE, "TaintToleration")
    assert status.reasons == ("node(s) had untolerated taint(s)",)
    assert one.verdict(pod(tolerations=[{"key": "dedicated", "operator": "Exists"}]), "n") is SUCCESS


def test_soft_taints_cost_score(world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]) -> None:
    """Teaches: the node with the most of them gets nothing, one without all of it."""
    spot, slow = ({"key": key, "effect": "PreferNoSchedule"} for key in ("spot", "slow"))
    one = world([node("none"), node("one", taints=[spot]), node("two", taints=[spot, slow])])
    assert one.weighted(pod(), "TaintToleration") == {"none": 300, "one": 150, "two": 0}
    bearing = pod(tolerations=[{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}])
    assert one.weighted(bearing, "TaintToleration") == {"none": 300, "one": 150, "two": 0}  # The wrong effect.
    bearing = pod(tolerations=[{"key": "spot", "operator": "Exists"}])
    assert one.weighted(bearing, "TaintToleration") == {"none": 300, "one": 300, "two": 0}


def test_a_cordoned_node_takes_nobody_new(world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]) -> None:
    """Teaches: spec.unschedulable works before the taint is there; who bears the taint gets in."""
    one = world([node("n", unschedulable=True)])
    status = one.verdict(pod(), "n")
    assert (status.plugin, status.reasons) == ("NodeUnschedulable", ("node(s) were unschedulable",))
    assert one.verdict(pod(tolerations=[CORDON]), "n") is SUCCESS


@pytest.mark.parametrize("name", ["TaintToleration", "NodeUnschedulable"])
def test_hints_look_whether_the_node_opened(
    world: Any, node: Callable[..., Stored], info: Callable[..., Any], name: str
) -> None:
    """Teaches: a node that was open before cannot be what the Pod waited for."""
    plugin = world([]).plugin(name)
    shut = node("n", taints=[DB]) if name == "TaintToleration" else node("n", unschedulable=True)
    shut, still_shut, open_ = (made.view(Node) for made in (shut, shut, node("n")))
    hint = plugin.is_schedulable_after_node_change
    assert hint(info(), shut, open_)
    assert hint(info(), None, open_)
    assert not hint(info(), open_, open_)
    assert not hint(info(), shut, still_shut)


def test_a_toleration_helps_only_its_own_pod(world: Any, info: Callable[..., Any]) -> None:
    """Teaches: updates of other Pods' specs are none of a Pod's business."""
    one = world([])
    taint, cordon = (
        one.plugin(name).is_schedulable_after_toleration for name in ("TaintToleration", "NodeUnschedulable")
    )
    bearing, other = info(tolerations=[CORDON]), info("other", tolerations=[CORDON])
    assert taint(info(), info(), bearing)
    assert cordon(info(), info(), bearing)
    assert not taint(info(), info(), other)
    assert not cordon(info(), info(), other)
    assert not cordon(info(), info(), info(tolerations=[{"key": "x", "operator": "Exists"}]))
