"""The order of nodes, and the log of changes."""

from __future__ import annotations

from collections.abc import Callable

from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.scheduler import snapshot as module
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.snapshot import Snapshot


def infos(node: Callable[..., Stored], zones: dict[str, str]) -> list[NodeInfo]:
    return [
        NodeInfo(name, node(name, labels={"topology.kubernetes.io/zone": zone} if zone else {}).view(Node))
        for name, zone in zones.items()
    ]


def test_nodes_are_visited_zone_by_zone_in_turn(node: Callable[..., Stored]) -> None:
    """Teaches: a search that stops early must not always end in the first zone."""
    nodes = infos(node, {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "x": "", "b2": "b"})
    assert [info.name for info in Snapshot(nodes).nodes] == ["a1", "b1", "x", "a2", "b2", "a3"]


def test_the_log_tells_what_changed_since(node: Callable[..., Stored]) -> None:
    """Teaches: whoever keeps something per node reads on from where it stopped."""
    snapshot = Snapshot(infos(node, {"a": "", "b": "", "c": ""}))
    position = snapshot.position
    snapshot.touch(["b", "unknown", "b"])
    assert list(snapshot.changes_since(position)) == [1]
    assert list(snapshot.changes_since(snapshot.position)) == []


def test_a_reader_that_fell_too_far_behind_is_told_so(node: Callable[..., Stored], monkeypatch) -> None:
    """Teaches: the log is bounded; then everything may have changed."""
    monkeypatch.setattr(module, "CHANGES_MIN", 4)
    snapshot = Snapshot(infos(node, {"a": ""}))
    start = snapshot.position
    for _ in range(5):
        snapshot.touch(["a"])
    assert snapshot.changes_since(start) is None
    assert snapshot.position == start + 5
    assert list(snapshot.changes_since(snapshot.position - 1)) == [0]


def test_a_new_node_makes_another_layout(node: Callable[..., Stored]) -> None:
    """Teaches: an index means nothing once nodes come or go."""
    snapshot = Snapshot(infos(node, {"a": ""}))
    layout, position = snapshot.layout, snapshot.position
    snapshot.rebuild(infos(node, {"b": "", "a": ""}))
    assert snapshot.layout > layout
    assert (snapshot.index["a"], snapshot.get("zzz"), len(snapshot)) == (1, None, 2)
    assert snapshot.position == position


def test_images_are_counted_over_the_nodes(node: Callable[..., Stored]) -> None:
    """Teaches: how widely an image is spread is a matter of the whole cluster."""
    nodes = [NodeInfo(n, node(n, images={"nginx": 1} if n != "c" else {"db": 1}).view(Node)) for n in "abc"]
    snapshot = Snapshot(nodes)
    version = snapshot.images_version
    assert snapshot.image_nodes == {"nginx": 2, "db": 1}
    snapshot.count_images()
    assert snapshot.images_version > version
