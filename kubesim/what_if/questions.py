"""The questions about what is there: a node is drained or dies, a workload gets another size."""

from __future__ import annotations

import asyncio

from kubesim.api.errors import ApiError, NotFoundError, TooManyRequestsError
from kubesim.api.meta import controller_of
from kubesim.api.resources import DEPLOYMENTS, EVENTS, NODES, REPLICA_SETS, STATEFUL_SETS
from kubesim.client.kubectl import KubectlError
from kubesim.cluster import SimCluster
from kubesim.what_if.answer import Answer, Blocked
from kubesim.what_if.asking import calm
from kubesim.what_if.errors import WhatIfError
from kubesim.what_if.tracking import Seen, Tracker, pods_of

RETRY_SECONDS = 5.0  # As kubectl drain.
MIRROR = "kubernetes.io/config.mirror"
SCALABLE = {"deployment": DEPLOYMENTS, "statefulset": STATEFUL_SETS, "replicaset": REPLICA_SETS}
SHORT = {"deploy": "deployment", "deployments": "deployment", "sts": "statefulset", "statefulsets": "statefulset",
         "rs": "replicaset", "replicasets": "replicaset"}  # fmt: skip


async def drain(cluster: SimCluster, nodes: tuple[str, ...], seconds: float) -> Answer:
    """As `kubectl drain --ignore-daemonsets --force`: cordons, then evicts, again and again where a budget refuses."""
    check_nodes(cluster, nodes)
    tracker = Tracker(cluster)
    for name in nodes:
        await cluster.kubectl.run(f"cordon {name}")
    waiting = [pod for pod in pods_of(cluster) if pod.node in nodes and must_leave(pod)]
    refused: dict[str, str] = {}
    left: dict[str, float] = {}
    while waiting and tracker.seconds < seconds:
        for pod in list(waiting):
            message = await evicted(cluster, pod)
            if message:
                refused.setdefault(pod.key, message)
            else:
                left[pod.key] = round(tracker.seconds, 3)
                waiting.remove(pod)
        await asyncio.sleep(RETRY_SECONDS if waiting else 0)
    await calm(cluster, max(seconds - tracker.seconds, RETRY_SECONDS))
    blocked = tuple(Blocked(key, message, left.get(key)) for key, message in refused.items())
    staying = sum(pod.node in nodes and not must_leave(pod) for pod in pods_of(cluster))
    notes = (f"{staying} Pods of DaemonSets (or static ones) stay",) if staying else ()
    return Answer(f"drain {' '.join(nodes)}", tracker.moves(), blocked, notes)


def must_leave(pod: Seen) -> bool:
    """Pods of DaemonSets would come back at once, and mirrors only show what the kubelet runs."""
    owner = controller_of(pod.object)
    return (owner is None or owner["kind"] != "DaemonSet") and MIRROR not in (
        pod.object["metadata"].get("annotations") or {}
    )


async def evicted(cluster: SimCluster, pod: Seen) -> str:
    """Asks a Pod to leave; why it may not, or "" if it may."""
    namespace, _, name = pod.key.partition("/")
    try:
        await cluster.client.evict(namespace, name)
    except TooManyRequestsError as error:
        causes = (error.details or {}).get("causes") or ()
        return " ".join([error.message, *(str(each.get("message", "")) for each in causes)])
    except NotFoundError:
        return ""
    except ApiError as error:
        return error.message
    return ""


async def crash(cluster: SimCluster, nodes: tuple[str, ...], seconds: float) -> Answer:
    """The machines lose their power, and nobody tells the control plane."""
    check_nodes(cluster, nodes)
    tracker = Tracker(cluster)
    for name in nodes:
        cluster.faults.crash(name)
    await cluster.run_for(seconds)
    await calm(cluster, RETRY_SECONDS)
    lost = {pod.key for pod in tracker.before.values() if pod.node in nodes}
    moves = tracker.moves()
    staying = len(lost - {move.pod for move in moves})
    notes = (
        (f"{staying} Pods stay on what is dead: DaemonSets tolerate it, others longer than this",) if staying else ()
    )
    return Answer(f"crash {' '.join(nodes)}", moves, (), notes)


async def scale(cluster: SimCluster, target: str, replicas: int, namespace: str, seconds: float) -> Answer:
    """Another number of replicas."""
    kind, _, name = target.partition("/")
    row = SCALABLE.get(SHORT.get(kind.lower(), kind.lower()))
    if row is None or not name:
        raise WhatIfError(f'"{target}" cannot be scaled; write deployment/NAME, statefulset/NAME or replicaset/NAME')
    if cluster.get(row, f"{namespace}/{name}") is None:
        raise WhatIfError(f'{row.plural}.{row.group} "{name}" not found in the namespace "{namespace}"')
    tracker = Tracker(cluster)
    try:
        await cluster.kubectl.run(f"scale {row.singular}/{name} --replicas={replicas} -n {namespace}")
    except (ApiError, KubectlError) as error:
        raise WhatIfError(str(error)) from None
    await calm(cluster, seconds)
    refusals = dict.fromkeys(
        event.object["message"]
        for event in cluster.all(EVENTS)
        if event.object.get("reason") == "FailedCreate" and event.object["metadata"].get("namespace") == namespace
    )
    blocked = tuple(Blocked(f"{namespace}/{name}", message, None) for message in list(refusals)[:1])
    return Answer(f"scale {target} to {replicas}", tracker.moves(), blocked)


def check_nodes(cluster: SimCluster, nodes: tuple[str, ...]) -> None:
    """WhatIfError if there is no such node."""
    for name in nodes:
        if cluster.get(NODES, name) is None:
            there = ", ".join(node.name for node in cluster.all(NODES))
            raise WhatIfError(f'nodes "{name}" not found; there are {there}')
