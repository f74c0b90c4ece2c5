"""Tests of kubesim.controllers.owner_graph."""

from typing import Any

from kubesim.api.stored import Stored
from kubesim.controllers.owner_graph import FOREGROUND, NONE, ORPHAN, OwnerGraph

KINDS = {"d": ("apps/v1", "Deployment"), "r": ("apps/v1", "ReplicaSet"), "p": ("v1", "Pod"), "n": ("v1", "Node")}


def thing(uid: str, *owners: str, blocks: bool = True, deleting: str | None = None, phase: str = "") -> Stored:
    """An object; the first letter of its uid says its kind. `deleting`: by which finalizer it is held."""
    api_version, kind = KINDS[uid[0]]
    metadata: dict[str, Any] = {"name": uid, "namespace": "default", "uid": uid}
    if owners:
        metadata["ownerReferences"] = [
            {"apiVersion": KINDS[owner[0]][0], "kind": KINDS[owner[0]][1], "name": owner, "uid": owner,
             "blockOwnerDeletion": blocks}
            for owner in owners
        ]  # fmt: skip
    if deleting is not None:
        metadata |= {"deletionTimestamp": "2024-01-13T09:00:00Z", "finalizers": [deleting] if deleting else []}
    return Stored(1, {"apiVersion": api_version, "kind": kind, "metadata": metadata, "status": {"phase": phase}})


def graph_of(*things: Stored) -> OwnerGraph:
    graph = OwnerGraph()
    for stored in things:
        graph.added(stored)
    return graph


def test_when_an_owner_is_gone_its_dependants_are_looked_at() -> None:
    """Teaches: background deletion is nothing but this."""
    graph = graph_of(thing("r"), thing("p1", "r"), thing("p2", "r"))
    assert list(graph.deleted("r").to_delete) == ["p1", "p2"]
    assert "r" not in graph.nodes


def test_an_unknown_owner_is_a_claim_to_be_checked() -> None:
    """Teaches: events of two kinds come in any order; an owner that was not seen may yet come, or be long gone."""
    graph = OwnerGraph()
    assert list(graph.added(thing("p1", "r")).to_delete) == ["r"]
    assert graph.nodes["r"].is_virtual
    assert list(graph.added(thing("r")).to_delete) == []
    assert not graph.nodes["r"].is_virtual
    assert list(graph.nodes["r"].dependents) == ["p1"]


def test_an_owner_that_turns_out_not_to_exist_takes_its_dependants_along() -> None:
    """Teaches: a reference to nothing is as good as a deleted owner."""
    graph = graph_of(thing("p1", "r"))
    assert list(graph.deleted("r").to_delete) == ["p1"]


def test_an_ordinary_update_means_nothing_to_the_graph() -> None:
    """Teaches: a Pod's status changes often; its owners hardly ever."""
    graph = graph_of(thing("r"), thing("p1", "r"))
    assert graph.updated(thing("p1", "r"), thing("p1", "r", phase="Running")) is NONE


def test_foreground_deletion_asks_for_the_dependants_and_waits_for_those_that_block() -> None:
    """Teaches: the owner itself is looked at too, since it may have no dependants at all."""
    graph = graph_of(thing("r"), thing("p1", "r"), thing("p2", "r", blocks=False))
    asked = graph.updated(thing("r"), thing("r", deleting=FOREGROUND))
    assert list(asked.to_delete) == ["p1", "p2", "r"]
    assert [node.identity.uid for node in graph.nodes["r"].blocking_dependents()] == ["p1"]
    assert graph.updated(thing("r", deleting=FOREGROUND), thing("r", deleting=FOREGROUND, phase="x")) is NONE


def test_a_waiting_owner_is_looked_at_when_a_dependant_is_gone() -> None:
    """Teaches: how a foreground deletion ends."""
    graph = graph_of(thing("r", deleting=FOREGROUND), thing("p1", "r"))
    assert list(graph.deleted("p1").to_delete) == ["r"]


def test_a_waiting_owner_is_looked_at_when_a_dependant_leaves_it() -> None:
    """Teaches: adoption by somebody else, or a reference that blocks no more, ends the waiting as well."""
    graph = graph_of(thing("r", deleting=FOREGROUND), thing("p1", "r"), thing("p2", "r"))
    assert list(graph.updated(thing("p1", "r"), thing("p1")).to_delete) == ["r"]
    assert list(graph.updated(thing("p2", "r"), thing("p2", "r", blocks=False)).to_delete) == ["r"]
    assert list(graph.nodes["r"].dependents) == ["p2"]


def test_orphaning_asks_for_the_owner_only() -> None:
    """Teaches: with the finalizer `orphan`, the dependants are to be freed, not deleted."""
    graph = graph_of(thing("d"), thing("r", "d"))
    asked = graph.updated(thing("d"), thing("d", deleting=ORPHAN))
    assert (list(asked.to_delete), list(asked.to_orphan)) == ([], ["d"])


def test_deletion_that_began_before_the_collector_started_is_not_missed() -> None:
    """Teaches: the first sight of an object may find it half deleted."""
    graph = OwnerGraph()
    assert list(graph.added(thing("d", deleting=ORPHAN)).to_orphan) == ["d"]
    assert list(graph.added(thing("r", deleting=FOREGROUND)).to_delete) == ["r"]
    assert graph.nodes["r"].is_deleting_dependents


def test_an_object_with_two_owners_stays_in_the_graph_until_it_is_gone() -> None:
    """Teaches: each owner knows it; whether it may live is decided against the live owners."""
    graph = graph_of(thing("r1"), thing("r2"), thing("p", "r1", "r2"))
    assert list(graph.deleted("r1").to_delete) == ["p"]
    assert list(graph.nodes["r2"].dependents) == ["p"]


def test_a_cluster_scoped_owner_of_a_namespaced_object_is_found_once_it_is_seen() -> None:
    """Teaches: a Lease belongs to a Node; only the Node itself tells that it has no namespace."""
    graph = graph_of(thing("p", "n"))
    assert graph.nodes["n"].identity.namespace == "default"
    real = thing("n")
    del real.object["metadata"]["namespace"]
    graph.added(real)
    assert graph.nodes["n"].identity.namespace == ""


def test_nothing_follows_from_the_end_of_what_was_never_known() -> None:
    """Teaches: events about deletions may come twice."""
    assert OwnerGraph().deleted("r") is NONE
