"""The narrator: a readable timeline in virtual time of what happened, who did it, and because of what.

It reads only the trace and what the observer publishes. Equal things that happen to several objects in one
instant become one line. Causes are revisions; the narrator remembers in a few words what each revision was.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable
from typing import NamedTuple

from kubesim.api.resources import LEASES
from kubesim.recording import Change, condition
from kubesim.scenario.phrases import Phrase, phrases
from kubesim.sim import Cause, Origin, Record, Simulation

NAMES_SHOWN_MAX = 3
MEMORY_MAX = 50_000
AFFIX_LENGTH_MIN = 4
NODE_LEASES = "kube-node-lease"
SILENT_AFTER_SECONDS = 12  # A kubelet renews its lease every 10 s.


class Line(NamedTuple):
    """One line of the timeline. `seconds` count from the start of the run; `style` is what kind of line it is."""

    seconds: float
    actor: str
    text: str
    because: str = ""
    style: str = "change"  # change, step, say, fault, warning or verdict


class Narrator:
    """Turns changes and records into lines and hands them to `tell`."""

    def __init__(self, sim: Simulation, tell: Callable[[Line], None], *, everything: bool = False) -> None:
        self._sim = sim
        self._tell = tell
        self._origin_ns = 0
        self._everything = everything
        self._meaning: dict[int, str] = {}  # revision -> what it was, in a few words
        self._group: list[tuple[Phrase, str, str]] = []  # (phrase, actor, because) of the present instant
        self._group_ns = 0
        self._renewed_ns: dict[str, int] = {}  # Node -> its last heartbeat.
        self._alarms: dict[str, TimerHandle] = {}  # Node -> when its next one is overdue.

    def start(self, origin_ns: int) -> None:
        """The run begins: lines count from here."""
        self._origin_ns = origin_ns

    def change(self, change: Change) -> None:
        """An object changed."""
        if change.resource is LEASES and change.new.namespace == NODE_LEASES:
            self._heartbeat(change)
        origin = self._sim.trace.origins.get(change.revision, Origin(change.time_ns, "", ()))
        found = phrases(change)
        self._remember(change, found)
        told = [phrase for phrase in found if self._everything or not phrase.quiet]
        if change.initial or not told:
            return
        because = self._silence(change) or self._because(origin.causes, change)
        for phrase in told:
            self._add(change.time_ns, phrase, origin.by, because)

    def record(self, record: Record) -> None:
        """A fact that is no object: only faults are told; the runner tells its own steps."""
        if record.event == "fault":
            fields = dict(record.fields)
            words = f"{fields.pop('verb')} {fields.pop('name')}"
            extra = ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in fields.items() if value)
            self.say("fault", words + (f" ({extra})" if extra else ""), "fault")

    def say(self, actor: str, text: str, style: str) -> None:
        """A line of the runner's own, now."""
        self.flush()
        self._tell(Line(self._seconds(self._sim.clock.now_ns()), actor, text, style=style))

    def flush(self) -> None:
        """Tells what is still held back of the present instant."""
        group, self._group = self._group, []
        lines: dict[tuple[str, str, str, str], list[str]] = {}
        for phrase, actor, because in group:
            lines.setdefault((phrase.kind, phrase.predicate, actor, because), []).append(phrase.name)
        for (kind, predicate, actor, because), names in lines.items():
            style = "warning" if ": " in predicate and predicate[0].isupper() else "change"
            text = f"{subject(kind, list(dict.fromkeys(names)))} {plural(predicate, len(names))}"
            self._tell(Line(self._seconds(self._group_ns), actor, text, because, style))

    def _add(self, time_ns: int, phrase: Phrase, actor: str, because: str) -> None:
        if self._group and time_ns != self._group_ns:
            self.flush()
        self._group_ns = time_ns
        self._group.append((phrase, actor, because))

    def _heartbeat(self, change: Change) -> None:
        """Winds the alarm of a node again; it rings when a heartbeat is overdue."""
        node = change.new.name
        if node in self._alarms:
            self._alarms.pop(node).cancel()
        if change.verb == "DELETED":
            return
        before = self._renewed_ns.get(node)
        self._renewed_ns[node] = change.time_ns
        if before is not None and change.time_ns - before > SILENT_AFTER_SECONDS * 1e9:
            self.say(
                f"kubelet/{node}", f"speaks again, after {(change.time_ns - before) / 1e9:.1f} s of silence", "fault"
            )
        self._alarms[node] = self._sim.loop.call_later(SILENT_AFTER_SECONDS, self._overdue, node)

    def _overdue(self, node: str) -> None:
        last = clock(self._seconds(self._renewed_ns[node])).strip()
        self.say(f"kubelet/{node}", f"is silent: the last heartbeat of {node} came at {last}", "warning")

    def _silence(self, change: Change) -> str:
        """Why a node left Ready, if the reason is that nothing was heard of it."""
        if change.kind != "Node" or change.old is None or change.new.name not in self._renewed_ns:
            return ""
        before, after = condition(change.old.object, "Ready"), condition(change.object, "Ready")
        if before.get("status") != "True" or after.get("status") != "Unknown":
            return ""
        silent = (change.time_ns - self._renewed_ns[change.new.name]) / 1e9
        return f"no heartbeat for {silent:.1f} s, more than the grace period of 50 s"

    def _remember(self, change: Change, found: list[Phrase]) -> None:
        loud = [phrase for phrase in found if not phrase.quiet] or found
        predicate = loud[0].predicate if loud else "changed"
        self._meaning[change.revision] = f"{change.kind} {change.new.name} {predicate}"
        if len(self._meaning) > MEMORY_MAX:
            del self._meaning[next(iter(self._meaning))]

    def _because(self, causes: tuple[Cause, ...], change: Change) -> str:
        """The latest cause that can be put into words and is not the thing itself."""
        for cause in reversed(causes):
            if isinstance(cause, str):
                return cause
            meaning = self._meaning.get(cause)
            if meaning and cause != change.revision:
                return meaning
        return ""

    def _seconds(self, time_ns: int) -> float:
        return (time_ns - self._origin_ns) / 1e9


def subject(kind: str, names: list[str]) -> str:
    """`Pod a`, `Pods a, b and c`, `8 Pods web-7887448d46-…`."""
    if len(names) == 1:
        return f"{kind} {names[0]}"
    if len(names) <= NAMES_SHOWN_MAX:
        return f"{kind}s {', '.join(names[:-1])} and {names[-1]}"
    prefix = names[0].rsplit("-", 1)[0] + "-"
    if len(prefix) >= AFFIX_LENGTH_MIN and all(name.startswith(prefix) for name in names):
        return f"{len(names)} {kind}s {prefix}…"
    return f"{len(names)} {kind}s"


def plural(predicate: str, number: int) -> str:
    """The predicate for one or for many."""
    if number == 1:
        return predicate
    first, _, rest = predicate.partition(" ")
    return f"{PLURALS.get(first, first)} {rest}".rstrip()


PLURALS = {"is": "are", "has": "have", "gets": "get", "loses": "lose", "waits:": "wait:"}


def clock(seconds: float) -> str:
    """`  6:02.150`: minutes, seconds and milliseconds."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes:3d}:{rest // 1000:02d}.{rest % 1000:03d}"
