"""The scheduler in the manner of Kubernetes' own scheduler_perf: Pods per second until they are bound, binding included.

Apiserver, store, informers, leader election and Events are the real ones; there are no controllers and no kubelets, so
nodes are objects that somebody wrote, as scheduler_perf's are. The Pods are there before the scheduler starts. Measured
is the processor time of the (only) thread from the scheduler's first attempt until a watcher has seen the last binding:
starting, listing and becoming the leader are not counted; Events and conditions are. What other programs on the machine
do does not disturb the figure.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.measure import Figure
from kubesim.api.meta import with_fields
from kubesim.api.resources import NAMESPACES, NODES, PODS, PRIORITY_CLASSES, SERVICE_ACCOUNTS
from kubesim.api.stored import Object
from kubesim.api.wire import ClientCertificate
from kubesim.cluster import CONTROL_PLANE, SimCluster
from kubesim.recording import Change
from kubesim.scheduler import Scheduler
from kubesim.scheduler.attempt import EVENT
from kubesim.sim import Record, run

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
    figures = [Figure(f"scheduler, {nodes:,} nodes: a plain Pod", cost, "µs") for nodes, cost in zip(sizes, costs, strict=True)]
    return [*figures, Figure("the same, 5,000 nodes to 500", costs[-1] / costs[0], "times", "≤", sizes[-1] / sizes[0])]


def rate(workload: Workload) -> float:
    """Pods bound per second."""

    async def main() -> float:
        async with SimCluster(0, without=("scheduler", "controller-manager")) as cluster:
            await prepare(cluster, workload)
            return workload.pods / await seconds_to_bind(cluster, workload.pods)

    return run(main)


async def prepare(cluster: SimCluster, workload: Workload) -> None:
    """Writes nodes and Pods."""
    client = cluster.client
    await client.create(NAMESPACES, {"metadata": {"name": "bench"}})
    await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "bench")
    await client.create(PRIORITY_CLASSES, {"metadata": {"name": "important"}, "value": 10})
    for number in range(workload.nodes):
        made = await client.create(NODES, node(number))
        await client.update(NODES, with_fields(made.object, {"taints": None}, "spec"))  # Admission adds not-ready.
    for number in range(workload.running):
        assert workload.make_running is not None, "Pods that run already are made somehow"
        made = pod(f"running-{number}", workload.make_running(number))
        made["spec"]["nodeName"] = name_of(number % workload.nodes)
        await client.create(PODS, made, "bench")
    for number in range(workload.pods):
        await client.create(PODS, pod(f"pod-{number}", workload.make(number)), "bench")
    await cluster.run_for(1)


async def seconds_to_bind(cluster: SimCluster, pods: int) -> float:
    """Starts a scheduler and waits until it has bound so many Pods."""
    started, bound = 0.0, 0

    def see_attempt(record: Record) -> None:
        nonlocal started
        if not started and record.event == EVENT:
            started = time.process_time()

    def see_change(change: Change) -> None:
        nonlocal bound
        if change.resource is PODS and change.old is not None and change.verb == "MODIFIED":
            bound += "nodeName" in change.object["spec"] and "nodeName" not in change.old.object["spec"]

    gc.collect()
    cluster.sim.trace.subscribe(see_attempt)
    cluster.observer.listen(see_change)
    sim = cluster.sim.on(cluster.faults.hosts[CONTROL_PLANE])
    client = cluster.client_for("scheduler", CREDENTIAL, field_manager="kube-scheduler")
    cluster.add("scheduler", lambda _: Scheduler(sim, client))
    await cluster.run_until(lambda: bound >= pods, what=f"{pods} Pods to be bound")
    return time.process_time() - started


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
