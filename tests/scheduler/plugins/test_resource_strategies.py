"""Strategies of NodeResourcesFit, and resources that are left to somebody else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kubesim.api.stored import Stored
from kubesim.scheduler.framework.status import SUCCESS, Code
from kubesim.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation, balance_of
from kubesim.scheduler.plugins.node_resources_fit import NodeResourcesFit
from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS, Registration
from kubesim.scheduler.plugins.resource_strategies import ScoringStrategy, on_line

Make = Callable[..., Stored]


def with_plugin(name: str, make: Any, weight: int = 1) -> list[Registration]:
    return [Registration(name, make, weight) if row.name == name else row for row in DEFAULT_PLUGINS]


def fit(**arguments: Any) -> list[Registration]:
    return with_plugin("NodeResourcesFit", partial(NodeResourcesFit, **arguments))


def gpus(name: str, count: int) -> dict[str, Any]:
    return {"cpu": "4", "memory": "8Gi", name: str(count)}


def test_most_allocated_packs(world: Any, node: Make, pod: Make) -> None:
    """Teaches: one number turned round, and Pods are packed instead of spread."""
    packing = fit(scoring_strategy=ScoringStrategy("MostAllocated"))
    one = world([node("full"), node("empty")], [pod("there", requests={"cpu": "2"}, node="full")], plugins=packing)
    asks = pod(requests={"cpu": "1", "memory": "2Gi"})
    # cpu 3 of 4 and (the silent Pod counts with 200Mi) memory 2248Mi of 8192Mi; then 1 of 4 and 2048 of 8192.
    assert one.weighted(asks, "NodeResourcesFit") == {"full": (75 + 27) // 2, "empty": (25 + 25) // 2}
    assert one.schedule(asks).node == "full"


def test_resources_are_weighted_and_extended_ones_count_only_for_who_asks(world: Any, node: Make, pod: Make) -> None:
    """Teaches: a node without the resource is judged by the rest."""
    resources = (("cpu", 1), ("example.com/gpu", 5))
    most = fit(scoring_strategy=ScoringStrategy("MostAllocated", resources))
    one = world([node("with", **{"example.com/gpu": "4"}), node("without")], plugins=most)
    asks = pod(requests={"cpu": "2", "example.com/gpu": "1"})
    assert one.weighted(asks, "NodeResourcesFit") == {"with": (50 + 5 * 25) // 6, "without": 50}
    assert one.weighted(pod(requests={"cpu": "2"}), "NodeResourcesFit") == {"with": 50, "without": 50}
    least = fit(scoring_strategy=ScoringStrategy("LeastAllocated", (("example.com/gpu", 1),)))
    assert world([node("n")], plugins=least).weighted(pod(), "NodeResourcesFit") == {"n": 0}


def test_a_line_of_ones_own(world: Any, node: Make, pod: Make) -> None:
    """Teaches: a resource that scores 0 has no say; the mean is rounded, not cut."""
    line = ((0, 0), (50, 10), (100, 3))
    strategy = ScoringStrategy("RequestedToCapacityRatio", (("cpu", 2), ("memory", 1)), line)
    one = world([node("n", memory="400Mi")], plugins=fit(scoring_strategy=strategy))
    # cpu 25 % → 50, memory 50 % → 100: (2 * 50 + 100) / 3 = 66.67.
    assert one.weighted(pod(requests={"cpu": "1"}), "NodeResourcesFit") == {"n": 67}
    # cpu 2.5 % → 4; memory is more than there is: 100 % → 30.
    assert one.weighted(pod(requests={"memory": "500Mi"}), "NodeResourcesFit") == {"n": round((2 * 4 + 30) / 3)}


def test_the_line_is_level_outside_its_points() -> None:
    """Teaches: between two points Go rounds towards the lower point's score, rising or falling."""
    shape = ((10, 2), (40, 10), (60, 3))
    found = [on_line(shape, utilization) for utilization in (0, 10, 15, 20, 40, 47, 60, 99)]
    assert found == [20, 20, 20 + 80 * 5 // 30, 20 + 80 * 10 // 30, 100, 100 - 70 * 7 // 20, 30, 30]


def test_ignored_resources_are_left_to_somebody_else(world: Any, node: Make, pod: Make) -> None:
    """Teaches: an extender may keep books of its own; what Kubernetes itself counts cannot be left out."""
    ignoring = fit(ignored_resources=("example.com/gpu", "cpu"), ignored_resource_groups=("vendor.io",))
    one = world([node("n")], plugins=ignoring)
    assert one.verdict(pod(requests={"example.com/gpu": "1", "vendor.io/fpga": "2"}), "n") is SUCCESS
    refused = one.verdict(pod(requests={"cpu": "5", "example.com/other": "1"}), "n")
    assert refused.reasons == ("Insufficient cpu", "Insufficient example.com/other")
    assert refused.code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE


def test_balance_of_more_than_two_resources(world: Any, node: Make, pod: Make) -> None:
    """Teaches: with three resources it is the standard deviation."""
    assert balance_of([0.5]) == 100
    assert balance_of([0.2, 0.6]) == 80
    assert balance_of([0.0, 0.5, 1.0]) == int((1 - (0.5 / 3) ** 0.5) * 100)
    three = partial(NodeResourcesBalancedAllocation, resources=("cpu", "memory", "example.com/gpu"))
    plugins = with_plugin("NodeResourcesBalancedAllocation", three)
    one = world([node("n", **{"example.com/gpu": "2"})], plugins=plugins)
    asks = pod(requests={"cpu": "2", "memory": "4Gi", "example.com/gpu": "1"})
    assert one.weighted(asks, "NodeResourcesBalancedAllocation") == {"n": 75}
    lopsided = pod(requests={"example.com/gpu": "1"})
    assert one.weighted(lopsided, "NodeResourcesBalancedAllocation") == {"n": (150 + 76 - 100) // 2}
    assert one.weighted(pod(), "NodeResourcesBalancedAllocation") is None
