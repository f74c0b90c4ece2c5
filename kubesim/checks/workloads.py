"""Invariants of workloads in a cluster in which nothing moves: not too many Pods, and no endpoint without one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kubesim.api.meta import controller_of
from kubesim.api.resources import ENDPOINT_SLICES, PODS, REPLICA_SETS, SERVICES
from kubesim.api.stored import Object
from kubesim.cluster import CONTROL_PLANE, SimCluster
from kubesim.recording.facts import condition

Broken = tuple[str, str, str]  # Invariant, about, text.
TERMINAL = ("Succeeded", "Failed")
SERVICE_NAME = "kubernetes.io/service-name"


def check_replica_sets(cluster: SimCluster) -> Iterator[Broken]:
    """A ReplicaSet may lack Pods (no room, no node), but it keeps none too many."""
    active: dict[str, int] = {}
    for pod in cluster.all(PODS):
        owner = controller_of(pod.object)
        if owner is not None and is_active(pod.object):
            active[owner["uid"]] = active.get(owner["uid"], 0) + 1
    for replica_set in cluster.all(REPLICA_SETS):
        wanted, count = replica_set.object["spec"].get("replicas", 1), active.get(replica_set.uid, 0)
        if count > wanted:
            about = f"ReplicaSet {replica_set.key}"
            yield "a settled ReplicaSet keeps no more Pods than it wants", about, f"{count} instead of {wanted}"


def check_endpoints(cluster: SimCluster) -> Iterator[Broken]:
    """The ready endpoints of a Service with a selector are the ready Pods that it selects."""
    if not is_running(cluster, "controller-manager"):
        return
    for service in cluster.all(SERVICES):
        selector = service.object["spec"].get("selector")
        if not selector or service.object["spec"].get("publishNotReadyAddresses"):
            continue
        ready = {
            pod.name
            for pod in cluster.all(PODS)
            if pod.namespace == service.namespace and is_ready(pod.object) and is_selected(selector, pod.object)
        }
        told = set(ready_endpoints(cluster, service.namespace, service.name))
        if told != ready:
            text = f"ready Pods: {listed(ready)}; ready endpoints: {listed(told)}"
            yield "the endpoints of a settled Service are its ready Pods", f"Service {service.key}", text


def ready_endpoints(cluster: SimCluster, namespace: str, service: str) -> Iterator[str]:
    """The names of the Pods behind the ready endpoints of a Service."""
    for item in cluster.all(ENDPOINT_SLICES):
        labels = item.object["metadata"].get("labels") or {}
        if item.namespace == namespace and labels.get(SERVICE_NAME) == service:
            for endpoint in item.object.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready"):
                    yield (endpoint.get("targetRef") or {}).get("name", "")


def is_active(pod: Object) -> bool:
    """Whether a Pod counts for its ReplicaSet: neither ended nor asked to."""
    return (pod.get("status") or {}).get("phase") not in TERMINAL and not pod["metadata"].get("deletionTimestamp")


def is_ready(pod: Object) -> bool:
    """Whether a Pod takes traffic: ready, and not asked to end."""
    return is_active(pod) and condition(pod, "Ready").get("status") == "True"


def is_selected(selector: Mapping[str, str], pod: Object) -> bool:
    """Whether the labels of a Pod match a Service's selector."""
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(name) == value for name, value in selector.items())


def listed(names: Iterable[str]) -> str:
    """Names in a sentence."""
    return ", ".join(sorted(names)) or "none"


def is_running(cluster: SimCluster, process: str) -> bool:
    """Whether a process of the control plane works now."""
    found = cluster.faults.hosts[CONTROL_PLANE].processes.get(process)
    return found is not None and found.is_running
