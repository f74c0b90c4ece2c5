"""What is promised to Pods on a node."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo


@pytest.fixture
def n1(node: Callable[..., Stored]) -> NodeInfo:
    return NodeInfo("n1", node("n1", **{"example.com/gpu": "2"}).view(Node))


def test_allocatable_is_read_once_as_integers(n1: NodeInfo) -> None:
    """Teaches: how many Pods fit is no resource that Pods ask for."""
    assert n1.allocatable == {"cpu": 4000, "memory": 8 * 1024**3, "example.com/gpu": 2}
    assert n1.allowed_pods == 110


@pytest.mark.parametrize(
    ("wanted", "conflict"),
    [(("0.0.0.0", "TCP", 80), True), (("10.0.0.1", "TCP", 80), True), (("10.0.0.2", "TCP", 80), False),
     (("0.0.0.0", "UDP", 80), False), (("10.0.0.2", "TCP", 443), True), (("0.0.0.0", "TCP", 81), False)],
)  # fmt: skip
def test_a_port_is_taken_per_address_and_protocol(
    n1: NodeInfo, info: Callable[..., PodInfo], wanted: tuple[str, str, int], conflict: bool
) -> None:
    """Teaches: 0.0.0.0 stands for every address, on either side."""
    assert not n1.has_port_conflict(wanted)
    n1.add_pod(info("a", ports=[{"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 443}]))
    assert n1.has_port_conflict(wanted) is conflict


def test_a_clone_can_be_tried_on(n1: NodeInfo, info: Callable[..., PodInfo]) -> None:
    """Teaches: preemption asks "what if?" without doing it."""
    n1.add_pod(info("a", requests={"cpu": "1"}, ports=[{"hostPort": 80}]))
    trial = n1.clone()
    trial.remove_pod("uid-a")
    assert (trial.requested, trial.ports, list(trial.pods)) == ({}, {}, [])
    assert (n1.requested, len(n1.ports), list(n1.pods)) == ({"cpu": 1000}, 1, ["uid-a"])


def test_a_resized_pod_is_counted_anew(n1: NodeInfo, info: Callable[..., PodInfo]) -> None:
    """Teaches: requests of a running Pod can change."""
    n1.add_pod(info("a", requests={"cpu": "1"}))
    assert n1.replace_pod(info("a", requests={"cpu": "2"}, generation=2))
    assert n1.requested == {"cpu": 2000}
    assert not n1.replace_pod(info("a", requests={"cpu": "2"}, generation=2, phase="Running"))
    assert n1.replace_pod(info("a", requests={"cpu": "2"}, generation=2, labels={"new": "label"}))
