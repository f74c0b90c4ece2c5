"""A kubelet on the real apiserver and store: patches, preconditions, selectors and rights are accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kubesim.api.resources import EVENTS, LEASES, NODES, PODS, SERVICE_ACCOUNTS
from kubesim.api.views import Lease, Node, Pod
from kubesim.api.wire import ClientCertificate
from kubesim.apiserver import ApiServer
from kubesim.client.client import Client
from kubesim.client.in_process import InProcessTransport
from kubesim.etcd.member import Member
from kubesim.kubelet import Kubelet, NodeConfig
from kubesim.sim import Simulation

ADMIN = ClientCertificate("kubernetes-admin", ("system:masters",))


@asynccontextmanager
async def cluster(sim: Simulation, behavior: str) -> AsyncIterator[tuple[Client, list[asyncio.Task[None]]]]:
    """An apiserver and two kubelets; an administrator's client and the kubelets' tasks."""
    server = ApiServer(sim, Member(sim))
    await server.start()
    admin = Client(InProcessTransport(sim, server, source="kubectl"), "kubectl", ADMIN)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}
    await admin.create(SERVICE_ACCOUNTS, account)
    tasks = []
    for name in ("node-1", "node-2"):
        sim.network.attach(f"kubelet/{name}", name)
        transport = InProcessTransport(sim, server, source=f"kubelet/{name}")
        client = Client(transport, "kubelet", ClientCertificate(f"system:node:{name}", ("system:nodes",)))
        tasks.append(sim.loop.create_task(Kubelet(sim, client, NodeConfig(name), behavior=behavior).run()))
    await asyncio.sleep(1)
    try:
        yield admin, tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.stop()


def pod(name: str, node: str, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "nginx:1.27", "resources": {"requests": {"cpu": "100m"}}}]
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": node, "containers": containers, **spec},
    }  # fmt: skip


async def test_pods_run_on_the_node_that_they_are_bound_to(sim: Simulation) -> None:
    """Teaches: a kubelet sees only its own Pods and writes only their status."""
    async with cluster(sim, "plausible") as (admin, _):
        for name, node in (("a", "node-1"), ("b", "node-2")):
            await admin.create(PODS, pod(name, node))
        await asyncio.sleep(10)
        views = [stored.view(Pod) for stored in (await admin.list(PODS)).items]
        assert [(each.status.phase, each.status.pod_ip, each.status.host_ip) for each in views] == [
            ("Running", "10.244.1.2", "192.168.49.2"),
            ("Running", "10.244.2.2", "192.168.49.3"),
        ]
        kinds = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        assert [condition.type for condition in views[0].status.conditions] == kinds
        assert all(condition.status == "True" for condition in views[0].status.conditions)
        assert views[0].status.qos_class == "Burstable"
        events = [stored.object for stored in (await admin.list(EVENTS)).items]
        reasons = {event["reason"] for event in events if event["involvedObject"]["name"] == "a"}
        assert reasons == {"Pulling", "Pulled", "Created", "Started"}


async def test_nodes_and_leases_are_accepted(sim: Simulation) -> None:
    """Teaches: registration, readiness and heartbeats as the apiserver keeps them."""
    async with cluster(sim, "hollow") as (admin, _):
        await asyncio.sleep(30)
        nodes = [stored.view(Node) for stored in (await admin.list(NODES)).items]
        ready = [[each.status for each in node.status.conditions if each.type == "Ready"] for node in nodes]
        assert ready == [["True"], ["True"]]
        leases = (await admin.list(LEASES)).items
        assert [lease.name for lease in leases] == ["node-1", "node-2"]
        assert all(sim.clock.since(lease.view(Lease).spec.renew_time) <= 10.4 for lease in leases)


async def test_a_deleted_pod_goes_after_its_containers(sim: Simulation) -> None:
    """Teaches: the kubelet's final delete, with grace 0 and the UID as precondition."""
    async with cluster(sim, "hollow") as (admin, _):
        await admin.create(PODS, pod("a", "node-1"))
        await asyncio.sleep(2)
        await admin.delete(PODS, "a", "default")
        assert len((await admin.list(PODS)).items) == 1
        await asyncio.sleep(1)
        assert (await admin.list(PODS)).items == []


async def test_a_crashed_kubelet_simply_stops(sim: Simulation) -> None:
    """Teaches: nobody is told; the lease stays as it was, and so does the Pod."""
    async with cluster(sim, "hollow") as (admin, tasks):
        await admin.create(PODS, pod("a", "node-1"))
        await asyncio.sleep(20)
        sim.network.take_down("kubelet/node-1")
        tasks[0].cancel()
        await asyncio.sleep(0)
        before = (await admin.get(LEASES, "node-1", "kube-node-lease")).revision
        await admin.delete(PODS, "a", "default")
        await asyncio.sleep(100)
        assert (await admin.get(LEASES, "node-1", "kube-node-lease")).revision == before
        assert (await admin.get(PODS, "a", "default")).view(Pod).status.phase == "Running"
