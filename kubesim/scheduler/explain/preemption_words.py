"""What preemption tried: which nodes, who would have to leave each, who is spared, and why one of them was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.scheduler.explain.seen import counted, listed
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.preemption.candidates import Candidate, DryRun
from kubesim.scheduler.preemption.selection import rounds

Told = dict[str, Any]


def preemption_told(search: DryRun, chosen: str) -> Told:
    """The dry run as plain data: `candidates` could be cleared, of the `hopeless` it is said why not."""
    hopeless: dict[str, list[str]] = {}
    for node, status in search.statuses.items():
        hopeless.setdefault(status.message, []).append(node)
    told: Told = {"considered": len(search.candidates) + len(search.statuses), "helpable": search.helpable}
    if search.candidates:
        told["candidates"] = [_candidate(candidate) for candidate in search.candidates]
    if hopeless:
        told["hopeless"] = [{"nodes": nodes, "reason": reason} for reason, nodes in hopeless.items()]
    if chosen:
        told |= {"node": chosen, "because": why_chosen(search.candidates, chosen)}
    return told


def _candidate(candidate: Candidate) -> Told:
    protected = {pod.uid for pod in candidate.protected}
    victims = [
        _pod(victim) | ({"budget": "overdrawn"} if victim.uid in protected else {}) for victim in candidate.victims
    ]
    told: Told = {"node": candidate.node, "victims": victims}
    if candidate.spared:
        told["spared"] = [_pod(pod) | {"because": _why_spared(pod.uid in protected)} for pod in candidate.spared]
    return told


def _pod(pod: PodInfo) -> Told:
    return {"pod": pod.key, "priority": pod.priority}


def _why_spared(is_protected: bool) -> str:
    if is_protected:
        return "it was asked to stay first, since a PodDisruptionBudget would be overdrawn; there is room for both"
    return "there is room for both"


def why_chosen(candidates: Sequence[Candidate], chosen: str) -> str:
    """The criteria that told candidates apart, one after another, until one was left."""
    if len(candidates) == 1:
        return "no other node can be cleared"
    decided = []
    for criterion, left, beaten in rounds(candidates):
        names = listed(candidate.node for candidate in left)
        decided.append(f"{criterion}: {names} before {listed(candidate.node for candidate in beaten)}")
    alike = [candidate.node for candidate in _last_left(candidates)]
    if len(alike) > 1:
        decided.append(f"{listed(alike)} are alike then, and {chosen} was found first")
    return "; ".join(decided)


def _last_left(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    left = candidates
    for _, remaining, _ in rounds(candidates):
        left = remaining
    return left


def in_sentences(told: Told) -> list[str]:
    """The dry run, a sentence a line."""
    considered = told["considered"]
    lines = [f"Preemption: {counted(considered, 'node')} looked at where Pods of lower priority might make room."]
    if not told.get("helpable"):
        lines = ["Preemption: no node could be helped by Pods leaving it."]
    for candidate in told.get("candidates", ()):
        victims = listed(f"{one['pod']} (priority {one['priority']}{_of_budget(one)})" for one in candidate["victims"])
        lines.append(f"  {candidate['node']}: {victims} would have to leave")
        lines += [
            f"    {one['pod']} (priority {one['priority']}) is spared: {one['because']}"
            for one in candidate.get("spared", ())
        ]
    for group in told.get("hopeless", ()):
        lines.append(f"  {listed(group['nodes'])}: {group['reason']}")
    if told.get("node"):
        lines.append(f"  {told['node']} is chosen: {told['because']}.")
    return lines


def _of_budget(victim: Told) -> str:
    return ", although its PodDisruptionBudget is overdrawn" if victim.get("budget") else ""
