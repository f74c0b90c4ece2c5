"""Looks at attempts while they happen, for whoever asked before: a trace that is written, annotations on Pods.

When nobody asked, an attempt costs nothing more: what it takes to find out later (revisions that were seen, where the
search began) is in its record, and `kubesim.scheduler.explain.hindsight` starts from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.resources import PODS
from kubesim.client.client import Client
from kubesim.client.informer import Informer
from kubesim.scheduler.algorithm import Decision, SchedulingAlgorithm
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.framework.status import Status
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.preemption.candidates import DryRun
from kubesim.sim import Trace

if TYPE_CHECKING:  # The words cost start-up time that only an explanation is worth.
    from kubesim.scheduler.explain import Explanation

DETAIL = "scheduling_attempt"


class Look(msgspec.Struct, frozen=True):
    """What was seen of one attempt."""

    table: dict[str, Any]
    explanation: Explanation
    nominated: str = ""


class Witness:
    """Explains attempts of one scheduler while its snapshot is as it was."""

    def __init__(
        self, trace: Trace, client: Client, algorithm: SchedulingAlgorithm, pods: Informer, *, annotates: bool,
        has_extenders: bool = False,
    ) -> None:  # fmt: skip
        self._trace = trace
        self._client = client
        self._algorithm = algorithm
        self._pods = pods
        self._annotates = annotates
        self._has_extenders = has_extenders

    @property
    def is_needed(self) -> bool:
        """Whether somebody wants to know."""
        return self._annotates or DETAIL in self._trace.details

    def look(self, framework: Framework, pod: PodInfo, decision: Decision, nominated: str) -> Look:
        """Explains a decision that has just been made."""
        from kubesim.scheduler.explain import explain, told

        snapshot = self._algorithm.snapshot
        looked_at = None
        if decision.evaluation is not None:
            start = self._algorithm.next_start_index - decision.evaluation.evaluated
            looked_at = search(start, decision.evaluation.evaluated, len(snapshot))
        if decision.node and pod.pod.status.nominated_node_name == decision.node:
            looked_at = [snapshot.index[decision.node]]  # The node that it was promised, and no other.
        explanation = explain(
            framework, snapshot, pod, looked_at, outside=_said_outside(decision) if self._has_extenders else None
        )
        return Look(told(explanation, decision.state.read(DryRun.KEY), nominated), explanation, nominated)

    async def annotate(self, framework: Framework, pod: PodInfo, look: Look, node: str = "") -> None:
        """Writes the attempt on the Pod, if that is wanted; with the status, which a scheduler may change."""
        if not self._annotates:
            return
        stored = self._pods.get(pod.key)
        if stored is None or stored.uid != pod.stored.uid:
            return
        from kubesim.scheduler.explain.annotations import annotations_of, with_history

        known = stored.object["metadata"].get("annotations") or {}
        found = annotations_of(framework, look.explanation, node, look.nominated)
        patch = {"metadata": {"uid": pod.uid, "annotations": with_history(found, known)}}
        try:
            await self._client.patch(PODS, pod.name, patch, pod.namespace, subresource="status")
        except (ApiError, TransportError) as error:
            self._trace.emit("attempt_not_annotated", pod=pod.key, error=str(error))


def _said_outside(decision: Decision) -> dict[str, Status]:
    """What extenders said of nodes that the plugins had nothing against."""
    if decision.evaluation is None:
        return {}
    verdicts = decision.evaluation.diagnose().node_to_status
    return {node: status for node, status in verdicts.items() if not status.plugin}


def search(start: int, evaluated: int, count: int) -> list[int]:
    """The indices of the nodes that a search came past."""
    return [(start + step) % count for step in range(evaluated)]
