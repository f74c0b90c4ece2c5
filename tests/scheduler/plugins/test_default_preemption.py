"""The closing part of a FailedScheduling message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.stored import Stored


def test_both_kinds_of_hopeless_nodes_are_told_apart(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: a full node might be helped if somebody less important were there, a cordoned one never."""
    one = world([node("full", cpu="1"), node("shut", unschedulable=True), node("tiny", cpu="100m")],
                [pod("old", node="full", requests={"cpu": "1"})])  # fmt: skip
    assert one.message(pod(requests={"cpu": "500m"})) == (
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )


def test_a_pod_that_never_preempts_says_so(world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]) -> None:
    """Teaches: preemptionPolicy."""
    one = world([node("n", cpu="1")])
    assert one.message(pod(requests={"cpu": "2"}, preemptionPolicy="Never")) == (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
        "preemption: not eligible due to preemptionPolicy=Never."
    )
