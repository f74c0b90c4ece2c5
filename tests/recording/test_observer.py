"""The observer publishes every change once, in the order of revisions, at the end of the instant."""

from __future__ import annotations

import io

import pytest

from kubesim.api.resources import CONFIG_MAPS, NODES, PODS
from kubesim.cluster import SimCluster
from kubesim.recording import Change, RecordingWriter, decode_lines


def config(name: str, color: str = "blue") -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"color": color}}


@pytest.mark.cluster(nodes=0)
async def test_a_change_knows_before_and_after(cluster: SimCluster) -> None:
    """Teaches: came, changed, went."""
    changes: list[Change] = []
    cluster.observer.listen(changes.append)
    await cluster.client.create(CONFIG_MAPS, config("a"), "default")
    await cluster.client.merge_patch(CONFIG_MAPS, "a", {"data": {"color": "red"}}, "default")
    await cluster.client.delete(CONFIG_MAPS, "a", "default")
    await cluster.run_for(1)
    mine = [change for change in changes if change.new.name == "a"]
    assert [change.verb for change in mine] == ["ADDED", "MODIFIED", "DELETED"]
    assert mine[0].old is None
    assert mine[1].old is not None
    assert (mine[1].old.object["data"], mine[1].object["data"]) == ({"color": "blue"}, {"color": "red"})
    assert "default/a" not in cluster.observer.latest["ConfigMap"]


async def test_changes_come_in_the_order_of_their_revisions_across_kinds(cluster: SimCluster) -> None:
    """Teaches: each kind has a watch of its own, and a listener need not know."""
    revisions: list[int] = []
    cluster.observer.listen(lambda change: revisions.append(change.revision))
    await cluster.kubectl.run("create deployment web --image=nginx --replicas=5")
    await cluster.run_for(20)
    assert len(revisions) > 50
    assert revisions == sorted(set(revisions))


@pytest.mark.cluster(nodes=0)
async def test_a_listener_may_leave(cluster: SimCluster) -> None:
    """Teaches: what `listen` returns undoes it."""
    changes: list[Change] = []
    leave = cluster.observer.listen(changes.append)
    leave()
    await cluster.client.create(CONFIG_MAPS, config("a"), "default")
    await cluster.run_for(1)
    assert changes == []


@pytest.mark.cluster(nodes=2)
async def test_what_is_there_already_can_be_told_as_if_it_had_just_come(cluster: SimCluster) -> None:
    """Teaches: a recording begins with the world as it is."""
    found = cluster.observer.initial()
    assert all(change.initial and change.verb == "ADDED" for change in found)
    assert {change.new.name for change in found if change.resource is NODES} == {"node-1", "node-2"}
    assert [change.revision for change in found] == sorted(change.revision for change in found)


async def test_a_recording_names_writer_and_cause_and_sums_heartbeats_up(cluster: SimCluster) -> None:
    """Teaches: `by`, `cause` and `rev` stand beside the object, which is as a real cluster's would be."""
    out = io.BytesIO()
    writer = RecordingWriter(out, cluster.sim.trace, {"scenario": {"name": "x"}})
    cluster.observer.listen(writer.change)
    await cluster.kubectl.run("create deployment web --image=nginx")
    await cluster.run_for(30)
    cluster.faults.crash("node-2")
    await cluster.run_for(70)
    cluster.faults.restart("node-2")
    await cluster.run_for(30)
    rows = list(decode_lines(out.getvalue().splitlines()))
    assert rows[0] == {"t": 0.0, "meta": {"scenario": {"name": "x"}}}
    bound = next(row for row in rows if row.get("kind") == "Pod" and row["object"]["spec"].get("nodeName"))
    created = next(row for row in rows if row.get("kind") == "Pod" and row["verb"] == "ADDED")
    assert (bound["by"], bound["cause"]) == ("scheduler", [created["rev"]])
    assert bound["object"]["metadata"]["resourceVersion"] == str(bound["rev"])
    assert not [row for row in rows if row.get("kind") == "Lease"]
    (last,) = [row["lease_last"] for row in rows if "lease_last" in row]
    (gap,) = [row["lease_gap"] for row in rows if "lease_gap" in row]
    assert last["node"] == gap["node"] == "node-2"
    assert gap["seconds"] > 70
    assert cluster.all(PODS)
