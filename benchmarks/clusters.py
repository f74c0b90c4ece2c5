"""Whole clusters: a lesson, many idle nodes, one large Deployment."""

from __future__ import annotations

from benchmarks.measure import Figure, now, resident_megabytes, whole_process
from kubesim.api.resources import PODS
from kubesim.cluster import SimCluster
from kubesim.recording import Change
from kubesim.sim import run


def lesson() -> list[Figure]:
    """`kubesim run node-failure` as a whole process."""
    seconds, megabytes = whole_process(["kubesim.cli.main", "run", "node-failure"])
    return [
        Figure("kubesim run node-failure, whole process", seconds, "s", "≤", 1.5),
        Figure("kubesim run node-failure, resident", megabytes, "MB", "≤", 150),
    ]


def idle(nodes: int = 1000, virtual_seconds: float = 120) -> list[Figure]:
    """Many nodes that only send heartbeats."""

    async def main() -> float:
        async with SimCluster(nodes, behavior="hollow") as cluster:
            await cluster.run_for(30)
            started = now()
            await cluster.run_for(virtual_seconds)
            return virtual_seconds / (now() - started)

    rate = run(main)
    return [Figure(f"{nodes} idle nodes with heartbeats", rate, "virtual s per s", "≥", 100)]


def large(nodes: int = 500, pods: int = 5000) -> list[Figure]:
    """One Deployment: until all Pods are placed, and until all are Running."""

    async def main() -> tuple[float, float, float]:
        async with SimCluster(nodes, behavior="hollow") as cluster:
            await cluster.run_for(10)
            before = resident_megabytes()
            progress = Progress()
            cluster.observer.listen(progress.see)
            started = now()
            await cluster.kubectl.run(f"create deployment web --image=nginx --replicas={pods}")
            await cluster.run_until(lambda: progress.placed >= pods, timeout_seconds=3600)
            placed = now() - started
            await cluster.run_until(lambda: progress.running >= pods, timeout_seconds=3600)
            return pods / placed, pods / (now() - started), (resident_megabytes() - before) / pods * 1024

    placed, running, kilobytes = run(main)
    size = f"{nodes} nodes, a Deployment of {pods}"
    return [
        Figure(f"{size}: placed", placed, "Pods per s", "≥", 1000),
        Figure(f"{size}: Running", running, "Pods per s", "≥", 500),
        Figure(f"{size}: memory of a Pod with its history", kilobytes, "kB"),
    ]


class Progress:
    """Counts Pods that were placed, and that came to run."""

    def __init__(self) -> None:
        self.placed = 0
        self.running = 0

    def see(self, change: Change) -> None:
        """A listener for the observer."""
        if change.resource is not PODS or change.old is None:
            return
        old, new = change.old.object, change.object
        self.placed += "nodeName" in new["spec"] and "nodeName" not in old["spec"]
        self.running += new["status"].get("phase") == "Running" and old["status"].get("phase") != "Running"
