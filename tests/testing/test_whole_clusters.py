"""Random Deployments under random trouble: once all is repaired, a cluster always finds its way back."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubesim.api.resources import DEPLOYMENTS, NODES, PODS
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster
from kubesim.recording.facts import condition
from kubesim.sim import run
from kubesim.testing.clusters import checked_cluster
from kubesim.testing.strategies import FaultAt, deployments, fault_schedules

PROCESSES = ("scheduler", "controller-manager", "apiserver", "kubelet/node-1")
RECOVERY_SECONDS = 900  # An eviction that was begun takes 300 s, and back-offs a few minutes more.
AS_WANTED = ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas")
# Two Deployments of at most five Pods of at most 0.5 CPU fit on three nodes of 2 CPU, whatever lies where.
wishes = st.lists(
    st.builds(
        lambda wish, cpu: with_requests(wish, cpu),
        deployments(replicas_max=5),
        st.sampled_from(["10m", "100m", "500m"]),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda wish: wish["metadata"]["name"],
)
troubles = st.sampled_from([5.0, 60.0, 400.0]).flatmap(
    lambda seconds: fault_schedules(until_seconds=seconds, processes=PROCESSES)
)


def with_requests(wish: Object, cpu: str) -> Object:
    """The Deployment with one small container."""
    containers = [{"name": "c0", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}]
    template = {**wish["spec"]["template"], "spec": {"containers": containers}}
    return {**wish, "spec": {**wish["spec"], "template": template}}


def is_as_wanted(cluster: SimCluster) -> bool:
    """Every Deployment has what it wants and nothing else, and every node is well."""
    pods = 0
    for deployment in cluster.all(DEPLOYMENTS):
        wanted, status = deployment.object["spec"]["replicas"], deployment.object.get("status") or {}
        if status.get("observedGeneration") != deployment.object["metadata"]["generation"]:
            return False
        if any(status.get(name, 0) != wanted for name in AS_WANTED):
            return False
        pods += wanted
    return len(cluster.all(PODS)) == pods and all(
        condition(node.object, "Ready")["status"] == "True" and not node.object["spec"].get("taints")
        for node in cluster.all(NODES)
    )


async def live_through(wanted: list[Object], faults: list[FaultAt], seed: int) -> None:
    """Applies the Deployments, lets the faults happen, waits for the recovery; then every invariant is checked."""
    async with checked_cluster(nodes=3, seed=seed, behavior="hollow") as cluster:
        for deployment in wanted:
            await cluster.apply(deployment)
        began = cluster.sim.clock.now()
        for fault in faults:
            await asyncio.sleep(max(0.0, began + fault.seconds - cluster.sim.clock.now()))
            fault.inject(cluster.faults)
        await cluster.run_until(
            lambda: is_as_wanted(cluster),
            timeout_seconds=RECOVERY_SECONDS,
            what="every Deployment to be as wanted and every node to be well",
        )
        await cluster.run_for(330)  # Nothing that was planned in the trouble comes true afterwards.
        await cluster.settle()
        assert is_as_wanted(cluster)


@settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(wishes, troubles, st.integers(0, 3), st.one_of(st.none(), st.integers(0, 7)))
def test_a_cluster_recovers_from_every_trouble(
    wanted: list[Object], faults: list[FaultAt], seed: int, permute_seed: int | None
) -> None:
    """Teaches: controllers work from the state that they find, so no order of events can lead them astray.

    The last argument shuffles what is ready at the same time: as many races as one could wish for.
    """
    run(lambda: live_through(wanted, faults, seed), permute_seed=permute_seed)
