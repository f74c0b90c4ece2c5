"""Changes in words: what one change of one object means to a reader. Pure.

A phrase has a subject ("Pod web-1") and a predicate ("is bound to"), and perhaps a detail ("node-2") in which
equal things that happen to several objects may differ. `quiet` ones (bookkeeping, and events that repeat what
the object itself says) are told only when asked for everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from kubesim.api.stored import Object
from kubesim.recording import Change, facts

QUIET_KINDS = {"Lease", "ConfigMap", "ServiceAccount", "ControllerRevision"}
# Events that say more than the change of their object does.
TOLD_EVENTS = {"Pulled", "ProgressDeadlineExceeded"}
# Warnings that only repeat it.
REPEATING_EVENTS = {"NodeNotReady"}
# Steps of a Deployment's progress that other lines tell better.
QUIET_REASONS = {"NewReplicaSetCreated", "ReplicaSetUpdated", "FoundNewReplicaSet"}
TERMINAL = ("Succeeded", "Failed")
PULLED = re.compile(r'Successfully pulled image "(.+)" in (\S+) ')
PRESENT = re.compile(r'Container image "(.+)" already present')
UID = re.compile(r"\([0-9a-f]{8}-[0-9a-f-]{27}\)")


class Phrase(NamedTuple):
    """One thing that happened to one object."""

    kind: str
    name: str
    predicate: str
    quiet: bool = False
    detail: str = ""
    # What becomes of different details in one line: "same" keeps them apart, "tally" counts them, "last" keeps the
    # last, "drop" none (and causes leave them out, too).
    merge: str = "same"
    warning: bool = False

    @property
    def text(self) -> str:
        """Predicate and detail."""
        return f"{self.predicate} {self.detail}".rstrip()


def phrases(change: Change) -> list[Phrase]:
    """Everything that a change says."""
    if change.kind == "Event":
        return _event(change)
    quiet = change.kind in QUIET_KINDS or change.new.namespace.startswith("kube-")
    about = Phrase(change.kind, change.new.name, "", quiet)
    if change.verb == "DELETED":
        return [about._replace(predicate="is gone")]
    if change.verb == "ADDED":
        quiet = quiet or change.kind == "EndpointSlice"
        return [about._replace(predicate="is created", quiet=quiet, detail=_size(change.object), merge="drop")]
    assert change.old is not None, "only what was added has no past"
    return [
        about._replace(predicate=found.predicate, quiet=quiet or found.quiet, detail=found.detail, merge=found.merge)
        for found in _differences(change.kind, change.old.object, change.object)
    ]


def _differences(kind: str, old: Object, new: Object) -> Iterator[Phrase]:
    """Phrases whose subject is filled in by the caller."""
    before, after = facts(kind, old), facts(kind, new)
    if kind == "Pod":
        yield from _pod(before, after)
        yield from _containers(old, new)
    if kind == "Deployment" and old["spec"].get("template") != new["spec"].get("template"):
        yield _said("has a new template", detail=_images(old, new))
    for fact in sorted({*before, *after}, key=lambda fact: (fact != "life", fact)):
        if before.get(fact) != after.get(fact):
            told = _fact(kind, fact, before.get(fact), after.get(fact), new)
            if told is not None:
                yield told
    if kind == "EndpointSlice" and (ready := _ready_endpoints(new)) != _ready_endpoints(old):
        yield _said("now has", detail=f"{ready} ready endpoint{'' if ready == 1 else 's'}", merge="last")
    if kind in ("Deployment", "ReplicaSet") and (counts := _counts(new)) != _counts(old):
        yield _said("has", quiet=True, detail=counts, merge="last")


def _said(predicate: str, *, quiet: bool = False, detail: str = "", merge: str = "same") -> Phrase:
    return Phrase("", "", predicate, quiet, detail, merge)


def _pod(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Phrase]:
    """Phase and readiness, which are one thing to a reader if they change together."""
    is_ready = after.get("podready") == "True"
    was_ready = before.get("podready") == "True"
    if before.get("phase") != after.get("phase"):
        phase = after["phase"]
        words = f"has ended: {phase}" if phase in TERMINAL else f"is {phase}"
        yield _said(words + (" and ready" if is_ready and not was_ready else ""))
    elif is_ready != was_ready and after.get("phase") not in TERMINAL:
        yield _said("is ready" if is_ready else "is not ready")


def _fact(kind: str, fact: str, old: Any, new: Any, obj: Object) -> Phrase | None:
    if fact == "life":
        seconds = obj["metadata"].get("deletionGracePeriodSeconds")
        return _said("is deleted", detail=f"with {seconds} s to end gracefully" if seconds else "", merge="drop")
    if fact == "node":
        return _said("is bound to", detail=new, merge="tally") if new else None
    if kind == "Pod" and fact in ("phase", "podready", "restarts", "condition:PodScheduled"):
        return None  # Told by _pod and _containers; why it cannot be scheduled is told by the event.
    if fact == "phase":
        return _said(f"is {new}")
    if fact == "spec.replicas":
        return _said(f"is scaled from {old} to {new}") if old is not None else None
    if fact.startswith("taint:"):
        key, effect = fact.removeprefix("taint:").rsplit(":", 1)
        return _said(f"{'gets' if new else 'loses'} the taint {key}:{effect}")
    if fact == "unschedulable":
        return _said("is cordoned" if new else "is uncordoned")
    if fact.startswith("condition:"):
        return _condition(kind, fact.removeprefix("condition:"), new)
    return _said(f"{fact} is now {new}", quiet=True)


def _condition(kind: str, type_: str, new: tuple[str, str] | None) -> Phrase | None:
    if new is None:
        return None
    status, _, reason = new[0].partition("/")
    quiet = (kind == "Node" and type_ != "Ready") or (kind not in ("Node", "Pod") and type_ != "Progressing")
    return _said(
        f"is now {type_}={status}" + (f" ({reason})" if reason else ""), quiet=quiet or reason in QUIET_REASONS
    )


def _containers(old: Object, new: Object) -> Iterator[Phrase]:
    """Restarts, and the reasons to wait that a student looks for: CrashLoopBackOff, ErrImagePull, ImagePullBackOff."""
    before = {entry["name"]: entry for entry in (old.get("status") or {}).get("containerStatuses") or ()}
    for entry in (new.get("status") or {}).get("containerStatuses") or ():
        was = before.get(entry["name"], {})
        restarts = entry.get("restartCount", 0)
        if restarts > was.get("restartCount", 0):
            code = (entry.get("lastState", {}).get("terminated") or {}).get("exitCode")
            why = "" if code is None else f", after its container {entry['name']} exited with code {code}"
            yield _said(f"has restarted {restarts} time{'' if restarts == 1 else 's'}{why}")
        reason = _waiting(entry)
        if reason and reason != _waiting(was):
            yield _said(f"waits: {reason}", quiet=reason in ("ContainerCreating", "PodInitializing"))


def _waiting(entry: Object) -> str:
    reason: str = ((entry.get("state") or {}).get("waiting") or {}).get("reason", "")
    return reason


def _event(change: Change) -> list[Phrase]:
    """The first time an event is told in full; its repetitions are bookkeeping."""
    if change.verb == "DELETED":
        return []
    obj = change.object
    about, reason, message = obj.get("involvedObject") or {}, str(obj.get("reason")), str(obj.get("message"))
    count = obj.get("count") or (obj.get("series") or {}).get("count") or 1
    warning = obj.get("type") == "Warning"
    told = (warning or reason in TOLD_EVENTS) and reason not in REPEATING_EVENTS and count == 1
    phrase = Phrase(str(about.get("kind")), str(about.get("name")), f"{reason}:", not told, warning=warning)
    if found := PULLED.match(message):
        return [phrase._replace(predicate=f"pulled the image {found[1]}", detail=f"in {found[2]}", merge="drop")]
    if found := PRESENT.match(message):
        return [phrase._replace(predicate=f"has the image {found[1]} already")]
    times = f" ({count} times)" if count > 1 else ""
    return [phrase._replace(detail=UID.sub("", message) + times)]


def _size(obj: Object) -> str:
    replicas = (obj.get("spec") or {}).get("replicas")
    return "" if replicas is None else f"with {replicas} replica{'' if replicas == 1 else 's'} wanted"


def _counts(obj: Object) -> str:
    """How far a workload is."""
    wanted, status = (obj.get("spec") or {}).get("replicas", 0), obj.get("status") or {}
    made, ready = status.get("replicas", 0), status.get("readyReplicas", 0)
    return f"{ready} of {wanted} Pods ready" if made == wanted else f"{made} of {wanted} Pods"


def _images(old: Object, new: Object) -> str:
    """The images of a template that are new."""
    images = [
        [
            container.get("image", "")
            for container in (obj["spec"]["template"].get("spec") or {}).get("containers") or ()
        ]
        for obj in (old, new)
    ]
    changed = [image for image in images[1] if image not in images[0]]
    return f"with {', '.join(changed)}" if changed else ""


def _ready_endpoints(obj: Object) -> int:
    return sum(bool((endpoint.get("conditions") or {}).get("ready")) for endpoint in obj.get("endpoints") or ())
