"""What a Job's podFailurePolicy and successPolicy say. Pure.

Upstream: pkg/controller/job/{pod_failure_policy,success_policy}.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.api.stored import Object
from kubesim.api.views import Pod
from kubesim.api.views.core_container import ContainerStatus
from kubesim.controllers.job_indexes import Intervals, parse_indexes, total


class Verdict(NamedTuple):
    """What one failed Pod means: the rule's action ("" if none fits), whether it counts, why the Job must fail."""

    action: str = ""
    counts: bool = True
    message: str = ""


def judge_failure(policy: Object | None, pod: Pod) -> Verdict:
    """The first rule that fits decides; without one the failure counts as any other."""
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        action = rule["action"]
        reason = matching_exit_code(rule, pod) or matching_condition(rule, pod)
        if reason:
            message = f"{reason} matching {action} rule at index {number}" if action == "FailJob" else ""
            return Verdict(action, action != "Ignore", message)
    return Verdict()


def matching_exit_code(rule: Object, pod: Pod) -> str:
    """How a container ended that the rule is about, "" if none did."""
    requirement: Object = rule.get("onExitCodes") or {}
    if not requirement:
        return ""
    statuses: Sequence[ContainerStatus] = (*pod.status.container_statuses, *pod.status.init_container_statuses)
    for status in statuses:
        if requirement.get("containerName") not in (None, status.name):
            continue
        ended = status.state.terminated if status.state else None
        if ended is None or ended.exit_code == 0:
            continue
        listed = ended.exit_code in requirement["values"]
        if listed == (requirement["operator"] == "In"):
            where = f"{pod.metadata.namespace}/{pod.metadata.name}"
            return f"Container {status.name} for pod {where} failed with exit code {ended.exit_code}"
    return ""


def matching_condition(rule: Object, pod: Pod) -> str:
    """The Pod's condition that the rule is about, "" if it has none such."""
    for pattern in rule.get("onPodConditions") or ():
        for condition in pod.status.conditions:
            if (condition.type, condition.status) == (pattern["type"], pattern.get("status", "True")):
                return f"Pod {pod.metadata.namespace}/{pod.metadata.name} has condition {condition.type}"
    return ""


def success_message(policy: Object | None, completions: int, succeeded: Intervals) -> str:
    """Which rule of the success policy is met, "" if none."""
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        wanted_count: int | None = rule.get("succeededCount")
        if rule.get("succeededIndexes") is not None:
            wanted = parse_indexes(rule["succeededIndexes"], completions)
            found = common(wanted, succeeded)
            is_met = found >= (total(wanted) if wanted_count is None else wanted_count)
        else:
            is_met = wanted_count is not None and total(succeeded) >= wanted_count
        if is_met and succeeded:
            return f"Matched rules at index {number}"
    return ""


def common(first: Intervals, second: Intervals) -> int:
    """How many indexes two lists of intervals share."""
    return sum(max(0, min(a[1], b[1]) - max(a[0], b[0]) + 1) for a in first for b in second)
