"""Changes in words: what one change of one object means to a reader. Pure.

A phrase has a subject ("Pod web-1") and a predicate ("is bound to node-2"), so that equal predicates about
many objects can be told as one line. `quiet` ones (bookkeeping) are told only when asked for everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kubesim.api.stored import Object
from kubesim.recording import Change, facts

QUIET_KINDS = {"Lease", "ConfigMap", "ServiceAccount", "ControllerRevision"}
TOLD_EVENTS = {
    "Pulled", "Killing", "BackOff", "Unhealthy", "FailedScheduling", "NodeNotReady", "TaintManagerEviction", "Failed",
    "ProgressDeadlineExceeded", "FailedCreate", "ErrImageNeverPull", "Evicted",
}  # fmt: skip


class Phrase(NamedTuple):
    """One thing that happened to one object."""

    kind: str
    name: str
    predicate: str
    quiet: bool = False


def phrases(change: Change) -> list[Phrase]:
    """Everything that a change says."""
    if change.kind == "Event":
        return _event(change)
    quiet = change.kind in QUIET_KINDS or change.new.namespace.startswith("kube-")
    name = change.new.name
    if change.verb == "DELETED":
        return [Phrase(change.kind, name, "is gone", quiet)]
    if change.verb == "ADDED":
        return [Phrase(change.kind, name, f"is created{_size(change.object)}", quiet or change.kind == "EndpointSlice")]
    assert change.old is not None, "only what was added has no past"
    return [
        Phrase(change.kind, name, text, quiet or is_quiet)
        for text, is_quiet in _differences(change.kind, change.old.object, change.object)
    ]


def _differences(kind: str, old: Object, new: Object) -> Iterator[tuple[str, bool]]:
    before, after = facts(kind, old), facts(kind, new)
    for fact in sorted({*before, *after}, key=lambda fact: (fact != "life", fact)):
        if before.get(fact) != after.get(fact):
            told = _fact(kind, fact, before.get(fact), after.get(fact), new)
            if told is not None:
                yield told
    if kind == "EndpointSlice" and (ready := _ready_endpoints(new)) != _ready_endpoints(old):
        yield f"now has {ready} ready endpoint{'' if ready == 1 else 's'}", False
    if kind == "Pod":
        yield from _containers(old, new)


def _fact(kind: str, fact: str, old: Any, new: Any, obj: Object) -> tuple[str, bool] | None:
    if fact == "life":
        seconds = obj["metadata"].get("deletionGracePeriodSeconds")
        return ("is deleted" + (f", with {seconds} s to end gracefully" if seconds else ""), False)
    if fact == "node":
        return (f"is bound to {new}", False) if new else None
    if fact == "phase":
        return (f"is {new}", False)
    if fact == "podready":
        return (f"is {'ready' if new == 'True' else 'not ready'}", False) if old or new == "True" else None
    if fact == "spec.replicas":
        return (f"is scaled from {old} to {new}", False) if old is not None else None
    if fact.startswith("taint:"):
        key, effect = fact.removeprefix("taint:").rsplit(":", 1)
        return (f"{'gets' if new else 'loses'} the taint {key}:{effect}", False)
    if fact == "unschedulable":
        return ("is cordoned" if new else "is uncordoned", False)
    if fact == "restarts":
        return (f"has restarted {new} time{'' if new == 1 else 's'}", False) if new else None
    if fact.startswith("condition:"):
        return _condition(kind, fact.removeprefix("condition:"), new)
    return (f"{fact} is now {new}", True)


def _condition(kind: str, type_: str, new: tuple[str, str] | None) -> tuple[str, bool] | None:
    if new is None:
        return None
    status, _, reason = new[0].partition("/")
    quiet = (kind == "Node" and type_ != "Ready") or (kind not in ("Node", "Pod") and type_ != "Progressing")
    because = f" ({reason})" if reason else ""
    if kind == "Pod" and type_ == "PodScheduled":
        return None  # The event says more.
    return f"{type_}={status}{because}", quiet


def _containers(old: Object, new: Object) -> Iterator[tuple[str, bool]]:
    """Waiting reasons that a student looks for: CrashLoopBackOff, ErrImagePull, ImagePullBackOff."""
    before = {entry["name"]: _waiting(entry) for entry in (old.get("status") or {}).get("containerStatuses") or ()}
    for entry in (new.get("status") or {}).get("containerStatuses") or ():
        reason = _waiting(entry)
        if reason and reason != before.get(entry["name"]):
            yield f"waits: {reason}", reason in ("ContainerCreating", "PodInitializing")


def _waiting(entry: Object) -> str:
    reason: str = ((entry.get("state") or {}).get("waiting") or {}).get("reason", "")
    return reason


def _event(change: Change) -> list[Phrase]:
    obj = change.object
    about = obj.get("involvedObject") or {}
    told = obj.get("type") == "Warning" or obj.get("reason") in TOLD_EVENTS
    if change.verb == "DELETED":
        return []
    count = obj.get("count") or (obj.get("series") or {}).get("count") or 1
    times = f" ({count} times)" if count > 1 else ""
    text = f"{obj.get('reason')}: {obj.get('message')}{times}"
    return [Phrase(str(about.get("kind")), str(about.get("name")), text, not told)]


def _size(obj: Object) -> str:
    replicas = (obj.get("spec") or {}).get("replicas")
    return "" if replicas is None else f", with {replicas} replica{'' if replicas == 1 else 's'} wanted"


def _ready_endpoints(obj: Object) -> int:
    return sum(bool((endpoint.get("conditions") or {}).get("ready")) for endpoint in obj.get("endpoints") or ())
