"""The timeline on a terminal: a line as it happens, colours only on a terminal, progress if it takes long."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import TextIO

from rich.text import Text

from kubesim.cli.terminal import Terminal
from kubesim.scenario import Counted, Judged, Line, RunResult, Scenario, Verdict
from kubesim.scenario.narrator import clock
from kubesim.sim import Clock
from kubesim.sim.clock import wall_seconds

STYLES = {
    "say": "italic cyan", "step": "bold", "fault": "bold red", "warning": "yellow", "met": "green",
    "failed": "bold red", "output": "dim",
}  # fmt: skip
ACTOR_WIDTH = 25
TEXT_COLUMN = 10 + 2 + ACTOR_WIDTH + 1
TEXT_WIDTH_MIN = 40  # Below this a terminal is too narrow to be pretty; it may wrap as it likes.
PROGRESS_AFTER_SECONDS = 2.0
PROGRESS_EVERY_SECONDS = 0.2


class Timeline:
    """Renders lines to a stream."""

    def __init__(self, out: TextIO, *, quiet: bool = False) -> None:
        self._console = Terminal(file=out, highlight=False, soft_wrap=True)
        # A file gets whole lines, for grep; a terminal (or whoever says COLUMNS) gets lines that fit.
        self._width = self._console.width if out.isatty() or "COLUMNS" in os.environ else None
        self._quiet = quiet
        self._last_clock = ""
        self._clock: Clock | None = None
        self._until = 0.0
        self._started = wall_seconds()
        self._shown = self._started
        self._has_progress = False

    def title(self, scenario: Scenario, seed: int | None) -> None:
        """What is about to be played."""
        if self._quiet:
            return
        self._console.print(
            Text(scenario.spec.title, style="bold"), Text("" if seed is None else f"(seed {seed})", style="dim")
        )
        for paragraph in scenario.spec.about.strip().split("\n\n"):
            if paragraph:
                self._console.print(textwrap.fill(" ".join(paragraph.split()), 100), style="dim")
        self._console.print()

    def follow(self, virtual: Clock, until: float) -> None:
        """From here on a run that takes long shows how far it is."""
        self._clock, self._until = virtual, until

    def tell(self, line: Line) -> None:
        """One line of the story."""
        if self._quiet and line.style not in ("met", "failed"):
            self._progress(line.seconds)
            return
        self.end_progress()
        self._console.print(self._rendered(line))

    def verdicts(self, result: RunResult, wall: float) -> None:
        """The end of the story."""
        self.end_progress()
        met = sum(entry.verdict is Verdict.MET for entry in result.judged)
        total = len(result.judged)
        style = "bold green" if result.ok else "bold red"
        told = f"{met} of {total} expectations hold" if total else "no expectations were given"
        time = f"{clock(result.seconds).strip()[:-4]} minutes of virtual time in {wall:.1f} s, seed {result.seed}"
        if result.seed < 0:  # A cluster of somebody else: chance was not ours.
            time = f"{clock(result.seconds).strip()[:-4]} minutes of the cluster's time"
        self._console.print()
        self._console.print(Text(told, style=style), Text(f"({time})", style="dim"))

    def failures(self, failed: Sequence[Judged | Counted], last_lines: list[Line]) -> None:
        """For each expectation that does not hold: what was expected, what was seen, what happened last."""
        for entry in failed:
            self._console.print()
            at = f" at {clock(entry.at_seconds).strip()}" if entry.at_seconds is not None else ""
            self._console.print(Text(f"✘ {entry.text}", style="bold red"))
            self._console.print(f"  expected: {entry.wanted}, {entry.limits}")
            self._console.print(f"  seen{at}: {entry.seen}")
        self._console.print("\nThe last that happened before:")
        for line in last_lines:
            self._console.print(self._rendered(line, with_time=True))

    def end_progress(self) -> None:
        """Clears the progress line, if there is one."""
        if self._has_progress:
            self._console.file.write("\r\x1b[K")
            self._has_progress = False

    def _rendered(self, line: Line, *, with_time: bool = False) -> Text:
        shown = clock(line.seconds)
        text = Text()
        text.append(f"{shown if with_time or shown != self._last_clock else '':>10}  ", style="dim")
        self._last_clock = shown
        if line.style == "say":
            return text.append(f"{line.text}", style=STYLES["say"])
        text.append(f"{line.actor:<{ACTOR_WIDTH}} ", style="blue" if line.style == "change" else STYLES[line.style])
        told, cause = fitted(line.text, line.because, self._width)
        text.append(told, style=STYLES.get(line.style, ""))
        return text.append(cause, style="dim")

    def _progress(self, seconds: float) -> None:
        now = wall_seconds()
        if not self._console.is_terminal or now - self._started < PROGRESS_AFTER_SECONDS:
            return
        if now - self._shown >= PROGRESS_EVERY_SECONDS:
            self._shown, self._has_progress = now, True
            share = min(1.0, seconds / self._until) if self._until else 0.0
            self._console.file.write(f"\r{clock(seconds)} of {clock(self._until).strip()} ({share:.0%})")
            self._console.file.flush()


def fitted(text: str, because: str, width: int | None) -> tuple[str, str]:
    """Text and cause for a terminal of that width: both go on below themselves, and the cause is cut short."""
    cause = f"  ← {because}" if because else ""
    room = None if width is None else width - TEXT_COLUMN
    if room is None or room < TEXT_WIDTH_MIN or len(text) + len(cause) <= room:
        return text, cause
    below = f"\n{' ' * TEXT_COLUMN}"
    lines = textwrap.wrap(text, room, break_on_hyphens=False)
    if len(lines[-1]) + len(cause) > room:
        cause = below + (cause if len(cause) <= room else cause[: room - 1] + "…")
    return below.join(lines), cause
