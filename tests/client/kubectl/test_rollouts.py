"""`kubectl rollout`."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.client.kubectl import KubectlError
from kubesim.cluster import SimCluster


def image(hands: Any) -> str:
    found: str = hands.object("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


@pytest.mark.cluster(nodes=0)
async def test_restart_makes_a_new_template_every_time(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: a restart is a roll-out of the same image."""
    await hands(cluster).kubectl(web)
    assert await hands(cluster).kubectl("rollout restart deployment/web") == "deployment.apps/web restarted"
    await hands(cluster).kubectl("rollout restart deployment web")
    assert len(hands(cluster).names("ReplicaSet")) == 3
    assert image(hands(cluster)) == "nginx:1.26"


@pytest.mark.cluster(nodes=0)
async def test_undo_puts_the_template_before_back(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: the history is the old ReplicaSets, and an undo makes a new revision of the old one."""
    await hands(cluster).kubectl(web)
    for tag in ("1.27", "1.28"):
        await hands(cluster).kubectl(f"set image deployment/web nginx=nginx:{tag}")
    assert await hands(cluster).kubectl("rollout undo deployment/web") == "deployment.apps/web rolled back"
    assert image(hands(cluster)) == "nginx:1.27"
    await hands(cluster).kubectl("rollout undo deployment/web --to-revision=1")
    assert image(hands(cluster)) == "nginx:1.26"
    assert len(hands(cluster).names("ReplicaSet")) == 3, "an old template brings its old ReplicaSet back"


@pytest.mark.cluster(nodes=0)
async def test_a_paused_deployment_does_not_roll_out(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: several changes, one roll-out."""
    await hands(cluster).kubectl(web)
    assert await hands(cluster).kubectl("rollout pause deployment/web") == "deployment.apps/web paused"
    await hands(cluster).kubectl("set image deployment/web nginx=nginx:1.27")
    assert len(hands(cluster).names("ReplicaSet")) == 1
    assert await hands(cluster).kubectl("rollout resume deployment/web") == "deployment.apps/web resumed"
    assert len(hands(cluster).names("ReplicaSet")) == 2


@pytest.mark.cluster(nodes=0)
async def test_what_cannot_be_undone_says_so(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: no history, no undo."""
    await hands(cluster).kubectl(web)
    with pytest.raises(KubectlError, match=r"unable to find an earlier revision of deployment\.apps/web"):
        await cluster.kubectl.run("rollout undo deployment/web")
    with pytest.raises(KubectlError, match="unable to find revision 7 of"):
        await cluster.kubectl.run("rollout undo deployment/web --to-revision=7")
    with pytest.raises(KubectlError, match=r'unknown rollout action "undoo"; did you mean "undo"\?'):
        await cluster.kubectl.run("rollout undoo deployment/web")
    assert await cluster.kubectl.run("rollout status deployment/web") == []
