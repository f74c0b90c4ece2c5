from __future__ import annotations

import orjson
import pytest

from kubesim.bridge.outbox import Outbox
from kubesim.bridge.publisher import Publisher
from kubesim.bridge.topics import Topics
from kubesim.cluster import SimCluster

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"containers": [{"name": "web", "image": "nginx"}]},
}


def publishing(cluster: SimCluster) -> tuple[Publisher, Outbox]:
    outbox = Outbox()
    publisher = Publisher(cluster, Topics("", "lesson"), outbox)
    publisher.start()
    return publisher, outbox


def states(outbox: Outbox) -> dict[str, dict[str, object]]:
    taken = [message for message in outbox.take(1000) if message.retain]
    return {message.topic: orjson.loads(message.payload or b"{}") for message in taken}


@pytest.mark.cluster(nodes=1)
async def test_every_node_pod_and_component_has_a_retained_topic(cluster: SimCluster) -> None:
    """Teaches: a lamp that is switched on late shines rightly at once."""
    _, outbox = publishing(cluster)
    await cluster.apply(POD)
    await cluster.run_for(5)
    found = states(outbox)
    node, pod = found["kubesim/lesson/nodes/node-1/status"], found["kubesim/lesson/pods/default/web/status"]
    assert (node["schema"], node["ready"]) == (1, "True")
    assert (pod["phase"], pod["ready"], pod["node"]) == ("Running", True, "node-1")
    assert found["kubesim/lesson/components/kubelet.node-1/status"]["state"] == "running"
    assert found["kubesim/lesson/clock"]["date"] == "2024-01-13T09:00:10Z"


@pytest.mark.cluster(nodes=1)
async def test_what_is_gone_is_cleared_with_an_empty_message(cluster: SimCluster) -> None:
    """Teaches: that is how MQTT forgets a retained message."""
    publisher, outbox = publishing(cluster)
    await cluster.apply(POD)
    await cluster.run_for(5)
    await cluster.kubectl.run("delete pod web")
    await cluster.run_for(35)
    await cluster.remove_node("node-1")
    publisher.tick()
    cleared = {message.topic for message in outbox.take(1000) if message.retain and not message.payload}
    assert cleared >= {"kubesim/lesson/pods/default/web/status", "kubesim/lesson/components/kubelet.node-1/status"}


@pytest.mark.cluster(nodes=1)
async def test_a_fault_is_a_line_of_the_trace_and_its_components_change(cluster: SimCluster) -> None:
    """Teaches: the fault and what it did come in this order."""
    _, outbox = publishing(cluster)
    outbox.take(1000)
    cluster.faults.crash("node-1")
    await cluster.run_for(1)
    messages = outbox.take(1000)
    lines = [orjson.loads(message.payload) for message in messages if message.topic == "kubesim/lesson/trace/record"]
    faults = [line for line in lines if line["record"]["event"] == "fault"]
    assert [(line["serial"], line["t"], line["record"]["verb"]) for line in faults] == [
        (faults[0]["serial"], 0.0, "crash")
    ]
    down = [message for message in messages if message.topic.startswith("kubesim/lesson/components/kubelet.node-1")]
    assert orjson.loads(down[0].payload)["state"] == "crashed"
