"""What is recorded of every attempt to place a Pod: enough to tell the story, cheap enough for every Pod.

The whole table (node by plugin) is made by `kubesim.scheduler.explain`: at once where somebody asked for it before
(`trace.details`), else on demand, from what the scheduler had `seen` of Pods and Nodes (revisions) and where its
search began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubesim.scheduler.algorithm import Decision
from kubesim.scheduler.evaluation import Evaluation
from kubesim.scheduler.framework.status import Status
from kubesim.scheduler.preemption.candidates import DryRun
from kubesim.scheduler.queued_pod import QueuedPod
from kubesim.scheduler.snapshot import Snapshot
from kubesim.scheduler.witness import Look
from kubesim.sim import Trace

EVENT = "scheduling_attempt"
NODES_SHOWN_MAX = 10


def record(
    trace: Trace, queued: QueuedPod, decision: Decision, snapshot: Snapshot, message: str = "", *,
    seen: tuple[int, int] = (0, 0), next_start: int = 0, look: Look | None = None, nominated: str = "",
) -> None:  # fmt: skip
    """Adds one `scheduling_attempt` to the trace. `next_start` is where the search after this one begins."""
    fields: dict[str, Any] = {"pod": queued.info.key, "uid": queued.uid, "attempt": queued.attempts}
    fields["nodes"] = len(snapshot)
    fields["seen"] = seen
    if decision.evaluation is not None:
        fields |= _search(decision.evaluation, snapshot)
        fields["start"] = (next_start - decision.evaluation.evaluated) % len(snapshot)
    elif decision.diagnosis is not None and decision.diagnosis.pre_filter_message:
        fields["rejected"] = {decision.diagnosis.pre_filter_message: len(snapshot)}
    if decision.node:
        fields["chosen"] = decision.node
    if message:
        fields["message"] = message
        dry_run = decision.state.read(DryRun.KEY)
        if dry_run is not None:
            fields["offset"] = dry_run.offset
    if nominated:
        fields["nominated"] = nominated
    if look is not None:
        fields["table"] = look.table
    trace.emit(EVENT, **fields)


def record_error(trace: Trace, queued: QueuedPod, message: str) -> None:
    """An attempt that failed for another reason than the plugins' verdicts."""
    trace.emit(EVENT, pod=queued.info.key, uid=queued.uid, attempt=queued.attempts, error=message)


def _search(evaluation: Evaluation, snapshot: Snapshot) -> dict[str, Any]:
    fields: dict[str, Any] = {"evaluated": evaluation.evaluated, "feasible": len(evaluation.feasible)}
    if len(evaluation.feasible) < evaluation.evaluated:
        fields["rejected"] = _by_reason(evaluation.rejections())
    if len(evaluation.totals):
        fields["scores"] = _best(evaluation, snapshot)
    return fields


def _by_reason(rejections: Mapping[Status, int]) -> dict[str, int]:
    """Reason → how many nodes gave it, the most frequent first."""
    counts: dict[str, int] = {}
    for status, count in rejections.items():
        for reason in status.reasons:
            counts[reason] = counts.get(reason, 0) + count
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _best(evaluation: Evaluation, snapshot: Snapshot) -> dict[str, int]:
    """The best nodes and their totals, best first."""
    nodes = snapshot.nodes
    return {nodes[index].name: total for index, total in evaluation.ranking(NODES_SHOWN_MAX)}
