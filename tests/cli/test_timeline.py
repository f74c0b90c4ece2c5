"""The timeline on a terminal and in a file."""

from __future__ import annotations

import io

import pytest

from kubesim.cli.timeline import ACTOR_WIDTH, TEXT_COLUMN, Timeline, fitted
from kubesim.scenario import Line

ESCAPE = "\x1b"
LONG = Line(75.0, "taint-eviction-controller", "Pod a is deleted " + "and more " * 12, "300.0 s after " + "b " * 60)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def rendered(out: io.StringIO, *lines: Line) -> list[str]:
    timeline = Timeline(out)
    for line in lines:
        timeline.tell(line)
    return out.getvalue().splitlines()


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_colours_are_for_terminals() -> None:
    """Teaches: a file holds text."""
    line = Line(1.5, "scheduler", "Pod a is bound to node-1", "it is created")
    assert ESCAPE in rendered(Terminal(), line)[0]
    assert rendered(io.StringIO(), line) == [
        f"  0:01.500  {'scheduler':<{ACTOR_WIDTH}} Pod a is bound to node-1  ← it is created"
    ]


def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: https://no-color.org."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert f"{ESCAPE}[3" not in rendered(Terminal(), Line(0, "you", "x", style="fault"))[0]


def test_the_time_stands_only_where_it_changes() -> None:
    """Teaches: what happens in one instant stands together."""
    lines = rendered(io.StringIO(), Line(1, "a", "x"), Line(1, "a", "y"), Line(2, "a", "z"))
    assert [line[:10].strip() for line in lines] == ["0:01.000", "", "0:02.000"]


def test_a_file_gets_whole_lines() -> None:
    """Teaches: one happening, one line, for grep."""
    assert len(rendered(io.StringIO(), LONG)) == 1


@pytest.mark.parametrize("width", [90, 120, 200])
def test_nothing_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Teaches: the text goes on below itself, the cause below the text, and cut short if it must."""
    monkeypatch.setenv("COLUMNS", str(width))
    lines = rendered(io.StringIO(), LONG)
    assert max(map(len, lines)) <= width
    assert all(line.startswith(" " * TEXT_COLUMN) for line in lines[1:])
    assert "← 300.0 s after" in lines[-1]


def test_a_cause_that_fits_stays_on_its_line() -> None:
    """Teaches: lines are broken only if they must be."""
    assert fitted("text", "cause", 120) == ("text", "  ← cause")
    assert fitted("text", "", 120) == ("text", "")
    assert fitted("t" * 70, "c" * 20, 120)[1].startswith("\n")
    assert fitted("t" * 300, "cause", None) == ("t" * 300, "  ← cause")
