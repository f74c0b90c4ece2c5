"""The whole table behind a decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.stored import Stored
from kubesim.scheduler.explain import explain
from kubesim.scheduler.pod_info import PodInfo


def test_every_node_has_its_row(world: Any, node: Callable[..., Stored], info: Callable[..., PodInfo]) -> None:
    """Teaches: who is out and why; what every plugin thinks of the others; who wins."""
    one = world([node("full", cpu="100m"), node("small", cpu="1"), node("big", cpu="8")])
    table = explain(one.framework, one.snapshot, info(requests={"cpu": "500m", "memory": "1Gi"}))
    rows = {row.node: row for row in table.rows}
    assert (rows["full"].rejected_by, rows["full"].reasons) == ("NodeResourcesFit", ("Insufficient cpu",))
    assert rows["small"].weighted["NodeResourcesFit"] == (50 + 87) // 2
    assert rows["big"].raw["TaintToleration"] == 0
    assert rows["big"].weighted["TaintToleration"] == 300
    assert rows["big"].total == sum(rows["big"].weighted.values())
    assert table.best == ("big",)


def test_nodes_that_were_never_asked_are_in_the_table_too(
    world: Any, node: Callable[..., Stored], info: Callable[..., PodInfo]
) -> None:
    """Teaches: a Pod that names its node rules the others out by name."""
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    one = world([node("a"), node("b")])
    table = explain(one.framework, one.snapshot, info(affinity=affinity))
    assert table.rows[0].rejected_by == "NodeAffinity"
    assert table.best == ("b",)


def test_explaining_changes_nothing(world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]) -> None:
    """Teaches: asking why must not change what happens next."""
    one, other = (world([node(name) for name in "abc"]) for _ in range(2))
    explain(one.framework, one.snapshot, one.place_nowhere(pod()))
    assert one.schedule(pod()).node == other.schedule(pod()).node
