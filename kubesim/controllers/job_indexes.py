"""The completion indexes of an Indexed Job: which are done, which failed, which Pod is for which. Pure.

A Job's status keeps indexes as text, "0-4,7": runs with a hyphen, two neighbours with a comma. What the status
says already counts for ever; Pods only add to it.
Upstream: pkg/controller/job/indexed_job_utils.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubesim.api.meta import with_fields
from kubesim.api.stored import Object, Stored

COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"  # An annotation and a label.
FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURE_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count"
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
NAME_MAX = 63
RANDOM_SUFFIX = 5

Intervals = list[tuple[int, int]]  # First and last of each run, in order.


def is_indexed(spec: Object) -> bool:
    """Whether the Job's Pods have indexes."""
    return bool(spec.get("completionMode") == "Indexed")


def completion_index(pod: Stored) -> int | None:
    """The index that a Pod works on; None if it has none."""
    annotations: Mapping[str, str] = pod.object["metadata"].get("annotations") or {}
    text = annotations.get(COMPLETION_INDEX, "")
    return int(text) if text.isascii() and text.isdecimal() else None


def parse_indexes(text: str, completions: int) -> Intervals:
    """Reads "0-4,7", as far as it is below `completions`."""
    found: Intervals = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        begin, end = int(first), int(last or first)
        if begin >= completions:
            break
        add_interval(found, begin, min(end, completions - 1))
    return found


def indexes_text(intervals: Intervals) -> str:
    """`[(0, 4), (7, 7)]` → "0-4,7"."""
    parts = []
    for first, last in intervals:
        joint = "," if last == first + 1 else "-"
        parts.append(str(first) if first == last else f"{first}{joint}{last}")
    return ",".join(parts)


def add_interval(intervals: Intervals, first: int, last: int) -> None:
    """Adds a run behind the others, and joins it to the last one where they touch."""
    if intervals and intervals[-1][1] >= first - 1:
        intervals[-1] = (intervals[-1][0], max(last, intervals[-1][1]))
    else:
        intervals.append((first, last))


def with_indexes(intervals: Intervals, indexes: Iterable[int]) -> Intervals:
    """The intervals and these indexes too."""
    merged: Intervals = []
    for first, last in sorted([*intervals, *((index, index) for index in indexes)]):
        add_interval(merged, first, last)
    return merged


def total(intervals: Intervals) -> int:
    """How many indexes there are in all."""
    return sum(last - first + 1 for first, last in intervals)


def has_index(intervals: Intervals, index: int) -> bool:
    """Whether an index is in one of the runs."""
    return any(first <= index <= last for first, last in intervals)


def first_pending(taken: Intervals, active: Iterable[int], count: int, completions: int) -> list[int]:
    """The first `count` indexes that are neither done, failed nor being worked on."""
    busy = with_indexes(taken, active)
    pending: list[int] = []
    candidate = 0
    for first, last in [*busy, (completions, completions)]:
        while candidate < min(first, completions) and len(pending) < count:
            pending.append(candidate)
            candidate += 1
        candidate = last + 1
    return pending


def duplicates(pods: Sequence[Stored], completions: int) -> tuple[list[Stored], list[Stored]]:
    """Active Pods that nobody needs (no index, one too high, or one that another has), and the rest."""
    surplus: list[Stored] = []
    rest: list[Stored] = []
    seen: dict[int, None] = {}
    for pod in sorted(pods, key=lambda pod: -1 if (index := completion_index(pod)) is None else index):
        index = completion_index(pod)
        if index is None or index >= completions or index in seen:
            surplus.append(pod)
        else:
            seen[index] = None
            rest.append(pod)
    return surplus, rest


def failure_counts(pod: Stored) -> tuple[int, int]:
    """How often its index had failed before this Pod: counted, and ignored by the failure policy."""
    annotations = pod.object["metadata"].get("annotations") or {}
    texts = (annotations.get(FAILURE_COUNT, "0"), annotations.get(IGNORED_FAILURE_COUNT, "0"))
    counted, ignored = (int(text) if text.isdecimal() else 0 for text in texts)
    return counted, ignored


def indexed_pod(pod: Object, job_name: str, index: int, counts: tuple[int, int] | None) -> Object:
    """A Job's Pod for one index: name, host name, annotation, label and environment variable."""
    annotations = {**(pod["metadata"].get("annotations") or {}), COMPLETION_INDEX: str(index)}
    if counts is not None:
        annotations[FAILURE_COUNT] = str(counts[0])
        if counts[1]:
            annotations[IGNORED_FAILURE_COUNT] = str(counts[1])
    suffix = f"-{index}-"
    fields = {
        "generateName": job_name[: NAME_MAX - RANDOM_SUFFIX - len(suffix)] + suffix,
        "labels": {**(pod["metadata"].get("labels") or {}), COMPLETION_INDEX: str(index)},
        "annotations": annotations,
    }
    pod = with_fields(pod, fields, "metadata")
    spec = {"hostname": f"{job_name}-{index}"} | {
        name: [with_index_variable(container) for container in pod["spec"][name]]
        for name in ("initContainers", "containers")
        if pod["spec"].get(name)
    }
    return with_fields(pod, spec, "spec")


def with_index_variable(container: Object) -> Object:
    """A container that is told its index, unless its author has set that variable."""
    environment: list[dict[str, Any]] = container.get("env") or []
    if any(variable["name"] == INDEX_VARIABLE for variable in environment):
        return container
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{COMPLETION_INDEX}']"}}
    return {**container, "env": [*environment, {"name": INDEX_VARIABLE, "valueFrom": source}]}
