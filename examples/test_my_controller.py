"""How to test a controller of one's own: one story, one crash, and one property over random trouble.

    pip install 'kubesim[testing]'
    pytest examples

The fixture `cluster` is a whole cluster in virtual time; when a test ends, kubesim's invariants are checked, also
for the caches of the controller under test.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from kubesim.api.resources import PODS
from kubesim.cluster import SimCluster
from kubesim.kubelet import NodeConfig
from kubesim.sim import run
from kubesim.testing.clusters import checked_cluster
from kubesim.testing.strategies import FaultAt, deployments, fault_schedules

sys.path.insert(0, str(Path(__file__).parent))
from zone_labeler import ZONE, ZoneLabeler, labels_of

ZONES = {"node-1": "a", "node-2": "b", "node-3": "b"}
NODES = tuple(NodeConfig(name, zone=zone) for name, zone in ZONES.items())
ME = "zone-labeler"


def install(cluster: SimCluster) -> None:
    """Runs the controller on the control plane's machine, where it can be crashed like everything else."""
    cluster.add(ME, lambda client: ZoneLabeler(cluster.sim, client))


def is_right(cluster: SimCluster) -> bool:
    """The property: every Pod that was bound carries its node's zone, and no other Pod carries one."""
    return all(
        labels_of(pod).get(ZONE) == ZONES.get(pod.object["spec"].get("nodeName", "")) for pod in cluster.all(PODS)
    )


@pytest.mark.cluster(nodes=NODES)
async def test_every_pod_carries_its_zone(cluster: SimCluster) -> None:
    """A story: Pods are made, and labelled in the instant in which they are bound."""
    install(cluster)
    await cluster.kubectl.run("create deployment web --image=nginx --replicas=6")
    await cluster.run_until(lambda: len(cluster.all(PODS)) == 6 and is_right(cluster), timeout_seconds=1)
    assert {labels_of(pod)[ZONE] for pod in cluster.all(PODS)} == {"a", "b"}


@pytest.mark.cluster(nodes=NODES)
async def test_what_it_missed_while_it_was_dead_is_made_up_for(cluster: SimCluster) -> None:
    """A crash: it works from the state that it finds, so nothing has to be remembered."""
    install(cluster)
    cluster.faults.crash(ME)
    await cluster.kubectl.run("create deployment web --image=nginx --replicas=6")
    await cluster.settle()
    assert not any(ZONE in labels_of(pod) for pod in cluster.all(PODS))
    cluster.faults.restart(ME)
    await cluster.run_for(1)
    assert is_right(cluster)


@settings(max_examples=10, derandomize=True, deadline=None)
@given(deployments(), fault_schedules(processes=(ME, "apiserver")))
def test_whatever_happens_it_gets_there(deployment: dict[str, Any], faults: list[FaultAt]) -> None:
    """A property: once all is repaired, every Pod is labelled. Hypothesis looks for trouble that prevents it."""
    run(lambda: live_through(deployment, faults))


async def live_through(deployment: dict[str, Any], faults: list[FaultAt]) -> None:
    """One random story."""
    async with checked_cluster(nodes=NODES, behavior="hollow") as cluster:
        install(cluster)
        await cluster.apply(deployment)
        for fault in faults:
            await asyncio.sleep(max(0.0, 10 + fault.seconds - cluster.sim.clock.now()))
            fault.inject(cluster.faults)
        await cluster.run_until(lambda: is_right(cluster), what="every Pod to carry its zone")
        await cluster.run_for(300)
        await cluster.settle()
        assert is_right(cluster)
