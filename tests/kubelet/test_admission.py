"""The kubelet's own last check of a Pod."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kubesim.api.stored import Stored
from kubesim.api.views import Node, PodSpec
from kubesim.kubelet import NodeConfig
from kubesim.kubelet.admission import Admission, pod_requests
from kubesim.kubelet.pod_state import PodState, new_pod_state
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
NODE = NodeConfig("node-1", capacity={"cpu": "1", "memory": "1Gi", "pods": "3"}, images=("nginx:1.27",))

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
IS_HDD = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["hdd"]}]}
WANTS_HDD = {REQUIRED: {"nodeSelectorTerms": [IS_HDD]}}


def pod_of(spec: Any) -> PodState:
    """A Pod that was bound to the node."""
    pod = {"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "spec": {"containers": [], **spec}}
    return new_pod_state(Stored(1, pod), 0, "2024-01-13T09:00:00Z")


def asking(cpu: str) -> list[dict[str, Any]]:
    return [{"name": "c", "image": "nginx:1.27", "resources": {"requests": {"cpu": cpu}}}]


async def test_a_pod_that_does_not_fit_fails_for_good(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: spec.nodeName bypasses the scheduler, not the kubelet."""
    world = new_world(sim, node=NODE)
    world.bind("a", asking("700m"))
    world.bind("b", asking("400m"))
    await world.run_until(5)
    assert world.status("a")["phase"] == "Running"
    refused = world.status("b")
    assert (refused["phase"], refused["reason"]) == ("Failed", "OutOfcpu")
    assert refused["message"] == (
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 400, used: 700, capacity: 1000"
    )
    assert "containerStatuses" not in refused


async def test_a_pod_that_ended_makes_room(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a terminating Pod still holds its share; a gone one does not."""
    world = new_world(sim, node=NODE)
    world.bind("a", asking("700m"))
    await world.run_until(5)
    await world.delete("a")
    await world.run_until(10)
    world.bind("b", asking("700m"))
    await world.run_until(20)
    assert world.status("b")["phase"] == "Running"


async def test_a_node_takes_only_so_many_pods(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: max-pods."""
    world = new_world(sim, node=NODE)
    for name in "abcd":
        world.bind(name)
    await world.run_until(5)
    assert [world.status(name)["phase"] for name in "abcd"] == ["Running", "Running", "Running", "Failed"]
    assert world.status("d")["reason"] == "OutOfpods"


async def test_a_restarted_kubelet_keeps_what_runs(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: admission is for newcomers."""
    world = new_world(sim, node=NODE)
    world.bind("a", asking("700m"))
    await world.run_until(5)
    await world.crash_kubelet()
    world.start()
    await world.run_until(10)
    world.bind("b", asking("400m"))
    await world.run_until(20)
    assert (world.status("a")["phase"], world.status("b")["phase"]) == ("Running", "Failed")


def test_init_containers_share_the_room_of_the_others() -> None:
    """Teaches: a Pod needs the most of its init containers, or the sum of what runs together."""

    def one(cpu: str, **more: Any) -> dict[str, Any]:
        return {"name": "x", "resources": {"requests": {"cpu": cpu}}, **more}

    raw = {
        "containers": [one("100m"), one("200m")],
        "initContainers": [one("700m"), one("50m", restartPolicy="Always")],
        "overhead": {"cpu": "10m", "memory": "1Mi"},
    }
    assert pod_requests(msgspec.convert(raw, PodSpec)) == {"cpu": 710, "memory": 1 << 20}


@pytest.mark.parametrize(
    ("labels", "taint", "spec", "reason"),
    [
        ({}, {}, {"nodeSelector": {"disk": "ssd"}}, "NodeAffinity"),
        ({"disk": "ssd"}, {}, {"nodeSelector": {"disk": "ssd"}}, ""),
        (
            {"disk": "ssd"},
            {},
            {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [IS_HDD]}}}},
            "NodeAffinity",
        ),
        ({}, {"key": "a", "effect": "NoExecute"}, {}, "TaintToleration"),
        ({}, {"key": "a", "effect": "NoExecute"}, {"tolerations": [{"operator": "Exists"}]}, ""),
        ({}, {"key": "a", "effect": "NoSchedule"}, {}, ""),
    ],
)
def test_the_kubelet_asks_labels_and_taints_again(labels: Any, taint: Any, spec: Any, reason: str) -> None:
    """Teaches: spec.nodeName bypasses node selectors and taints of the scheduler, but NoExecute drives away."""
    admission = Admission(NODE)
    node = {"metadata": {"name": "node-1", "labels": labels}, "spec": {"taints": [taint] if taint else []}}
    admission.see(msgspec.convert(node, Node))
    refused = admission.admit(pod_of(spec))
    assert (refused[0] if refused else "") == reason
    if refused:
        assert refused[1].startswith(f"Pod was rejected: Predicate {reason} failed: node(s) ")


def test_two_pods_cannot_have_one_port_of_the_machine() -> None:
    """Teaches: the same number of one protocol, on the same address or on all of them."""
    admission = Admission(NODE)

    def port(number: int, **more: Any) -> Any:
        return {"containers": [{"name": "c", "ports": [{"containerPort": 80, "hostPort": number, **more}]}]}

    assert admission.admit(pod_of(port(80))) is None
    refused = admission.admit(pod_of(port(80, hostIP="10.0.0.1")))
    assert refused is not None
    assert refused[0] == "NodePorts"
    assert admission.admit(pod_of(port(80, protocol="UDP"))) is None
    assert admission.admit(pod_of(port(81))) is None
