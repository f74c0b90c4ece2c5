"""Workloads of every kind under faults, evictions, deletions and updates: once all is repaired, each has what it wants.

Meanwhile every invariant is watched: no eviction violates a budget, no name of a StatefulSet runs twice, no Job counts
a Pod twice.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.resources import PODS, resource_of
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster
from kubesim.sim import run
from kubesim.testing.clusters import checked_cluster
from kubesim.testing.strategies import FaultAt, fault_schedules
from kubesim.testing.workloads import Deed, deeds, is_as_wanted, workloads

PROCESSES = ("scheduler", "controller-manager", "apiserver", "kubelet/node-1")
RECOVERY_SECONDS = 1800  # An eviction takes 300 s, the back-off of a Job at most 600 s.

troubles = st.sampled_from([5.0, 60.0, 400.0]).flatmap(
    lambda seconds: fault_schedules(until_seconds=seconds, processes=PROCESSES)
)


async def do(cluster: SimCluster, deed: Deed, wanted: list[Object]) -> None:
    """What somebody does; who is refused, or finds nothing, shrugs."""
    workload = next((each for each in wanted if each["metadata"]["name"] == deed.workload), None)
    if workload is None or workload["kind"] == "PodDisruptionBudget":
        return
    pods = [pod for pod in cluster.all(PODS) if pod.name.startswith(f"{deed.workload}-")]
    with suppress(ApiError, TransportError):
        if deed.verb == "evict" and pods:
            pod = pods[deed.number % len(pods)]
            await cluster.client.evict(pod.namespace, pod.name)
        elif deed.verb == "delete" and pods:
            pod = pods[deed.number % len(pods)]
            await cluster.client.delete(PODS, pod.name, pod.namespace)
        elif deed.verb == "scale" and "replicas" in workload["spec"]:
            await patch(cluster, workload, {"spec": {"replicas": deed.number}})
        elif deed.verb == "image" and workload["kind"] != "Job":
            containers = [{"name": "c", "image": f"nginx:{deed.number}"}]
            await patch(cluster, workload, {"spec": {"template": {"spec": {"containers": containers}}}})


async def patch(cluster: SimCluster, workload: Object, change: Object) -> None:
    await cluster.client.patch(resource_of(workload), workload["metadata"]["name"], change, "default")


async def live_through(wanted: list[Object], faults: list[FaultAt], done: list[Deed], seed: int) -> None:
    """Applies the workloads, lets everything happen in its order, and waits for the recovery."""
    async with checked_cluster(nodes=3, seed=seed, behavior="hollow") as cluster:
        for workload in wanted:
            await cluster.apply(workload)
        began = cluster.sim.clock.now()
        acts: list[FaultAt | Deed] = sorted([*faults, *done], key=lambda act: act.seconds)
        for act in acts:
            await asyncio.sleep(max(0.0, began + act.seconds - cluster.sim.clock.now()))
            if isinstance(act, FaultAt):
                act.inject(cluster.faults)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await do(cluster, act, wanted)
        what = "every workload to be as wanted"
        await cluster.run_until(lambda: is_as_wanted(cluster), timeout_seconds=RECOVERY_SECONDS, what=what)
        await cluster.run_for(330)  # Nothing that was planned in the trouble comes true afterwards.
        await cluster.settle()
        assert is_as_wanted(cluster)


@settings(max_examples=15, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(workloads(), troubles, deeds(), st.integers(0, 3), st.one_of(st.none(), st.integers(0, 7)))
def test_every_workload_finds_its_way_back(
    wanted: list[Object], faults: list[FaultAt], done: list[Deed], seed: int, permute_seed: int | None
) -> None:
    """Teaches: what holds for one controller in its unit tests holds for all of them together, under any trouble."""
    run(lambda: live_through(wanted, faults, done, seed), permute_seed=permute_seed)
