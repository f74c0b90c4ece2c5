"""The scheduler in the manner of Kubernetes' own scheduler_perf: Pods per second until all are bound.

Apiserver, store, informers, leader election and Events are the real ones; there are no controllers and no kubelets, so
nodes are objects that somebody wrote, as scheduler_perf's are. The Pods are there before the scheduler starts. Measured
is the processor time of the only thread from the scheduler's first attempt until an informer has seen the last binding:
starting, listing and becoming the leader are not counted; Events and conditions are. So what other programs on the
machine do does not disturb the figure.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from benchmarks.measure import Figure
from kubesim.api.meta import with_fields
from kubesim.api.resources import NAMESPACES, NODES, PODS, PRIORITY_CLASSES, SERVICE_ACCOUNTS
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import ClientCertificate
from kubesim.apiserver import ApiServer
from kubesim.client.client import Client
from kubesim.client.in_process import InProcessTransport
from kubesim.client.informer import Informers
from kubesim.cluster import ADMIN
from kubesim.etcd import Member
from kubesim.scheduler import Scheduler
from kubesim.scheduler.attempt import EVENT
from kubesim.scheduler.scheduler import NAME
from kubesim.sim import Record, Simulation, Tasks, run

ZONES = 3
HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
CREDENTIAL = ClientCertificate("system:kube-scheduler")
MakePod = Callable[[int], Object]


class Workload(NamedTuple):
    """So many nodes, with Pods on them that do not count, and Pods to place that do."""

    nodes: int
    pods: int
    make: MakePod
    running: int = 0
    make_running: MakePod | None = None


def scheduling() -> list[Figure]:
    """The five workloads with a budget."""
    return [
        figure("5,000 nodes, plain", Workload(5000, 10_000, plain), 2000),
        figure("500 nodes, plain", Workload(500, 5_000, plain), 3000),
        figure("5,000 nodes, required anti-affinity", Workload(5000, 2_000, apart, 1_000, apart), 500),
        figure("5,000 nodes, preferred spread over zones", Workload(5000, 2_000, spread, 1_000, plain), 500),
        figure("1,000 full nodes, preemption", Workload(1000, 1_000, important, 4_000, unimportant), 200),
    ]


def figure(what: str, workload: Workload, budget: float) -> Figure:
    """One workload in a cluster of its own."""
    return Figure(f"scheduler, {what}: bound", rate(workload), "Pods per s", "≥", budget)


def scheduling_curve() -> list[Figure]:
    """What a plain Pod costs on more and more nodes: less than in proportion to the nodes."""
    sizes = (500, 1000, 2000, 5000)
    costs = [1e6 / rate(Workload(nodes, 4_000, plain)) for nodes in sizes]
    rows = [
        Figure(f"scheduler, {nodes:,} nodes: a plain Pod", cost, "µs") for nodes, cost in zip(sizes, costs, strict=True)
    ]
    return [*rows, Figure("the same, 5,000 nodes to 500", costs[-1] / costs[0], "times", "≤", sizes[-1] / sizes[0])]


def rate(workload: Workload) -> float:
    """Pods bound per second."""

    async def main() -> float:
        sim = Simulation()
        server = ApiServer(sim, Member(sim))
        await server.start()
        await prepare(client_of(server, "kubectl", ADMIN), workload)
        await asyncio.sleep(1)
        seconds = await seconds_to_bind(server, workload.pods)
        await server.stop()
        return workload.pods / seconds

    return run(main)


def client_of(server: ApiServer, name: str, credential: ClientCertificate) -> Client:
    """A client in the same process."""
    return Client(InProcessTransport(server.sim, server, source=name), name, credential, field_manager=name)


async def prepare(client: Client, workload: Workload) -> None:
    """Writes nodes and Pods."""
    await client.create(NAMESPACES, {"metadata": {"name": "bench"}})
    await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "bench")
    await client.create(PRIORITY_CLASSES, {"metadata": {"name": "important"}, "value": 10})
    for number in range(workload.nodes):
        made = await client.create(NODES, node(number))
        await client.update(NODES, with_fields(made.object, {"taints": None}, "spec"))  # Admission adds not-ready.
    for number in range(workload.running):
        assert workload.make_running is not None, "Pods that run already are made somehow"
        there = pod(f"running-{number}", workload.make_running(number))
        there["spec"]["nodeName"] = name_of(number % workload.nodes)
        await client.create(PODS, there, "bench")
    for number in range(workload.pods):
        await client.create(PODS, pod(f"pod-{number}", workload.make(number)), "bench")


async def seconds_to_bind(server: ApiServer, pods: int) -> float:
    """Starts a scheduler and waits until it has bound so many Pods."""
    started, bound, sim = 0.0, 0, server.sim
    all_bound = sim.loop.create_future()

    def see_attempt(record: Record) -> None:
        nonlocal started
        if not started and record.event == EVENT:
            started = time.process_time()

    def see_update(old: Stored, new: Stored) -> None:
        nonlocal bound
        if "nodeName" in new.object["spec"] and "nodeName" not in old.object["spec"]:
            bound += 1
            if bound == pods:
                all_bound.set_result(time.process_time())

    informers = Informers(sim, client_of(server, "benchmark", ADMIN))
    informers.of(PODS).add_handler(on_update=see_update)
    sim.trace.subscribe(see_attempt)
    async with Tasks("benchmark") as tasks:
        tasks.spawn(informers.run(), "informers")
        await informers.wait_synced()
        gc.collect()
        import_module("kubesim.scheduler.columns")  # With numpy: loaded by whoever has as many nodes.
        tasks.spawn(Scheduler(sim, client_of(server, NAME, CREDENTIAL)).run(), "scheduler")
        ended: float = await all_bound
        return ended - started


def name_of(number: int) -> str:
    """The name of a node."""
    return f"node-{number:05}"


def node(number: int) -> Object:
    """4 processors, 32 GiB, in one of three zones: scheduler_perf's node."""
    name = name_of(number)
    capacity = {"cpu": "4", "memory": "32Gi", "pods": "110"}
    labels = {HOSTNAME: name, ZONE: f"zone-{number % ZONES}"}
    conditions = [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]
    status = {"capacity": capacity, "allocatable": capacity, "conditions": conditions}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": status}


def pod(name: str, spec: Object) -> Object:
    """A Pod of the benchmark; `labels` are taken out of its spec."""
    spec = {"terminationGracePeriodSeconds": 0, **spec}
    labels = spec.pop("labels", {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def plain(_: int) -> Object:
    """100m of a processor and 500 MiB."""
    return requesting("100m")


def requesting(cpu: str) -> Object:
    """One container that asks for something."""
    resources = {"requests": {"cpu": cpu, "memory": "500Mi"}}
    return {"containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10", "resources": resources}]}


def apart(number: int) -> Object:
    """Never two of them on one node."""
    selector = {"matchLabels": {"color": "green"}}
    term = {"labelSelector": selector, "topologyKey": HOSTNAME}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    return {**plain(number), "labels": {"color": "green"}, "affinity": affinity}


def spread(number: int) -> Object:
    """Better in another zone than most of them."""
    constraint: dict[str, Any] = {"maxSkew": 5, "topologyKey": ZONE, "whenUnsatisfiable": "ScheduleAnyway"}
    constraint["labelSelector"] = {"matchLabels": {"color": "blue"}}
    return {**plain(number), "labels": {"color": "blue"}, "topologySpreadConstraints": [constraint]}


def unimportant(_: int) -> Object:
    """Four of them fill a node."""
    return requesting("900m")


def important(_: int) -> Object:
    """Three of those that fill a node have to go for it."""
    return {**requesting("3"), "priorityClassName": "important"}
