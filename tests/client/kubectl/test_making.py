"""`kubectl create` and `kubectl run`."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ApiError
from kubesim.client.kubectl import KubectlError
from kubesim.cluster import SimCluster


@pytest.mark.cluster(nodes=0)
async def test_a_deployment_is_created_without_a_file(cluster: SimCluster, hands: Any) -> None:
    """Teaches: what `create deployment` stands for."""
    line = "create deployment web --image=registry.example/team/nginx:1.26 --replicas=2 --port=80 -- nginx -g x"
    assert await hands(cluster).kubectl(line) == "deployment.apps/web created"
    spec = hands(cluster).object("Deployment", "web")["spec"]
    container = spec["template"]["spec"]["containers"][0]
    assert (spec["replicas"], spec["selector"]) == (2, {"matchLabels": {"app": "web"}})
    assert (container["name"], container["command"]) == ("nginx", ["nginx", "-g", "x"])
    assert container["ports"][0]["containerPort"] == 80
    assert len(hands(cluster).names("Pod")) == 2


@pytest.mark.cluster(nodes=0)
async def test_no_replicas_are_as_good_a_number_as_any(cluster: SimCluster, hands: Any) -> None:
    """Teaches: 0 is not the same as nothing said."""
    await hands(cluster).kubectl("create deployment none --image=nginx --replicas=0")
    await hands(cluster).kubectl("create deployment one --image=nginx")
    assert hands(cluster).object("Deployment", "none")["spec"]["replicas"] == 0
    assert hands(cluster).object("Deployment", "one")["spec"]["replicas"] == 1


@pytest.mark.cluster(nodes=0)
async def test_namespaces_and_config_maps_are_created_without_a_file(cluster: SimCluster, hands: Any) -> None:
    """Teaches: -n puts a thing into a namespace."""
    assert await hands(cluster).kubectl("create ns team") == "namespace/team created"
    told = await hands(cluster).kubectl("create cm settings -n team --from-literal=a=1 --from-literal=b=c=d")
    assert told == "configmap/settings created"
    assert hands(cluster).object("ConfigMap", "settings", "team")["data"] == {"a": "1", "b": "c=d"}


@pytest.mark.cluster(nodes=0)
async def test_run_makes_a_bare_pod(cluster: SimCluster, hands: Any) -> None:
    """Teaches: nobody replaces a bare Pod."""
    line = "run hello --image=busybox --restart=Never --labels=a=b,c=d --env=X=y -- echo hi"
    assert await hands(cluster).kubectl(line) == "pod/hello created"
    pod = hands(cluster).object("Pod", "hello")
    container = pod["spec"]["containers"][0]
    assert pod["metadata"]["labels"] == {"a": "b", "c": "d"}
    assert pod["spec"]["restartPolicy"] == "Never"
    assert (container["args"], container["env"]) == (["echo", "hi"], [{"name": "X", "value": "y"}])
    await hands(cluster).kubectl("run other --image=busybox --command -- sleep 1")
    assert hands(cluster).object("Pod", "other")["spec"]["containers"][0]["command"] == ["sleep", "1"]
    assert hands(cluster).object("Pod", "other")["metadata"]["labels"] == {"run": "other"}


@pytest.mark.cluster(nodes=0)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("create deployment web", "create deployment needs --image"),
        ("create secret x", 'create secret x" is not known here'),
        ("create configmap x --from-literal=a", 'expected key=value, found "a"'),
        ("create", "create needs -f FILE"),
        ("run hello", "run takes a name and --image"),
        ("create deployment web --image", "flag needs an argument: --image"),
        ("create deployment web --image=x --replicas=two", '--replicas takes a whole number, not "two"'),
    ],
)
async def test_what_is_missing_is_said_in_one_sentence(cluster: SimCluster, line: str, words: str) -> None:
    """Teaches: a command that cannot work says what it needs."""
    with pytest.raises(KubectlError) as caught:
        await cluster.kubectl.run(line)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.cluster(nodes=0)
async def test_a_name_can_be_taken_only_once(cluster: SimCluster, hands: Any, web: str) -> None:
    """Teaches: create is not apply."""
    await hands(cluster).kubectl(web)
    with pytest.raises(ApiError, match=r'deployments\.apps "web" already exists'):
        await cluster.kubectl.run(web)
