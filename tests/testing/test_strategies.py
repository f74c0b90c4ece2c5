"""Whatever the strategies make is accepted by the apiserver, and schedules of faults can be carried out."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.resources import DEPLOYMENTS, NODES, PODS, SERVICE_ACCOUNTS, Resource
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster
from kubesim.sim import run
from kubesim.testing.strategies import FaultAt, deployments, fault_schedules, nodes, pods

quickly = settings(max_examples=25, derandomize=True, deadline=None, database=None)


async def accepted(resource: Resource, objects: list[Object]) -> None:
    """Creates them on a real apiserver; the controllers are there for the ServiceAccount that Pods need."""
    async with SimCluster(0, without=("scheduler",)) as cluster:
        await cluster.run_until(lambda: cluster.get(SERVICE_ACCOUNTS, "default/default") is not None)
        for made in objects:
            stored = await cluster.client.create(resource, made)
            assert stored.name == made["metadata"]["name"]
            await cluster.client.delete(resource, stored.name, stored.namespace)


@quickly
@given(st.lists(pods(), min_size=1, max_size=5))
def test_every_pod_is_accepted(made: list[Object]) -> None:
    """Teaches: a strategy makes valid objects, or a test would only find what validation refuses."""
    run(lambda: accepted(PODS, made))


@quickly
@given(st.lists(deployments(), min_size=1, max_size=5))
def test_every_deployment_is_accepted(made: list[Object]) -> None:
    """Teaches: the same for Deployments of either strategy."""
    run(lambda: accepted(DEPLOYMENTS, made))


@quickly
@given(st.lists(nodes(), min_size=1, max_size=5))
def test_every_node_is_accepted(made: list[Object]) -> None:
    """Teaches: the same for Nodes, taints included."""
    run(lambda: accepted(NODES, made))


@quickly
@given(fault_schedules(processes=("scheduler", "apiserver"), until_seconds=60))
def test_a_schedule_ends_with_everybody_well(schedule: list[FaultAt]) -> None:
    """Teaches: every crash has its restart and every cut its repair, later."""
    troubled: dict[str, str] = {}
    for fault in schedule:
        if fault.verb in ("crash", "partition"):
            assert fault.target not in troubled
            troubled[fault.target] = fault.verb
        else:
            assert troubled.pop(fault.target) == {"restart": "crash", "repair": "partition"}[fault.verb]
    assert troubled == {}
    assert [fault.seconds for fault in schedule] == sorted(fault.seconds for fault in schedule)


async def carried_out(schedule: list[FaultAt]) -> None:
    async with SimCluster(2, behavior="hollow") as cluster:
        for fault in schedule:
            fault.inject(cluster.faults)
        stopped = [name for host in cluster.faults.hosts.values() for name, p in host.processes.items()]
        assert all(cluster.faults.find(name) for name in stopped)
        assert all(process.is_running for host in cluster.faults.hosts.values() for process in host.processes.values())


@settings(quickly, max_examples=10)
@given(fault_schedules(nodes=2, processes=("scheduler",)))
def test_a_schedule_can_be_carried_out(schedule: list[FaultAt]) -> None:
    """Teaches: a fault is a plain value; `inject` makes it happen."""
    run(lambda: carried_out(schedule))
