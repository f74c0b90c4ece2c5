"""Whoever runs a cluster owns its time and its machines."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubesim.api.errors import ApiError, BadRequestError, ConflictError, ForbiddenError, NotFoundError
from kubesim.api.resources import NODES
from kubesim.apiserver.authn import MASTERS, User
from kubesim.cluster import SimCluster
from kubesim.kubelet import NodeConfig
from kubesim.service.control import PREFIX, Control, new_node
from kubesim.sim import Mode, SimLoop

ADMIN = User("kubernetes-admin", (MASTERS,))


async def ask(control: Control, method: str, path: str, **body: Any) -> dict[str, Any]:
    return await control.handle(ADMIN, method, PREFIX + path, body)


def loop_of(cluster: SimCluster) -> SimLoop:
    loop = cluster.sim.loop
    assert isinstance(loop, SimLoop)
    return loop


async def test_only_masters_may(cluster: SimCluster) -> None:
    """Teaches: time is not for everybody who may list Pods."""
    control = Control(cluster)
    with pytest.raises(ForbiddenError, match='User "jane" cannot post path "/kubesim/v1/pause"'):
        await control.handle(User("jane", ("system:authenticated",)), "POST", PREFIX + "pause", None)
    assert loop_of(cluster).mode is Mode.VIRTUAL


async def test_the_status_names_every_component_and_node(cluster: SimCluster) -> None:
    """Teaches: what a control plane consists of."""
    state = await ask(Control(cluster), "GET", "status")
    assert [component["name"] for component in state["components"]] == [
        "etcd-0",
        "apiserver",
        "controller-manager",
        "scheduler",
    ]
    assert {component["state"] for component in state["components"]} == {"running"}
    assert state["nodes"][0] == {
        "name": "node-1",
        "machine": "running",
        "ready": "True",
        "address": "192.168.49.2",
    }
    assert state["clock"]["date"] == "2024-01-13T09:00:10Z"


async def test_a_crashed_component_shows_in_the_status(cluster: SimCluster) -> None:
    """Teaches: status is about processes, not about objects."""
    cluster.faults.crash("scheduler")
    state = await ask(Control(cluster), "GET", "status")
    assert {"name": "scheduler", "state": "crashed"} in state["components"]
    cluster.faults.restart("scheduler")


async def test_paused_time_moves_by_steps_only(cluster: SimCluster) -> None:
    """Teaches: a step runs as fast as it goes and ends exactly where it should."""
    control = Control(cluster)
    assert (await ask(control, "POST", "pause"))["mode"] == "paused"
    assert (await ask(control, "POST", "step", seconds=2.5))["seconds"] == 12.5
    assert (await ask(control, "POST", "step", seconds=30))["seconds"] == 42.5
    assert (await ask(control, "GET", "clock"))["mode"] == "paused"
    loop_of(cluster).virtual()


async def test_a_pause_ends_the_wait_for_a_step(cluster: SimCluster) -> None:
    """Teaches: whoever waits for a moment that will not come is told."""
    control = Control(cluster)
    await ask(control, "POST", "pause")
    step = asyncio.get_running_loop().create_task(ask(control, "POST", "step", seconds=1000))
    await asyncio.sleep(0)
    await ask(control, "POST", "pause")
    assert (await step)["seconds"] < 1010
    loop_of(cluster).virtual()


async def test_a_running_clock_cannot_be_stepped(cluster: SimCluster) -> None:
    """Teaches: an error says what to do first."""
    with pytest.raises(ConflictError, match="`kubesim pause` stops it"):
        await ask(Control(cluster), "POST", "step", seconds=1)


async def test_a_speed_set_while_paused_counts_from_resume_on(cluster: SimCluster) -> None:
    """Teaches: standing still and going fast are two things."""
    control = Control(cluster)
    await ask(control, "POST", "pause")
    assert await ask(control, "POST", "speed", speed=60) == {
        "mode": "paused",
        "speed": 60.0,
        "date": "2024-01-13T09:00:10Z",
        "seconds": 10.0,
    }
    assert (await ask(control, "POST", "resume"))["mode"] == "running"
    assert loop_of(cluster).speed == 60.0
    loop_of(cluster).virtual()


@pytest.mark.parametrize("speed", [0, -1, "fast", None, True, 1e9, float("nan")])
async def test_a_speed_that_is_none_is_refused(cluster: SimCluster, speed: object) -> None:
    """Teaches: input is checked where it comes in."""
    with pytest.raises(BadRequestError, match="speed is a number above 0"):
        await ask(Control(cluster), "POST", "speed", speed=speed)


async def test_an_added_node_joins_and_a_deleted_one_is_gone_for_good(cluster: SimCluster) -> None:
    """Teaches: the kubelet registers its Node; so the machine goes first, the object after it."""
    names: list[tuple[str, ...]] = []
    control = Control(cluster, names.append)
    added = await ask(control, "POST", "nodes")
    assert added == {"name": "node-4", "machine": "running", "ready": "Unknown", "address": "192.168.49.5"}
    await cluster.run_for(10)
    assert (await ask(control, "GET", "nodes"))["nodes"][3]["ready"] == "True"
    await ask(control, "DELETE", "nodes/node-2")
    await cluster.run_for(60)
    assert [node.key for node in cluster.all(NODES)] == ["node-1", "node-3", "node-4"]
    assert names == [("node-1", "node-2", "node-3", "node-4"), ("node-1", "node-3", "node-4")]
    assert cluster.sim.network.is_free  # Nobody pays for a machine that is not there.
    assert (await ask(control, "POST", "nodes"))["name"] == "node-2"
    await cluster.run_for(10)
    assert len(cluster.all(NODES)) == 4


async def test_a_stopped_node_is_noticed_by_its_silence(cluster: SimCluster) -> None:
    """Teaches: the machine is off at once; the control plane believes it after 50 seconds."""
    control = Control(cluster)
    assert (await ask(control, "POST", "nodes/node-2/stop"))["machine"] == "stopped"
    assert (await ask(control, "GET", "nodes"))["nodes"][1]["ready"] == "True"
    await cluster.run_for(60)
    assert (await ask(control, "GET", "nodes"))["nodes"][1]["ready"] == "Unknown"
    assert (await ask(control, "POST", "nodes/node-2/start"))["machine"] == "running"
    await cluster.run_for(10)
    assert (await ask(control, "GET", "nodes"))["nodes"][1]["ready"] == "True"


@pytest.mark.parametrize(
    ("method", "path", "error", "words"),
    [
        ("POST", "nodes/node-9/stop", NotFoundError, 'no node "node-9"; there is node-1, node-2, node-3'),
        ("DELETE", "nodes/control-plane", NotFoundError, 'no node "control-plane"'),
        ("POST", "nodes/node-1/explode", NotFoundError, "not explode"),
        ("GET", "nodes/node-1/stop", NotFoundError, "there is no GET"),
        ("POST", "nonsense", NotFoundError, "there is no POST /kubesim/v1/nonsense"),
    ],
)
async def test_what_is_not_there_is_told(
    cluster: SimCluster, method: str, path: str, error: type[ApiError], words: str
) -> None:
    """Teaches: an error names what there is."""
    with pytest.raises(error, match=words):
        await ask(Control(cluster), method, path)


@pytest.mark.parametrize(
    ("name", "error"), [("node-1", ConflictError), ("apiserver", ConflictError), ("No_Name", BadRequestError)]
)
async def test_a_node_needs_a_name_of_its_own(cluster: SimCluster, name: str, error: type[ApiError]) -> None:
    """Teaches: a machine and the processes of a cluster share one space of names."""
    with pytest.raises(error):
        await ask(Control(cluster), "POST", "nodes", name=name)


def test_a_node_without_a_number_gets_addresses_that_nobody_has() -> None:
    """Teaches: two machines of one address are one machine."""
    others = (NodeConfig(name="node-1"), NodeConfig(name="node-2"))
    gpu = new_node("gpu", others)
    assert (gpu.internal_ip(), gpu.pod_network()) == ("192.168.49.4", "10.244.3.0/24")
    assert new_node("worker-2", others).internal_ip() == "192.168.49.4"
    assert new_node("node-7", others).internal_ip() == "192.168.49.8"


async def test_a_dead_runtime_is_no_dead_machine(cluster: SimCluster) -> None:
    """Teaches: only the runtime is gone; the machine runs, and its kubelet tells."""
    control = Control(cluster)
    assert (await ask(control, "POST", "nodes/node-2/crash-runtime"))["machine"] == "running"
    assert (await ask(control, "POST", "nodes/node-2/stop"))["machine"] == "stopped"
