"""What `start` and the commands that use the bus refuse before anything begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Call

NO_BROKER = '"http://x" is no broker; write mqtt://HOST:1883/classroom, or mqtts:// for TLS'


@pytest.mark.parametrize(
    "arguments",
    [("run", "node-failure", "--mqtt", "http://x"), ("start", "--mqtt", "http://x"), ("classroom", "http://x")],
)
def test_a_url_that_is_no_brokers_is_refused(call: Call, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Teaches: nothing is started that could not be told."""
    where = ("--data-dir", str(tmp_path)) if arguments[0] == "start" else ()
    code, _, err = call(*arguments, *where)
    assert (code, NO_BROKER in err) == (2, True)
    assert not list(tmp_path.glob("*/state"))


def test_a_broker_that_is_not_there_is_said_by_the_screen(call: Call) -> None:
    """Teaches: exit code 2 for what cannot be reached."""
    code, _, err = call("classroom", "mqtt://127.0.0.1:1/room", "--once")
    assert code == 2
    assert "the broker mqtt://127.0.0.1:1/room is not reached: [Errno 111] Connection refused" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--nodes", "5"), "--scenario describes the whole cluster; leave out --nodes"),
        (("--behavior", "hollow"), "--scenario describes the whole cluster; leave out --behavior"),
    ],
)
def test_a_scenario_leaves_nothing_to_choose(
    call: Call, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    """Teaches: two sources of one fact would sooner or later disagree."""
    code, _, err = call("start", "--data-dir", str(tmp_path), "--scenario", "node-failure", *arguments)
    assert (code, sentence in err) == (2, True)


def test_a_scenario_that_is_not_there_is_refused_before_the_start(call: Call, tmp_path: Path) -> None:
    """Teaches: an error at once is worth more than one in a log."""
    code, _, err = call("start", "--data-dir", str(tmp_path), "--scenario", "no-such-thing")
    assert (code, "no-such-thing" in err) == (2, True)


def test_an_audit_log_that_cannot_be_written_is_refused_and_leaves_no_profile(call: Call, tmp_path: Path) -> None:
    """Teaches: what would fail later is found before anything is made."""
    code, _, err = call("start", "--data-dir", str(tmp_path), "--audit-log", "/no/dir/log")
    assert (code, "the audit log /no/dir/log cannot be written" in err) == (2, True)
    assert list(tmp_path.iterdir()) == []
