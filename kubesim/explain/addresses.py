"""Who had an address, and since when it is nobody's: why a connection died where it did."""

from __future__ import annotations

import asyncio

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.resources import NODES, PODS
from kubesim.api.stored import Stored
from kubesim.api.traffic import REFUSED, Reply
from kubesim.api.wire import DELETED, Options
from kubesim.cluster import SimCluster
from kubesim.proxy.endpoint import Endpoint
from kubesim.proxy.kernel import Kernel
from kubesim.recording.facts import condition


async def story_of(cluster: SimCluster, reply: Reply) -> str:
    """Why a connection to `reply.address` failed, in a sentence; "" if there is no more to say than its reason."""
    present = next((pod for pod in cluster.all(PODS) if _ip(pod) == reply.address and not _is_host(pod)), None)
    if present is not None:
        return _of_pod(present, reply) if reply.outcome == REFUSED else _of_node(cluster, present)
    for kernel in cluster.pod_network.kernels.values():
        if (found := _known_as(kernel, reply)) is not None:
            return await _of_the_dead(cluster, kernel, *found)
    return ""


def _of_pod(pod: Stored, reply: Reply) -> str:
    """A Pod that refuses."""
    states = [
        (each["name"], next(iter(each.get("state") or {"waiting": {}}), "waiting"), each.get("restartCount", 0))
        for each in (pod.object.get("status") or {}).get("containerStatuses") or ()
    ]
    idle = [f"{name} is {state} (restarts: {restarts})" for name, state, restarts in states if state != "running"]
    if idle:
        return f"the Pod {pod.key} has the address, but {', '.join(idle)}"
    return f"the Pod {pod.key} runs, but nobody in it listens at port {reply.port}"


def _of_node(cluster: SimCluster, pod: Stored) -> str:
    """A Pod that does not answer although it is there: its machine may be dead."""
    name = pod.object["spec"].get("nodeName", "")
    network = cluster.sim.network
    if name and network.is_down(name):
        node = cluster.get(NODES, name)
        ready = condition(node.object, "Ready").get("status", "Unknown") if node is not None else "gone"
        return f"the Pod {pod.key} is on {name}, whose machine is down (the cluster says Ready={ready})"
    return ""


def _known_as(kernel: Kernel, reply: Reply) -> tuple[str, Endpoint, int] | None:
    """The namespace and the endpoint that a node's rules know by this address, and the revision that they are of."""
    table = kernel.table
    for entry in table.entries():
        for port in entry.ports:
            for endpoint in entry.endpoints(port):
                if endpoint.ip == reply.address:
                    return port.namespace, endpoint, table.revision
    return None


async def _of_the_dead(cluster: SimCluster, kernel: Kernel, namespace: str, endpoint: Endpoint, revision: int) -> str:
    """A Pod that is gone and still in a node's rules."""
    knows = f"{kernel.name}'s kube-proxy still knows {endpoint.ip}"
    name = endpoint.pod
    if not name:
        return f"{knows}; no Pod has this address"
    if (pod := cluster.get(PODS, f"{namespace}/{name}")) is not None:
        phase = (pod.object.get("status") or {}).get("phase", "")
        return f"{knows}; the Pod {namespace}/{name} has ended ({phase})"
    seconds = await _deleted_for(cluster, namespace, name, revision)
    since = f"was deleted {seconds:.0f} s ago" if seconds is not None else "is deleted"
    return f"{knows}; the Pod {namespace}/{name} {since}"


async def _deleted_for(cluster: SimCluster, namespace: str, name: str, revision: int) -> float | None:
    """How long ago a Pod was deleted, if the history since `revision` tells."""
    options = Options(resource_version=str(revision), field_selector=f"metadata.name={name}")
    try:
        stream = await cluster.client.watch(PODS, namespace, options)
        try:
            async with asyncio.timeout(0):
                while events := await stream.next():
                    for event in events:
                        origin = cluster.sim.trace.origins.get(event.stored.revision)
                        if event.type == DELETED and origin is not None:
                            return cluster.sim.clock.now() - origin.time_ns / 1e9
        finally:
            stream.close()
    except (ApiError, TransportError, TimeoutError):
        return None
    return None


def _ip(pod: Stored) -> str:
    ip: str = (pod.object.get("status") or {}).get("podIP", "")
    phase = (pod.object.get("status") or {}).get("phase", "")
    return ip if phase not in ("Succeeded", "Failed") else ""


def _is_host(pod: Stored) -> bool:
    return bool(pod.object["spec"].get("hostNetwork"))
