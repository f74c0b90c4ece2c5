"""Plugins of one's own on a whole cluster: the worked example, and one that fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubesim.api.resources import EVENTS, NODES, PODS
from kubesim.cluster import SimCluster
from kubesim.scheduler import Profile, SchedulerConfiguration
from kubesim.scheduler.config_file import read_configuration
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import FilterPlugin
from kubesim.scheduler.framework.status import SUCCESS, Status
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS, Registration
from kubesim.scheduler.pod_info import PodInfo

EXAMPLE = read_configuration(Path(__file__).parents[2] / "examples" / "scheduler" / "quiet-nodes.yaml")


class FailsOften(FilterPlugin):
    """Fails for Pods that are called so."""

    name = "FailsOften"

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        if pod.name == "unlucky":
            raise ZeroDivisionError("no luck")
        return SUCCESS


FAILING = SchedulerConfiguration((Profile(plugins=(*DEFAULT_PLUGINS, Registration("FailsOften", FailsOften))),))


def pod(name: str, namespace: str = "default") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    spec = {"containers": [{"name": "c", "image": "nginx"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def node_of(cluster: SimCluster, key: str) -> str:
    stored = cluster.get(PODS, key)
    assert stored is not None
    return str(stored.object["spec"].get("nodeName", ""))


@pytest.mark.cluster(nodes=2, seed=1, scheduler=EXAMPLE)
async def test_the_example_keeps_a_node_for_a_namespace(cluster: SimCluster) -> None:
    """Teaches: a plugin's text is counted over the nodes like everybody's."""
    await cluster.client.merge_patch(NODES, "node-1", {"metadata": {"labels": {"example.com/reserved-for": "lab"}}})
    await cluster.client.merge_patch(NODES, "node-2", {"metadata": {"labels": {"example.com/reserved-for": "lab"}}})
    await cluster.apply(pod("web"))
    await cluster.run_for(5)
    (told,) = [each.object for each in cluster.all(EVENTS) if each.object["reason"] == "FailedScheduling"]
    assert told["message"].startswith("0/2 nodes are available: 2 node(s) were reserved for another namespace. ")
    await cluster.client.merge_patch(NODES, "node-2", {"metadata": {"labels": {"example.com/reserved-for": None}}})
    await cluster.run_for(330)  # The plugin registers no events: the flush after five minutes tries again.
    assert node_of(cluster, "default/web") == "node-2"


@pytest.mark.cluster(nodes=1, seed=1, scheduler=FAILING)
async def test_a_plugin_that_raises_is_named_and_harms_nobody_else(cluster: SimCluster) -> None:
    """Teaches: an error is not a verdict: the Pod is tried again, after a back-off."""
    await cluster.apply(pod("unlucky"))
    await cluster.apply(pod("lucky"))
    await cluster.run_for(10)
    assert node_of(cluster, "default/lucky") == "node-1"
    assert node_of(cluster, "default/unlucky") == ""
    told = [each.object for each in cluster.all(EVENTS) if each.object["reason"] == "FailedScheduling"]
    assert {each["message"] for each in told} == {'running "FailsOften" filter plugin: ZeroDivisionError("no luck")'}
    assert {each["involvedObject"]["name"] for each in told} == {"unlucky"}
