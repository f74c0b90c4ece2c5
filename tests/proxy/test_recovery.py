"""Random work and random trouble with kube-proxies and machines: after it only living Pods are served."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubesim.api.resources import PODS
from kubesim.api.stored import Object
from kubesim.api.traffic import ANSWERED, Connection, HttpCall, Reply, kernel_of
from kubesim.cluster import SimCluster
from kubesim.proxy import ProxyConfig
from kubesim.proxy.config import MODES
from kubesim.sim import run
from kubesim.testing.clusters import checked_cluster
from kubesim.testing.strategies import FaultAt, fault_schedules

PROCESSES = ("kube-proxy/node-1", "kube-proxy/node-2", "apiserver", "kubelet/node-3")
SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"clusterIP": "10.96.7.7", "selector": {"app": "web"}, "ports": [{"port": 80}]},
}
troubles = st.sampled_from([5.0, 100.0]).flatmap(
    lambda seconds: fault_schedules(until_seconds=seconds, processes=PROCESSES)
)
actions = st.lists(
    st.sampled_from(
        ["scale deployment web --replicas=1", "scale deployment web --replicas=4", "rollout restart deployment/web"]
    ),
    min_size=1,
    max_size=2,
)


async def ask(cluster: SimCluster, node: str) -> Reply:
    """A request of a process on a node."""
    connection = Connection(cluster.pod_network.kernels[node].address, "10.96.7.7", 80, data=HttpCall())
    reply: Reply = await cluster.sim.network.request(node, kernel_of(node), connection)
    return reply


async def live_through(commands: list[str], faults: list[FaultAt], mode: str) -> None:
    """Work and trouble at the same time, then a time of peace; then every node serves, and only from living Pods."""
    async with checked_cluster(nodes=3, seed=1, behavior="hollow", proxy=ProxyConfig(mode=mode)) as cluster:
        await cluster.kubectl.run("create deployment web --image=nginx --replicas=3")
        await cluster.apply(SERVICE)
        began = cluster.sim.clock.now()
        for fault in faults:
            await asyncio.sleep(max(0.0, began + fault.seconds - cluster.sim.clock.now()))
            fault.inject(cluster.faults)
        for command in commands:
            await cluster.run_for(60)
            await cluster.kubectl.run(command)
        await cluster.run_for(700)  # Evictions take 300 s, back-offs a few minutes more.
        await cluster.settle()
        alive = {pod.name for pod in cluster.all(PODS)}
        for node in ("node-1", "node-2", "node-3"):
            replies = [await ask(cluster, node) for _ in range(6)]
            assert {reply.outcome for reply in replies} == {ANSWERED}, node
            assert {reply.pod for reply in replies} <= alive


@settings(max_examples=10, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions, troubles, st.sampled_from(MODES))
def test_no_dead_pod_is_served_once_all_is_repaired(commands: list[str], faults: list[FaultAt], mode: str) -> None:
    """Teaches: a kube-proxy works from the state that it finds: what it missed does no harm once it lists again."""
    run(lambda: live_through(commands, faults, mode))
