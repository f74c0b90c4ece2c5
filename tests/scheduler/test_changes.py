"""Which changes may matter to a waiting Pod."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.scheduler.changes import assigned_pod_changes, node_changes, waiting_pod_changes
from kubesim.scheduler.framework.cluster_event import ClusterEvent
from kubesim.scheduler.pod_info import PodInfo


@pytest.mark.parametrize(
    ("changed", "events"),
    [
        ({}, []),
        ({"cpu": "8"}, [ClusterEvent.NODE_ALLOCATABLE]),
        ({"labels": {"disk": "ssd"}}, [ClusterEvent.NODE_LABEL]),
        ({"unschedulable": True}, [ClusterEvent.NODE_TAINT]),
        ({"taints": [{"key": "a", "effect": "NoSchedule"}]}, [ClusterEvent.NODE_TAINT]),
        ({"cpu": "8", "labels": {"x": "y"}}, [ClusterEvent.NODE_ALLOCATABLE, ClusterEvent.NODE_LABEL]),
    ],
)
def test_a_node_changes_in_ways_that_matter(
    node: Callable[..., Stored], changed: dict[str, Any], events: list[ClusterEvent]
) -> None:
    """Teaches: cordoning counts as a change of taints; a heartbeat is nothing."""
    assert node_changes(node("n").view(Node), node("n", **changed).view(Node)) == events


@pytest.mark.parametrize(
    ("changed", "events"),
    [
        ({}, [ClusterEvent.POD_UPDATE]),
        ({"labels": {"a": "b"}}, [ClusterEvent.POD_LABEL]),
        ({"requests": {"cpu": "1"}}, [ClusterEvent.POD_SCALE_DOWN]),
        ({"requests": {"cpu": "3"}}, [ClusterEvent.POD_UPDATE]),
        ({"tolerations": [{"operator": "Exists"}]}, [ClusterEvent.POD_TOLERATION]),
    ],
)
def test_a_waiting_pod_changes_in_ways_that_matter(
    info: Callable[..., PodInfo], changed: dict[str, Any], events: list[ClusterEvent]
) -> None:
    """Teaches: what a Pod asks for can shrink while it waits."""
    before = {"requests": {"cpu": "2"}}
    assert waiting_pod_changes(info(**before), info(generation=2, **(before | changed))) == events


def test_losing_the_last_gate_is_an_event(info: Callable[..., PodInfo]) -> None:
    """Teaches: the queue asks again only when no gate is left."""
    two, one = [{"name": "a"}, {"name": "b"}], [{"name": "a"}]
    gated = info(schedulingGates=two)
    assert waiting_pod_changes(gated, info(generation=2, schedulingGates=one)) == [ClusterEvent.POD_UPDATE]
    assert waiting_pod_changes(gated, info(generation=2)) == [ClusterEvent.POD_GATES_ELIMINATED]


def test_an_assigned_pod_matters_by_labels_and_requests_only(info: Callable[..., PodInfo]) -> None:
    """Teaches: thousands of status updates must wake nobody."""
    before = info(requests={"cpu": "2"})
    assert assigned_pod_changes(before, info(requests={"cpu": "2"}, phase="Running")) == []
    assert assigned_pod_changes(before, info(requests={"cpu": "1"})) == [ClusterEvent.ASSIGNED_POD_SCALE_DOWN]
    relabelled = info(requests={"cpu": "2"}, labels={"a": "b"})
    assert assigned_pod_changes(before, relabelled) == [ClusterEvent.ASSIGNED_POD_LABEL]
