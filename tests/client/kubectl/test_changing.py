"""Verbs that change or delete what is there."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ApiError
from kubesim.client.kubectl import KubectlError
from kubesim.cluster import SimCluster


@pytest.mark.cluster(nodes=0)
async def test_scale_writes_one_number(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: everything else is the controllers' work."""
    await hands(cluster).kubectl(web)
    assert await hands(cluster).kubectl("scale deployment/web --replicas=4") == "deployment.apps/web scaled"
    assert len(hands(cluster).names("Pod")) == 4
    assert await hands(cluster).kubectl("scale deploy web --replicas 0") == "deployment.apps/web scaled"
    assert hands(cluster).names("Pod") == []


@pytest.mark.cluster(nodes=0)
async def test_set_image_changes_one_container(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: a new template, so a new ReplicaSet."""
    await hands(cluster).kubectl(web)
    told = await hands(cluster).kubectl("set image deployment/web nginx=nginx:1.27")
    assert told == "deployment.apps/web image updated"
    containers = hands(cluster).object("Deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert [container["image"] for container in containers] == ["nginx:1.27"]
    assert len(hands(cluster).names("ReplicaSet")) == 2


@pytest.mark.cluster(nodes=0)
async def test_set_image_never_adds_a_container(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: a typo in a container's name is an error."""
    await hands(cluster).kubectl(web)
    with pytest.raises(KubectlError, match=r'unable to find container named "ngnix" in deployment\.apps/web'):
        await cluster.kubectl.run("set image deployment/web ngnix=nginx:1.27")


@pytest.mark.cluster(nodes=0)
async def test_set_resources_changes_requests_and_limits(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: without -c it is every container's."""
    await hands(cluster).kubectl(web)
    line = "set resources deployment web --requests=cpu=200m,memory=64Mi --limits=memory=128Mi"
    assert await hands(cluster).kubectl(line) == "deployment.apps/web resource requirements updated"
    container = hands(cluster).object("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {
        "requests": {"cpu": "200m", "memory": "64Mi"},
        "limits": {"memory": "128Mi"},
    }


@pytest.mark.cluster(nodes=0)
@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","image":"x:2"}]}}}}'),
        ("json", '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"x:2"}]'),
        ("merge", "spec: {template: {spec: {containers: [{name: nginx, image: x:2}]}}}"),
    ],
)
async def test_a_patch_of_any_type_as_json_or_yaml(
    cluster: SimCluster, hands: Any, web: str, kind: str, patch: str
) -> None:
    """Teaches: three ways to say the same change."""
    await hands(cluster).kubectl(web)
    told = await hands(cluster).kubectl(f"patch deployment web --type={kind} -p '{patch}'")
    assert told == "deployment.apps/web patched"
    containers = hands(cluster).object("Deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert [container["image"] for container in containers] == ["x:2"]


@pytest.mark.cluster(nodes=0)
async def test_labels_are_set_overwritten_and_removed(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: to overwrite must be meant."""
    await hands(cluster).kubectl(web)
    assert await hands(cluster).kubectl("label deployment web tier=front") == "deployment.apps/web labeled"
    with pytest.raises(KubectlError, match=r"'tier' already has a value \(front\), and --overwrite is false"):
        await cluster.kubectl.run("label deployment web tier=back")
    await hands(cluster).kubectl("label deployment/web tier=back --overwrite")
    assert hands(cluster).object("Deployment", "web")["metadata"]["labels"] == {"app": "web", "tier": "back"}
    assert await hands(cluster).kubectl("label deployment web tier-") == "deployment.apps/web unlabeled"
    assert hands(cluster).object("Deployment", "web")["metadata"]["labels"] == {"app": "web"}


@pytest.mark.cluster(nodes=0)
async def test_annotations_are_set_and_removed(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: annotations are for tools, labels for selectors."""
    await hands(cluster).kubectl(web)
    told = await hands(cluster).kubectl("annotate deployments --all example.com/owner=ada")
    assert told == "deployment.apps/web annotated"
    assert hands(cluster).object("Deployment", "web")["metadata"]["annotations"]["example.com/owner"] == "ada"
    await hands(cluster).kubectl("annotate deployment web example.com/owner-")
    assert "example.com/owner" not in hands(cluster).object("Deployment", "web")["metadata"]["annotations"]


@pytest.mark.cluster(nodes=0)
async def test_delete_by_name_and_by_selectors(cluster: SimCluster, hands: Any) -> None:
    """Teaches: three ways to say which."""
    for name in ("a", "b", "c", "d"):
        await hands(cluster).kubectl(f"run {name} --image=nginx --labels=app={name}")
    assert await hands(cluster).kubectl("delete pod/a") == 'pod "a" deleted'
    assert await hands(cluster).kubectl("delete pods -l app=b") == 'pod "b" deleted'
    assert await hands(cluster).kubectl("delete pods --field-selector metadata.name=c") == 'pod "c" deleted'
    assert hands(cluster).names("Pod") == ["d"]
    assert await hands(cluster).kubectl("delete pods -A --all --force") == 'pod "d" force deleted'
    assert hands(cluster).names("Pod") == []


@pytest.mark.cluster(nodes=0)
async def test_what_is_not_there_cannot_be_deleted_unless_that_is_fine(cluster: SimCluster) -> None:
    """Teaches: --ignore-not-found."""
    with pytest.raises(ApiError, match='pods "a" not found'):
        await cluster.kubectl.run("delete pod a")
    assert await cluster.kubectl.run("delete pod a --ignore-not-found") == []


@pytest.mark.cluster(nodes=1)
async def test_grace_is_what_the_user_says(cluster: SimCluster, hands: Any) -> None:
    """Teaches: 30 s to end gracefully, unless somebody is in a hurry."""
    for name in ("slow", "quick", "now"):
        await hands(cluster).kubectl(f"run {name} --image=busybox --command -- sleep infinity")
    await cluster.run_for(30)
    await cluster.kubectl.run("delete pod slow")
    await cluster.kubectl.run("delete pod quick --grace-period=5")
    await cluster.kubectl.run("delete pod now --force")
    await cluster.run_for(0.001)
    seconds = {
        name: hands(cluster).object("Pod", name)["metadata"]["deletionGracePeriodSeconds"] for name in ("slow", "quick")
    }
    assert seconds == {"slow": 30, "quick": 5}
    assert "default/now" not in cluster.observer.latest["Pod"], "forced: gone at once"


@pytest.mark.cluster(nodes=0)
async def test_an_orphan_outlives_its_owner(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: --cascade=orphan leaves the ReplicaSet, and nobody owns it."""
    await hands(cluster).kubectl(web)
    await hands(cluster).kubectl("delete deployment web --cascade=orphan")
    await cluster.run_for(5)
    assert hands(cluster).names("Deployment") == []
    (name,) = hands(cluster).names("ReplicaSet")
    assert not hands(cluster).object("ReplicaSet", name)["metadata"].get("ownerReferences")


@pytest.mark.cluster(nodes=0)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("scale deployment/web", "scale needs --replicas"),
        ("set replicas deployment/web", "set knows image and resources"),
        ("set image deployment/web nginx", "set knows image|expected key=value"),
        ("set resources deployment/web", "needs --requests or --limits"),
        ("patch deployment web", "patch needs -p"),
        ("patch deployment web --type=json -p '{}'", "a list of operations"),
        ("patch deployment web --type=fancy -p '{}'", '--type is strategic, merge or json, not "fancy"'),
        ("patch deployment web -p '{'", "neither JSON nor YAML"),
        ("label deployment web", "at least one key=value"),
        ("delete pods", "name a pod, give a selector"),
        ("delete pod a --cascade=maybe", "--cascade is background, foreground or orphan"),
        ("delete podz a", 'unknown resource type "podz"; did you mean "pod'),
        ("delete", "a resource is missing"),
        ("describe pod a", 'unknown kubectl verb "describe"'),
        ("scale deployment/web --replica=3", 'unknown flag --replica; did you mean "replicas"?'),
        ("", "the command is empty"),
        ("patch deployment web -p '", "does not parse as shell words"),
    ],
)
async def test_a_command_that_makes_no_sense_gets_one_sentence(cluster: SimCluster, line: str, words: str) -> None:
    """Teaches: what is wrong, and what would be right."""
    with pytest.raises(KubectlError, match=words) as caught:
        await cluster.kubectl.run(line)
    assert "\n" not in str(caught.value)
