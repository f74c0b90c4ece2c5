"""Why a Pod could not be scheduled, in kube-scheduler's words.

    0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate,
    preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims …

Reasons are counted over the nodes and sorted as texts, number included, so "10 …" comes before "2 …".
Upstream: `FitError` in pkg/scheduler/framework/types.go.
"""

from __future__ import annotations

from collections import Counter

from kubesim.scheduler.framework.interface import Diagnosis

NO_NODES = "no nodes available to schedule pods"
EVENT_MESSAGE_LENGTH_MAX = 1024


def fit_error(nodes: int, diagnosis: Diagnosis) -> str:
    """The whole text for a cluster of `nodes` nodes."""
    text = f"0/{nodes} nodes are available:"
    if diagnosis.pre_filter_message:
        text += f" {diagnosis.pre_filter_message}."
    elif reasons := count_reasons(nodes, diagnosis):
        text += f" {', '.join(sorted(f'{count} {reason}' for reason, count in reasons.items()))}."
    if diagnosis.post_filter_message:
        text += f" {diagnosis.post_filter_message}"
    return text


def count_reasons(nodes: int, diagnosis: Diagnosis) -> dict[str, int]:
    """Reason → how many nodes gave it; a node may give several."""
    counts: dict[str, int] = {}
    verdicts = diagnosis.node_to_status.values()
    different = dict(zip(map(id, verdicts), verdicts, strict=True))  # Thousands of nodes share a few.
    statuses = [(different[key], count) for key, count in Counter(map(id, verdicts)).items()]
    absent = nodes - len(verdicts)
    if absent > 0:
        statuses.append((diagnosis.absent_nodes_status, absent))
    for status, count in statuses:
        for reason in status.reasons:
            counts[reason] = counts.get(reason, 0) + count
    return counts


def shorten(message: str) -> str:
    """An event's message is at most 1024 characters long."""
    if len(message) <= EVENT_MESSAGE_LENGTH_MAX:
        return message
    return f"{message[: EVENT_MESSAGE_LENGTH_MAX - 4]} ..."
