"""Chance that was recorded is drawn again."""

from __future__ import annotations

from typing import Any

from kubesim.api.resources import PODS
from kubesim.api.stored import Stored
from kubesim.fidelity.timeline.recorded_chance import RecordedChance
from kubesim.recording import Change
from kubesim.sim import Chance, Simulation


def line(name: str, uid: str, *, node: str = "", nominated: str = "", prefix: str = "web-") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "t", "uid": uid, "generateName": prefix}
    pod = {"metadata": metadata, "spec": {"nodeName": node}, "status": {"nominatedNodeName": nominated}}
    return {"t": 1.0, "verb": "ADDED", "kind": "Pod", "namespace": "t", "name": name, "object": pod}


def created(name: str, uid: str) -> Change:
    pod = {"metadata": {"name": name, "namespace": "t", "uid": uid}}
    return Change(0, "ADDED", PODS, None, Stored(1, pod))


async def test_names_and_uids_come_in_the_recorded_order(sim: Simulation) -> None:
    """Teaches: the n-th Pod of a ReplicaSet is the n-th again."""
    chance = RecordedChance(1, [line("web-aaaaa", "u1"), line("web-bbbbb", "u2")])
    chance.follow(sim.clock)
    assert chance.generated_name("Pod", "t", "web-") == "web-aaaaa"
    assert chance.uid("Pod/t/web-aaaaa") == "u1"
    assert chance.generated_name("Pod", "t", "web-") == "web-bbbbb"
    assert chance.generated_name("Pod", "t", "web-") == Chance(1).generated_name("Pod", "t", "web-")
    assert chance.uid("Pod/t/other") == Chance(1).uid()


async def test_a_name_whose_creation_was_refused_is_free_again(sim: Simulation) -> None:
    """Teaches: a quota refuses Pods; the recorded names belong to those that it let in."""
    chance = RecordedChance(1, [line("web-aaaaa", "u1"), line("web-bbbbb", "u2")])
    chance.follow(sim.clock)
    assert chance.generated_name("Pod", "t", "web-") == "web-aaaaa"
    assert chance.generated_name("Pod", "t", "web-") == "web-bbbbb"
    chance.heard(created("web-bbbbb", "u2"))
    sim.loop.now_ns += 10**9
    assert chance.generated_name("Pod", "t", "web-") == "web-aaaaa"


async def test_a_pod_has_a_node_and_before_that_a_promise(sim: Simulation) -> None:
    """Teaches: ties between equal nodes are broken as they were."""
    lines = [line("a", "u1"), line("a", "u1", nominated="n2"), line("b", "u2", node="n1")]
    chance = RecordedChance(1, lines)
    assert [chance.recorded_node(uid) for uid in ("u1", "u2", "u3")] == ["n2", "n1", ""]


async def test_before_the_recording_began_nothing_is_known(sim: Simulation) -> None:
    """Teaches: what boots a cluster is not what was recorded."""
    chance = RecordedChance(1, [line("web-aaaaa", "u1")])
    assert chance.generated_name("Pod", "t", "web-") != "web-aaaaa"
