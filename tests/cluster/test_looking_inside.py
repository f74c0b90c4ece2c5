"""Logs, exec, attach and ports of Pods, from a client through apiserver and kubelet to a simulated container."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubesim.api.errors import ApiError, BadRequestError, InvalidError, NotFoundError
from kubesim.api.resources import CONFIG_MAPS, PODS
from kubesim.api.session import ERROR, STDIN, STDOUT
from kubesim.cluster import SimCluster

COUNTING = 'i=0; while true; do echo "line $i"; i=$((i+1)); sleep 5; done'


async def start(cluster: SimCluster, name: str, command: str = "", *, image: str = "nginx", **fields: Any) -> None:
    container = {"name": "c", "image": image, **({"command": ["sh", "-c", command]} if command else {}), **fields}
    await cluster.client.create(PODS, {"metadata": {"name": name}, "spec": {"containers": [container]}}, "default")
    await cluster.run_for(20)


@pytest.mark.cluster(nodes=1)
async def test_a_log_is_what_was_printed_until_now(cluster: SimCluster) -> None:
    """Teaches: what a container prints is told when somebody asks, with the virtual dates of when it was printed."""
    await start(cluster, "web", COUNTING, image="busybox")
    assert await cluster.client.logs("web") == "line 0\nline 1\nline 2\nline 3\n"
    await cluster.run_for(5)
    assert await cluster.client.logs("web", tailLines=2) == "line 3\nline 4\n"
    assert await cluster.client.logs("web", sinceSeconds=6) == "line 4\n"
    assert await cluster.client.logs("web", limitBytes=8) == "line 0\nl"
    stamped = await cluster.client.logs("web", timestamps=True, tailLines=1)
    assert stamped.startswith("2024-01-13T09:00:3")
    assert stamped.endswith("Z line 4\n")


@pytest.mark.cluster(nodes=1)
async def test_a_followed_log_ends_with_its_container(cluster: SimCluster) -> None:
    """Teaches: `logs -f` waits for more, and returns when there can be no more."""
    await start(cluster, "web", COUNTING, image="busybox")
    following = asyncio.ensure_future(cluster.client.logs("web", follow=True, tailLines=1))
    await cluster.run_for(6)
    await cluster.client.delete(PODS, "web", "default", grace_period_seconds=2)
    assert await following == "line 3\nline 4\nline 5\n"


@pytest.mark.cluster(nodes=1)
async def test_the_log_of_the_start_before(cluster: SimCluster) -> None:
    """Teaches: one dead container is kept for `logs --previous`."""
    await start(cluster, "web", "echo dying; exit 3", image="busybox")
    assert await cluster.client.logs("web", previous=True) == "dying\n"


@pytest.mark.cluster(nodes=1)
async def test_logs_that_cannot_be_shown(cluster: SimCluster) -> None:
    """Teaches: each refusal says why, in the words of apiserver and kubelet."""
    waiting = {"metadata": {"name": "new"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    await cluster.client.create(PODS, waiting, "default")
    assert await cluster.client.logs("new") == ""  # No node has it yet.
    await cluster.run_for(0.5)
    with pytest.raises(BadRequestError, match=r'^container "c" in pod "new" is waiting to start: ContainerCreating$'):
        await cluster.client.logs("new")
    await cluster.run_for(20)
    with pytest.raises(BadRequestError, match=r'^previous terminated container "c" in pod "new" not found$'):
        await cluster.client.logs("new", previous=True)
    with pytest.raises(BadRequestError, match=r"^container x is not valid for pod new$"):
        await cluster.client.logs("new", container="x")
    with pytest.raises(NotFoundError, match=r'^pods "nope" not found$'):
        await cluster.client.logs("nope")
    with pytest.raises(InvalidError, match=r"tailLines: Invalid value: -1: must be greater than or equal to 0$"):
        await cluster.client.logs("new", tailLines=-1)


@pytest.mark.cluster(nodes=1)
async def test_a_program_sees_what_the_pod_gives_it(cluster: SimCluster) -> None:
    """Teaches: variables and mounted files come from the Pod, its ConfigMaps and its service account."""
    await cluster.client.create(CONFIG_MAPS, {"metadata": {"name": "cm"}, "data": {"k": "v1"}}, "default")
    reference = {"configMapKeyRef": {"name": "cm", "key": "k"}}
    await start(cluster, "web", env=[{"name": "A", "valueFrom": reference}, {"name": "B", "value": "x$(A)"}])
    account = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
    ended = await cluster.client.execute("web", ["sh", "-c", f"echo $A $B $HOSTNAME; cat {account}; exit 7"])
    assert (ended.stdout, ended.stderr, ended.code) == ("v1 xv1 web\ndefault", "", 7)
    assert (await cluster.client.execute("web", ["cat"], stdin="a\nb")).stdout == "a\nb"
    before = cluster.sim.clock.now()
    await cluster.client.execute("web", ["sleep", "90"])
    assert cluster.sim.clock.now() == before + 90


@pytest.mark.cluster(nodes=1)
async def test_a_program_that_is_not_there(cluster: SimCluster) -> None:
    """Teaches: the runtime's words come back through kubelet and apiserver."""
    await start(cluster, "web")
    message = (await cluster.client.execute("web", ["foo"])).message
    assert message.startswith("Internal error occurred: error executing command in container: failed to exec in")
    assert message.endswith(
        "OCI runtime exec failed: exec failed: unable to start container process: "
        'exec: "foo": executable file not found in $PATH: unknown'
    )
    with pytest.raises(BadRequestError, match=r"^you must specify at least one command for the container$"):
        await cluster.client.execute("web", [])


@pytest.mark.cluster(nodes=1)
async def test_somebody_types_into_process_one(cluster: SimCluster) -> None:
    """Teaches: `kubectl run -it` attaches to a shell; when that ends, so does the container."""
    await start(cluster, "box", image="busybox", stdin=True)
    session = await cluster.client.connect("box", "attach", stdin=True, stdout=True, stderr=True)
    session.send(STDIN, b"echo hello\nexit 3\n")
    frames = []
    while (frame := await session.receive()) is not None:
        frames.append(frame)
    assert [frame.data for frame in frames if frame.channel == STDOUT] == [b"hello\n"]
    await cluster.run_for(1)
    status = (await cluster.client.get(PODS, "box", "default")).object["status"]["containerStatuses"][0]
    ended = status["state"].get("terminated") or status["lastState"]["terminated"]
    assert ended["exitCode"] == 3


@pytest.mark.cluster(nodes=1)
async def test_a_port_answers_or_refuses(cluster: SimCluster) -> None:
    """Teaches: a web server's requests are in its log; where nobody listens the connection is refused."""
    await start(cluster, "web")
    session = await cluster.client.connect("web", "portforward", port=80)
    session.send(STDIN, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    frame = await session.receive()
    assert frame is not None
    assert frame.data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert '"GET / HTTP/1.1" 200' in await cluster.client.logs("web", tailLines=1)
    refused = await (await cluster.client.connect("web", "portforward", port=81)).receive()
    assert refused is not None
    assert refused.channel == ERROR
    assert b"dial tcp4 127.0.0.1:81: connect: connection refused" in refused.data


@pytest.mark.cluster(nodes=1)
async def test_a_kubelet_that_is_not_reached(cluster: SimCluster) -> None:
    """Teaches: a dead process refuses at once, a dead machine is silent for thirty seconds."""
    await start(cluster, "web")
    where = "https://192.168.49.2:10250/containerLogs/default/web/c"
    cluster.faults.hosts["node-1"].processes["kubelet/node-1"].crash()
    with pytest.raises(ApiError) as refused:
        await cluster.client.logs("web")
    assert str(refused.value) == f'Get "{where}": dial tcp 192.168.49.2:10250: connect: connection refused'
    assert "error sending request: Post" in (await cluster.client.execute("web", ["ls"])).message
    cluster.faults.hosts["node-1"].crash()
    before = cluster.sim.clock.now()
    with pytest.raises(ApiError, match=r"i/o timeout$"):
        await cluster.client.logs("web")
    assert cluster.sim.clock.now() == before + 30


@pytest.mark.cluster(nodes=1)
async def test_a_container_to_look_around_with_runs_beside_the_others(cluster: SimCluster) -> None:
    """Teaches: `kubectl debug` adds a container to a Pod that runs; the others do not notice."""
    await start(cluster, "web")
    added = {"spec": {"ephemeralContainers": [{"name": "dbg", "image": "busybox", "stdin": True}]}}
    await cluster.client.patch(PODS, "web", added, "default", subresource="ephemeralcontainers")
    await cluster.run_for(10)
    status = (await cluster.client.get(PODS, "web", "default")).object["status"]
    assert "running" in status["ephemeralContainerStatuses"][0]["state"]
    assert status["containerStatuses"][0]["restartCount"] == 0
    assert (await cluster.client.execute("web", ["hostname"], container="dbg")).stdout == "web\n"
    session = await cluster.client.connect("web", "attach", container="dbg", stdin=True, stdout=True)
    session.send(STDIN, b"exit 4\n")
    await cluster.run_for(10)
    status = (await cluster.client.get(PODS, "web", "default")).object["status"]
    assert status["ephemeralContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 4
    assert (status["phase"], status["containerStatuses"][0]["ready"]) == ("Running", True)


@pytest.mark.cluster(nodes=1)
async def test_a_resized_pod_has_its_new_resources_without_a_restart(cluster: SimCluster) -> None:
    """Teaches: the kubelet tells what it has given to each container."""
    await start(cluster, "web", resources={"requests": {"cpu": "100m"}})
    more = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "200m"}}}]}}
    await cluster.client.patch(PODS, "web", more, "default", subresource="resize")
    await cluster.run_for(5)
    status = (await cluster.client.get(PODS, "web", "default")).object["status"]["containerStatuses"][0]
    assert status["allocatedResources"] == {"cpu": "200m"}
    assert (status["resources"], status["restartCount"]) == ({"requests": {"cpu": "200m"}}, 0)
