"""Graceful node shutdown: the kubelet holds up the end of its machine until its Pods have ended.

It hears of a shutdown from systemd, says at once that the node is not ready ("node is shutting down"), refuses new
Pods, and ends those that are there in order of priority: the less important first, the critical ones last, each group
for as long as its share of the grace period, or less if all have ended. The Pods stay in the API as Failed, reason
Terminated. Off by default, as upstream: then a machine that is shut down takes its Pods with it and tells nobody.
Upstream: pkg/kubelet/nodeshutdown. Left out: a shutdown that is cancelled.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Sequence

from kubesim.kubelet.configuration import KubeletConfiguration, PriorityGrace
from kubesim.kubelet.eviction.ranking import SYSTEM_CRITICAL
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.node_reporter import NodeReporter
from kubesim.kubelet.pod_state import DEFAULT_GRACE_SECONDS, PodState, Stage
from kubesim.kubelet.pod_workers import PodWorkers
from kubesim.sim import Simulation, because

TERMINATED = "Terminated"
MESSAGE = "Pod was terminated in response to imminent node shutdown."
REFUSED = ("NodeShutdown", "Pod was rejected: Pod was rejected as the node is shutting down.")
POLL_SECONDS = 0.1
MARGIN_SECONDS = 0.3  # systemd stops the kubelet a moment later: what SIGKILL has ended is still told.


class NodeShutdown:
    """The shutdown manager of one kubelet."""

    def __init__(self, sim: Simulation, node: NodeConfig, workers: PodWorkers, reporter: NodeReporter) -> None:
        self._clock = sim.clock
        self._node = node
        self._workers = workers
        self._reporter = reporter

    def admit(self, _: PodState) -> tuple[str, str] | None:
        """Reason and message why a Pod is not let in now."""
        return REFUSED if self._reporter.shutting_down else None

    async def run(self) -> None:
        """Returns when the machine may shut down."""
        configuration = self._node.configuration
        if not configuration.shuts_down_gracefully:
            return
        with because(f"shutdown of {self._node.name}"):
            self._reporter.event("NodeShutdown", "Shutdown manager detected shutdown event")
            self._reporter.shutting_down = True
            self._reporter.hurry()
            active = [pod for pod in self._workers.pods.values() if pod.stage in (Stage.SYNC, Stage.TERMINATING)]
            for grace_seconds, pods in groups(configuration, active):
                await self._end(pods, grace_seconds)

    async def _end(self, pods: Sequence[PodState], grace_seconds: float) -> None:
        """Ends one group; waits as long as it may."""
        deadline = self._clock.now() + grace_seconds + MARGIN_SECONDS
        for pod in pods:
            own = pod.spec.termination_grace_period_seconds
            seconds = min(grace_seconds, float(DEFAULT_GRACE_SECONDS if own is None else own))
            self._workers.kill(pod, (TERMINATED, MESSAGE), seconds, MESSAGE)
        while self._clock.now() < deadline:
            if all(pod.stage is Stage.FINISHED for pod in pods):
                return
            await asyncio.sleep(POLL_SECONDS)


def groups(configuration: KubeletConfiguration, pods: Sequence[PodState]) -> list[tuple[float, list[PodState]]]:
    """The Pods in the order in which they end, with the time that each group has."""
    shares = sorted(configuration.shutdown_grace_period_by_pod_priority, key=lambda each: each.priority)
    if not shares:
        critical = configuration.shutdown_grace_period_critical_pods
        rest = configuration.shutdown_grace_period - critical
        shares = [PriorityGrace(0, rest), PriorityGrace(SYSTEM_CRITICAL, critical)]
    found: list[tuple[float, list[PodState]]] = [(share.seconds, []) for share in shares]
    priorities = [share.priority for share in shares]
    for pod in pods:
        priority = pod.spec.priority or 0
        index = bisect_left(priorities, priority)
        if index == len(priorities) or (index > 0 and priorities[index] > priority):
            index -= 1  # Between two entries the lower one counts, above the last one that.
        found[index][1].append(pod)
    return found
