"""The program around its commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from kubesim.cli import run as run_module
from kubesim.cli.main import COMMANDS

PROGRAM = [sys.executable, "-m", "kubesim.cli.main"]


def test_an_unknown_command_suggests_the_nearest(call: Any) -> None:
    """Teaches: everybody mistypes."""
    done = call("rnu")
    assert (done.code, done.err) == (2, 'Error: there is no command "rnu"; did you mean "run"?\n')
    assert "`kubesim --help` lists what there is" in call("xyzzy").err


def test_without_a_command_there_is_help(call: Any) -> None:
    """Teaches: what there is, in the order in which a newcomer meets it."""
    done = call()
    assert done.code == 2
    commands = [line.split()[0] for line in done.err.partition("Commands:")[2].splitlines() if line.strip()]
    assert commands[:2] == ["run", "scenarios"]
    assert commands == list(COMMANDS)
    assert call("--help").code == 0


@pytest.mark.parametrize("command", ["run", "scenarios", "version", "completion"])
def test_every_command_has_an_example(call: Any, command: str) -> None:
    """Teaches: an example says more than a list of options."""
    done = call(command, "--help")
    assert done.code == 0
    assert f"  kubesim {command}" in done.out or f"kubesim {command}" in done.out.partition("Example:")[2]


def test_the_library_as_a_list_and_as_json(call: Any) -> None:
    """Teaches: json for programs."""
    done = call("scenarios", "list")
    assert done.out.splitlines()[0].startswith("node-failure ")
    rows = json.loads(call("scenarios", "list", "--output", "json").out)
    assert rows[0] == {"name": "node-failure", "title": "A node dies and its Pods move", "replayable": True}
    assert len(rows) == len(done.out.splitlines())


def test_a_scenario_is_shown_with_its_lesson(call: Any) -> None:
    """Teaches: read before you run."""
    out = call("scenarios", "show", "node-failure").out
    assert out.startswith("# A node dies and its Pods move")
    assert "kind: Scenario" in out
    assert call("scenarios", "show", "nod-failure").code == 2
    assert "did you mean" in call("scenarios", "shwo").err.lower()


def test_the_version_says_which_kubernetes(call: Any) -> None:
    """Teaches: kubesim emulates one version."""
    assert call("version").out == "kubesim 0.1.0 (Kubernetes v1.36.2)\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_three_shells_can_complete(call: Any, shell: str) -> None:
    """Teaches: source <(kubesim completion bash)."""
    done = call("completion", shell)
    assert done.code == 0
    assert "_KUBESIM_COMPLETE" in done.out
    assert call("completion", "tcsh").code == 2


def test_completion_knows_our_commands() -> None:
    """Teaches: the shell asks the program itself."""
    env = {**os.environ, "_KUBESIM_COMPLETE": "bash_complete", "COMP_WORDS": "kubesim sc", "COMP_CWORD": "1"}
    code = "from kubesim.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "scenarios" in done.stdout


@pytest.mark.parametrize("words", ["run node-f", "start --scenario node-f", "what-if drain --on node-f"])
def test_completion_knows_the_scenarios(words: str) -> None:
    """Teaches: names of the library, wherever a scenario may be named."""
    env = {**os.environ, "_KUBESIM_COMPLETE": "bash_complete", "COMP_WORDS": f"kubesim {words}"}
    env["COMP_CWORD"] = str(len(words.split()))
    code = "from kubesim.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "plain,node-failure" in done.stdout


def test_a_bug_of_ours_ends_with_3_and_asks_for_a_report(
    call: Any, files: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Teaches: the traceback is for whoever asks for it."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the moon is blue")

    monkeypatch.setattr(run_module, "play", broken)
    monkeypatch.delenv("KUBESIM_DEBUG", raising=False)
    done = call("run", files.scenario)
    assert done.code == 3
    assert "this is a bug in kubesim: RuntimeError: the moon is blue" in done.err
    assert "KUBESIM_DEBUG=1" in done.err
    monkeypatch.setenv("KUBESIM_DEBUG", "1")
    with pytest.raises(SystemExit) as ended:
        run_module_main(files.scenario)
    assert ended.value.code == 3
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def run_module_main(scenario: str) -> None:
    from kubesim.cli.main import main

    main(["run", scenario])


@pytest.fixture
def paced(files: Any) -> Iterator[subprocess.Popen[str]]:
    """A run that takes its time."""
    process = subprocess.Popen(
        [*PROGRAM, "run", files.scenario, "--speed", "0.1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_ends_with_130(paced: subprocess.Popen[str]) -> None:
    """Teaches: 128 + SIGINT, as shells have it."""
    assert paced.stdout is not None
    while "Mine" not in paced.stdout.readline():
        pass
    paced.send_signal(signal.SIGINT)
    _, err = paced.communicate(timeout=30)
    assert paced.returncode == 130
    assert err.strip() == "interrupted"


def test_a_reader_that_goes_away_is_no_failure() -> None:
    """Teaches: `kubesim run node-failure | head -1`."""
    process = subprocess.Popen(
        [*PROGRAM, "run", "node-failure"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0
