"""The narrator: a readable timeline in virtual time of what happened, who did it, and because of what.

It reads only the trace and what the observer publishes. Equal things that happen to several objects within
half a second become one line, with the time of the first. Causes are revisions; the narrator remembers what
each revision meant.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable
from typing import NamedTuple

from kubesim.api.resources import LEASES
from kubesim.recording import Change, condition
from kubesim.scenario.causes import Because, in_words
from kubesim.scenario.merging import Happening, told
from kubesim.scenario.phrases import Phrase, phrases
from kubesim.sim import Cause, Origin, Record, Simulation

MEMORY_MAX = 50_000
MOMENT_SECONDS = 0.5
NODE_LEASES = "kube-node-lease"
SILENT_AFTER_SECONDS = 12  # A kubelet renews its lease every 10 s.


class Line(NamedTuple):
    """One line of the timeline. `seconds` count from the start of the run; `style` is what kind of line it is."""

    seconds: float
    actor: str
    text: str
    because: str = ""
    style: str = "change"  # change, step, say, fault, warning or verdict


class Held(NamedTuple):
    """What will be one line, and the verdicts that are told right after it."""

    since_ns: int
    happenings: list[Happening]
    verdicts: list[Line]


class Narrator:
    """Turns changes and records into lines and hands them to `tell`."""

    def __init__(self, sim: Simulation, tell: Callable[[Line], None], *, everything: bool = False) -> None:
        self._sim = sim
        self._tell = tell
        self._origin_ns = 0
        self._everything = everything
        self._meaning: dict[int, tuple[int, Phrase]] = {}  # revision -> when it was, and what
        self._held: dict[tuple[object, ...], Held] = {}  # Shape -> what is told in one line.
        self._flushing: TimerHandle | None = None
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
        if change.initial:
            return
        for phrase in found:
            if self._everything or not (phrase.quiet or is_echo(change, origin)):
                self._add(change.time_ns, Happening(phrase, origin.by, self._because(origin.causes, change)))

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

    def verdict(self, text: str, style: str) -> None:
        """A line about what came before, in its place among what is held back."""
        line = Line(self._seconds(self._sim.clock.now_ns()), "", text, style=style)
        if self._held:
            next(reversed(self._held.values())).verdicts.append(line)
        else:
            self._tell(line)

    def flush(self) -> None:
        """Tells what is still held back."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        held, self._held = self._held, {}
        for entry in held.values():
            style = "warning" if entry.happenings[0].phrase.warning else "change"
            self._tell(Line(self._seconds(entry.since_ns), *told(entry.happenings), style))
            for verdict in entry.verdicts:
                self._tell(verdict)

    def end(self) -> None:
        """Nothing more is told."""
        self.flush()
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()

    def _add(self, time_ns: int, happening: Happening) -> None:
        """Holds it back for a moment, since the same may happen to others."""
        shape: tuple[object, ...] = happening.shape
        if self._everything:
            shape = (time_ns, *shape)  # Whoever wants everything wants every moment, too.
        self._held.setdefault(shape, Held(time_ns, [], [])).happenings.append(happening)
        if self._flushing is None:
            self._flushing = self._sim.loop.call_later(MOMENT_SECONDS, self.flush)

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

    def _because(self, causes: tuple[Cause, ...], change: Change) -> Because:
        """The latest cause that can be put into words and is not the thing itself."""
        if silence := self._silence(change):
            return Because(silence)
        for cause in reversed(causes):
            if isinstance(cause, str):
                return Because() if cause.startswith("kubectl ") else in_words(cause)  # Told in the line above.
            meaning = self._meaning.get(cause)
            if meaning is not None and cause != change.revision:
                return Because(phrase=meaning[1], seconds=(change.time_ns - meaning[0]) / 1e9)
        return Because()

    def _silence(self, change: Change) -> str:
        """Why a node left Ready, if the reason is that nothing was heard of it."""
        if change.kind != "Node" or change.old is None or change.new.name not in self._renewed_ns:
            return ""
        before, after = condition(change.old.object, "Ready"), condition(change.object, "Ready")
        if before.get("status") != "True" or after.get("status") != "Unknown":
            return ""
        silent = (change.time_ns - self._renewed_ns[change.new.name]) / 1e9
        return f"no heartbeat for {silent:.1f} s; the grace period is 50 s"

    def _remember(self, change: Change, found: list[Phrase]) -> None:
        loud = [phrase for phrase in found if not phrase.quiet] or found
        phrase = loud[0] if loud else Phrase(change.kind, change.new.name, "has a new status")
        self._meaning[change.revision] = change.time_ns, phrase
        if len(self._meaning) > MEMORY_MAX:
            del self._meaning[next(iter(self._meaning))]

    def _seconds(self, time_ns: int) -> float:
        return (time_ns - self._origin_ns) / 1e9


def is_echo(change: Change, origin: Origin) -> bool:
    """Whether the command that was just told, and what kubectl answered, say the same already."""
    is_command = any(isinstance(cause, str) and cause.startswith("kubectl ") for cause in origin.causes)
    return is_command and change.verb != "MODIFIED"


def clock(seconds: float) -> str:
    """`  6:02.150`: minutes, seconds and milliseconds."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes:3d}:{rest // 1000:02d}.{rest % 1000:03d}"
