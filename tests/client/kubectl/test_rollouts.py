"""`kubectl rollout`."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.resources import BY_KIND
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


@pytest.mark.cluster(nodes=2, behavior="hollow")
@pytest.mark.parametrize("kind", ["DaemonSet", "StatefulSet"])
async def test_sets_with_revisions_go_back_by_them(cluster: SimCluster, kind: str) -> None:
    """Teaches: a ControllerRevision is a patch that brings its template back; going back again goes forward."""

    async def image() -> str:
        stored = await cluster.client.get(BY_KIND["apps/v1", kind], "db", "default")
        found: str = stored.object["spec"]["template"]["spec"]["containers"][0]["image"]
        return found

    labels = {"app": "db"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "a:1"}]}}
    spec: Any = {"selector": {"matchLabels": labels}, "template": template}
    if kind == "StatefulSet":
        spec |= {"replicas": 1, "serviceName": "db"}
    await cluster.apply({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "db"}, "spec": spec})
    await cluster.run_for(20)
    with pytest.raises(KubectlError, match="no rollout history found"):
        await cluster.kubectl.run(f"rollout undo {kind}/db")
    await cluster.kubectl.run(f"set image {kind}/db c=a:2")
    await cluster.run_for(20)
    (said,) = await cluster.kubectl.run(f"rollout undo {kind}/db")
    assert said == f"{kind.lower()}.apps/db rolled back"
    assert await image() == "a:1"
    await cluster.run_for(20)
    await cluster.kubectl.run(f"rollout undo {kind}/db --to-revision=2")
    assert await image() == "a:2"
    with pytest.raises(KubectlError, match="unable to find specified revision 9 in history"):
        await cluster.kubectl.run(f"rollout undo {kind}/db --to-revision=9")
