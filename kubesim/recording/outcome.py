"""The ordered outcome of a recording: what a faithful control plane must also do, without clocks or chance.

One entry per (step window, thing, change), in order of first occurrence, with how often it happened and
when. A step window lasts from one step of the scenario to the next. Names are normalised by
`kubesim.recording.names`; what changes are worth an entry is decided by `kubesim.recording.facts`.
Entries marked `racy` are intermediate sizes of a rolling update, which depend on how readiness is batched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import orjson

from kubesim.api.stored import Object
from kubesim.recording.facts import Facts, counters, facts, pod_state
from kubesim.recording.names import Names, without_pod_numbers

COMBINED = "(combined from similar events): "
QUIET_WHEN_FALSE = ("restarts", "paused", "suspend", "unschedulable", "active")
CHOSEN_NODE = re.compile(r" to \S+$")
ORDER_OF_NAMING = ("ReplicaSet", "Job", "ControllerRevision")


class Entry(msgspec.Struct):
    """One change that happened `count` times in a step window, first at `time` seconds."""

    step: int
    kind: str
    name: str
    change: dict[str, Any]
    count: int
    time: float
    after_min: float  # Seconds from the start of the step to the first occurrence,
    after_max: float  # and to the last.
    combined: int = 0
    racy: bool = False

    @property
    def key(self) -> tuple[int, str, str, str]:
        """What makes two entries of two runs the same thing."""
        change = orjson.dumps(self.change, option=orjson.OPT_SORT_KEYS).decode()
        return self.step, self.kind, self.name, change


class Moment(msgspec.Struct, frozen=True):
    """One time at which the change of an entry happened, and to which object: twin Pods have numbers here."""

    entry: Entry
    name: str
    time: float
    count: int  # More than one for an event that is told again some times at once.


class Placement(msgspec.Struct, frozen=True):
    """A Pod was given its node."""

    step: int
    time: float
    pod: str
    node: str


class Settled(msgspec.Struct):
    """The last seen counters of every workload at the end of a step window."""

    step: int
    time: float
    state: dict[str, Facts]


class Outcome(msgspec.Struct):
    """What came of a recording."""

    name: str
    entries: list[Entry]
    settled: list[Settled]
    chains: dict[str, list[tuple[float, str]]]  # Per object (placeholder name) what happened to it, in order.
    silences: list[Object]  # Per node that left Ready: how long its lease had been silent.
    moments: list[Moment] = []  # Everything that the entries count, one by one.
    placements: list[Placement] = []


def ordered_outcome(lines: Iterable[Object], facts_of: Callable[[str, Object], Facts] = facts) -> Outcome:
    """Reads a whole recording and sums it up. `facts_of` says what of an object makes a story."""
    rows = list(lines)
    names = Names()
    for kind in (*ORDER_OF_NAMING, None):
        for row in rows:
            if "verb" in row and row["kind"] != "Event" and kind in (None, row["kind"]):
                names.see(row["kind"], row["object"])
    names.finish()
    meta = rows[0]["meta"]
    builder = _Builder(names, meta.get("start", ""), facts_of)
    for row in rows:
        if row.get("end"):
            builder.time = row["t"]
            break
        builder.row(row)
    builder.settle()
    entries = list(builder.entries.values())
    _mark_racy(entries)
    name = meta.get("scenario", {}).get("name", "")
    return Outcome(
        name, entries, builder.settled, builder.chains, builder.silences, builder.moments, builder.placements
    )


class _Builder:
    """Walks the lines and collects entries."""

    def __init__(self, names: Names, start: str, facts_of: Callable[[str, Object], Facts]) -> None:
        self.names = names
        self.facts_of = facts_of
        self.start = start[:19]
        self.step, self.step_time, self.time = -1, 0.0, 0.0
        self.entries: dict[tuple[int, str, str, str], Entry] = {}
        self.settled: list[Settled] = []
        self.chains: dict[str, list[tuple[float, str]]] = {}
        self.silences: list[Object] = []
        self.moments: list[Moment] = []
        self.placements: list[Placement] = []
        self._known: dict[tuple[str, str, str], Facts] = {}
        self._live: dict[tuple[str, str, str], Object] = {}
        self._events: dict[tuple[str, str], int] = {}

    def row(self, row: Object) -> None:
        if "step" in row:
            self.time = row["t"]
            self.settle()
            self.step, self.step_time = row["n"], row["t"]
        elif "lease_last" in row:
            last = row["lease_last"]
            self.silences.append({**last, "silent_seconds": round(row["t"] - last["renewed_t"], 3)})
        elif "verb" in row:
            self.time = row["t"]
            if row["kind"] == "Event":
                self._event(row)
            else:
                self._object(row)

    def settle(self) -> None:
        """Takes down the counters of everything that lives."""
        state: dict[str, Facts] = {}
        for (kind, _, name), obj in sorted(self._live.items(), key=lambda item: item[0]):
            found = counters(kind, obj)
            if found is not None:
                texts = {k: self.names.text(v) if isinstance(v, str) else v for k, v in found.items()}
                state[f"{kind}/{self.names.of(kind, name)}"] = texts
        pods = Counter(pod_state(obj) for (kind, _, _), obj in self._live.items() if kind == "Pod")
        if pods:
            state["pods"] = dict(sorted(pods.items()))
        self.settled.append(Settled(self.step, self.time, state))

    def _event(self, row: Object) -> None:
        obj = row["object"]
        about = obj.get("involvedObject") or {}
        if row["verb"] == "DELETED" or is_fake(str(about.get("kind", "")), str(about.get("name", ""))):
            return
        key = (row["namespace"], row["name"])
        count = obj.get("count") or (obj.get("series") or {}).get("count") or 1
        before_start = (obj.get("firstTimestamp") or self.start)[:19] < self.start
        was = self._events.get(key, count - 1 if before_start else 0)
        self._events[key] = count
        if count == was or row.get("initial"):
            return
        message = self.names.text(obj.get("message") or "")
        if obj.get("reason") == "Scheduled":
            message = CHOSEN_NODE.sub(" to <node>", message)
        source = (obj.get("source") or {}).get("component") or obj.get("reportingComponent", "")
        change = {"reason": obj.get("reason", ""), "message": message, "type": obj.get("type", ""), "from": source}
        name = f"{about.get('kind')}/{self.names.of(str(about.get('kind')), str(about.get('name')))}"
        self._add("Event", name, change, count - was)

    def _object(self, row: Object) -> None:
        kind, name, obj = row["kind"], row["name"], row["object"]
        key = (kind, row["namespace"], name)
        artefact = is_fake(kind, name) or name == "openshift-service-ca.crt"
        if artefact or (kind == "Namespace" and self.step < 0):
            self._live.pop(key, None)
            return
        placeholder = self.names.of(kind, name)
        if row["verb"] == "DELETED":
            self._live.pop(key, None)
            self._known.pop(key, None)
            self._happened(kind, placeholder, {"life": "deleted"}, "deleted")
            return
        new = self.facts_of(kind, obj)
        self._live[key] = obj
        old = self._known.get(key)
        self._known[key] = new
        if row.get("initial"):
            return
        if old is None:
            self._happened(kind, placeholder, {"life": "created"}, "created")
            old = {}
        for fact in sorted({*old, *new}, key=lambda fact: (fact != "life", fact)):
            if old.get(fact) != new.get(fact):
                self._fact(kind, placeholder, fact, old.get(fact), new.get(fact), obj)

    def _fact(self, kind: str, name: str, fact: str, old: Any, new: Any, obj: Object) -> None:
        if fact == "node" and new:
            self.placements.append(Placement(self.step, self.time, name, new))
            self._happened(kind, name, {"node": "assigned"}, f"node: ->{new}")
            return
        change = self._change(fact, old, new, obj)
        if change is not None and not (old is None and new == ""):
            self._happened(kind, name, change, ", ".join(f"{key}: {value}" for key, value in change.items()))

    def _change(self, fact: str, old: Any, new: Any, obj: Object) -> dict[str, Any] | None:
        if fact == "life":
            return {"life": "deleting", "grace": obj["metadata"].get("deletionGracePeriodSeconds")}
        if fact.startswith("condition:"):
            if fact == "condition:PodScheduled" and new is None:
                return None
            message = self.names.text((new or ("", ""))[1])
            return {
                "condition": fact.removeprefix("condition:"),
                "from": (old or ("",))[0],
                "to": (new or ("",))[0],
                "message": message,
            }
        if fact.startswith("taint:"):
            return {"taint": ("+" if new else "-") + fact.removeprefix("taint:")}
        if fact in QUIET_WHEN_FALSE and not old and not new:
            return None
        return {fact: f"{self._shown(old)}->{self._shown(new)}"}

    def _shown(self, value: Any) -> str:
        return "" if value is None else self.names.text(str(value))

    def _happened(self, kind: str, name: str, change: dict[str, Any], told: str) -> None:
        self.chains.setdefault(f"{kind}/{name}", []).append((self.time, told))
        self._add(kind, name, change, 1)

    def _add(self, kind: str, name: str, change: dict[str, Any], count: int) -> None:
        combined = str(change.get("message") or "").startswith(COMBINED)
        if combined:
            change = {**change, "message": change["message"].removeprefix(COMBINED)}
        loose = {k: without_pod_numbers(v) if isinstance(v, str) else v for k, v in change.items()}
        after = round(self.time - self.step_time, 3)
        entry = Entry(self.step, kind, without_pod_numbers(name), loose, 0, self.time, after, after)
        entry = self.entries.setdefault(entry.key, entry)
        entry.count += count
        self.moments.append(Moment(entry, name, self.time, count))
        entry.combined += count if combined else 0
        entry.after_max = after


def is_fake(kind: str, name: str) -> bool:
    """Whether it is a node that the recorder itself kept alive, perhaps for another scenario."""
    return kind == "Node" and name.startswith("fake-")


def _mark_racy(entries: list[Entry]) -> None:
    """Intermediate sizes of a rolling update, and counts of repeated failures, may differ between two real runs."""
    sizes = Counter((e.step, e.name) for e in entries if e.kind == "ReplicaSet" and "spec.replicas" in e.change)
    many = {key for key, number in sizes.items() if number > 1}
    for entry in entries:
        reason = entry.change.get("reason")
        if "spec.replicas" in entry.change and (entry.step, entry.name) in many:
            entry.racy = True
        if reason == "ScalingReplicaSet":
            entry.racy |= any(step == entry.step and name in entry.change["message"] for step, name in many)
        if reason == "FailedCreate" or (reason == "FailedScheduling" and entry.count > 1):
            entry.racy = True
