"""What a user does to the registries and runtimes of a cluster that is served."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import BadRequestError
from kubesim.api.resources import NODES, PODS
from kubesim.apiserver.authn import MASTERS, User
from kubesim.cluster import SimCluster
from kubesim.recording.facts import condition
from kubesim.service.control import PREFIX, Control

ADMIN = User("kubernetes-admin", (MASTERS,))


async def ask(cluster: SimCluster, path: str, **body: Any) -> dict[str, Any]:
    return await Control(cluster).handle(ADMIN, "POST", PREFIX + path, body)


@pytest.mark.cluster(nodes=1, behavior="plausible")
async def test_a_published_image_does_what_was_built_into_it(cluster: SimCluster) -> None:
    """Teaches: docker build, docker push, and a Pod that runs what was built."""
    behaviour = {"runsFor": "5s", "exitCode": 4}
    done = await ask(cluster, "registry", publish="example.com/job:2", behavior=behaviour)
    assert done["done"].startswith("docker push example.com/job:2: sha256:")
    await cluster.kubectl.run("run job --image=example.com/job:2 --restart=Never")
    await cluster.run_for(10)
    pod = cluster.get(PODS, "default/job")
    assert pod is not None
    assert pod.object["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 4


@pytest.mark.cluster(nodes=1, behavior="plausible")
async def test_a_registry_can_be_down_and_up(cluster: SimCluster) -> None:
    """Teaches: an outage of a registry hurts whoever starts something new."""
    await ask(cluster, "registry", down="docker.io", how="no-such-host")
    await cluster.kubectl.run("run web --image=nginx:1.29")
    await cluster.run_for(5)
    pod = cluster.get(PODS, "default/web")
    assert pod is not None
    waiting = pod.object["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["message"].endswith("lookup registry-1.docker.io on 192.168.49.1:53: no such host")
    await ask(cluster, "registry", up="docker.io")
    await cluster.run_for(30)
    pod = cluster.get(PODS, "default/web")
    assert pod is not None
    assert pod.object["status"]["phase"] == "Running"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "a change to a registry is exactly one of publish, delete, down, up, slow, limit, private"),
        ({"up": "a", "down": "b"}, "a change to a registry is exactly one of"),
        ({"publish": "Not An Image"}, '"Not An Image" is no image name'),
        ({"private": "r.example.com"}, "private needs a username and a password"),
        ({"slow": "docker.io", "speed": "0"}, "speed is more than 0"),
        ({"publish": "a:1", "behavior": {"exitCode": 300}}, "behavior.exitCode: "),
        ({"nonsense": 1}, "nonsense: Extra inputs are not permitted"),
    ],
)
async def test_a_change_that_is_none_is_refused(cluster: SimCluster, body: dict[str, Any], words: str) -> None:
    """Teaches: one clear sentence, and nothing has happened."""
    with pytest.raises(BadRequestError, match=words):
        await ask(cluster, "registry", **body)


@pytest.mark.cluster(nodes=1)
async def test_a_runtime_dies_and_comes_back(cluster: SimCluster) -> None:
    """Teaches: the node is not ready while its machine is on."""
    await ask(cluster, "nodes/node-1/crash-runtime")
    await cluster.run_for(60)
    node = cluster.get(NODES, "node-1")
    assert node is not None
    assert condition(node.object, "Ready")["message"] == "container runtime is down"
    await ask(cluster, "nodes/node-1/start-runtime")
    await cluster.run_for(30)
    node = cluster.get(NODES, "node-1")
    assert node is not None
    assert condition(node.object, "Ready")["status"] == "True"
