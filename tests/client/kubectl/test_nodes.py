"""Verbs about nodes."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ApiError
from kubesim.client.kubectl import KubectlError
from kubesim.cluster import SimCluster


def taints(hands: Any) -> list[dict[str, str]]:
    found = hands.object("Node", "n1", "")["spec"].get("taints") or []
    return [taint for taint in found if taint["key"] == "dedicated"]


@pytest.mark.cluster(nodes=0)
async def test_taints_are_added_replaced_and_removed(cluster: SimCluster, hands: Any) -> None:
    """Teaches: a taint is known by its key and its effect."""
    await hands(cluster).add_node("n1")
    told = await hands(cluster).kubectl("taint nodes n1 dedicated=db:NoSchedule dedicated=db:NoExecute")
    assert told == "node/n1 tainted"
    assert [taint["effect"] for taint in taints(hands(cluster))] == ["NoSchedule", "NoExecute"]
    with pytest.raises(KubectlError, match="already has a dedicated taint with the effect NoSchedule"):
        await cluster.kubectl.run("taint nodes n1 dedicated=web:NoSchedule")
    await hands(cluster).kubectl("taint nodes n1 dedicated=web:NoSchedule --overwrite")
    assert {"key": "dedicated", "value": "web", "effect": "NoSchedule"} in taints(hands(cluster))
    assert await hands(cluster).kubectl("taint nodes n1 dedicated:NoExecute-") == "node/n1 untainted"
    assert [taint["effect"] for taint in taints(hands(cluster))] == ["NoSchedule"]
    await hands(cluster).kubectl("taint node n1 dedicated-")
    assert taints(hands(cluster)) == []


@pytest.mark.cluster(nodes=0)
async def test_a_cordoned_node_takes_no_new_pods(cluster: SimCluster, hands: Any) -> None:
    """Teaches: spec.unschedulable."""
    await hands(cluster).add_node("n1")
    assert await hands(cluster).kubectl("cordon n1") == "node/n1 cordoned"
    assert hands(cluster).object("Node", "n1", "")["spec"]["unschedulable"] is True
    assert await hands(cluster).kubectl("cordon node/n1") == "node/n1 already cordoned"
    assert await hands(cluster).kubectl("uncordon n1") == "node/n1 uncordoned"
    assert "unschedulable" not in hands(cluster).object("Node", "n1", "")["spec"]


@pytest.mark.cluster(nodes=0)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("taint nodes n1 dedicated=db:Never", "NoSchedule, PreferNoSchedule or NoExecute"),
        ("taint nodes n1 dedicated-", 'taint "dedicated" not found'),
        ("taint nodes n1", "taint takes nodes and taints"),
        ("cordon", "cordon takes the name of a node"),
    ],
)
async def test_bad_taints_and_missing_nodes(cluster: SimCluster, hands: Any, line: str, words: str) -> None:
    """Teaches: one sentence each."""
    await hands(cluster).add_node("n1")
    with pytest.raises(KubectlError, match=words):
        await cluster.kubectl.run(line)
    with pytest.raises(ApiError, match='nodes "n2" not found'):
        await cluster.kubectl.run("cordon n2")
