"""The commands about a background service, as far as no service is needed."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubesim.cli.main import main
from kubesim.service.profile import Profile, Settings, write_pid


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBESIM_HOME", str(tmp_path / "profiles"))
    for name in ("KUBECONFIG", "KUBESIM_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "profiles"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    printed = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, printed.out, printed.err


@pytest.mark.parametrize(
    "command",
    [
        ("stop",), ("status",), ("delete",), ("logs",), ("pause",), ("resume",), ("step",), ("speed", "2"), ("clock",),
        ("node", "list"), ("node", "add"), ("node", "stop", "node-1"), ("node", "start", "node-1"),
        ("node", "delete", "node-1"),
    ],
)  # fmt: skip
def test_an_unknown_profile_is_one_clear_sentence(
    home: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """Teaches: every command says the same of the same trouble, and ends with 2."""
    sentence = 'Error: there is no profile "lesson"; `kubesim start` makes one\n'
    assert run(capsys, *command, "-p", "lesson") == (2, "", sentence)


@pytest.mark.parametrize("command", [("pause",), ("step",), ("clock",), ("node", "list"), ("node", "stop", "node-1")])
def test_what_needs_a_running_cluster_says_how_to_start_it(
    home: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """Teaches: an error says what to do."""
    Profile(home, "kubesim").save(Settings())
    code, _, errors = run(capsys, *command)
    assert code == 2
    assert errors == 'Error: profile "kubesim" is not running; `kubesim start -p kubesim` starts it\n'


def test_a_stopped_cluster_is_listed_and_its_status_is_1(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Teaches: a stopped cluster is no error, but a script can tell."""
    assert run(capsys, "list", "--output", "json")[1] == "[]\n"
    Profile(home, "lesson").save(Settings(nodes=("node-1",), port=1234))
    code, listed, _ = run(capsys, "list", "--output", "json")
    assert (code, json.loads(listed)) == (
        0,
        [{"name": "lesson", "status": "Stopped", "nodes": 1, "server": ""}],
    )
    code, state, _ = run(capsys, "status", "-p", "lesson", "-o", "json")
    assert (code, json.loads(state)) == (1, {"profile": "lesson", "status": "Stopped"})
    assert run(capsys, "stop", "-p", "lesson") == (0, 'Profile "lesson" was not running.\n', "")


def test_a_port_in_use_is_told_before_anything_is_made(
    home: Path, capsys: pytest.CaptureFixture[str], taken_port: int
) -> None:
    """Teaches: what can be known before is said before."""
    code, _, errors = run(capsys, "start", "--port", str(taken_port))
    assert code == 2
    assert errors == (
        f"Error: port {taken_port} is in use by another program; choose another with --port, or 0 for any\n"
    )
    assert not home.exists()


def test_a_kubeconfig_that_cannot_be_used_is_told_before_anything_is_made(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Teaches: the same, of the other thing that a start writes."""
    (tmp_path / "broken").write_text("kind: Config\nclusters: ]")
    code, _, errors = run(capsys, "start", "--kubeconfig", str(tmp_path / "broken"))
    assert code == 2
    assert errors.startswith(f"Error: {tmp_path / 'broken'}, line 2 is not valid YAML")
    code, _, errors = run(capsys, "start", "--kubeconfig", str(tmp_path / "broken" / "config"))
    assert code == 2
    assert "cannot be" in errors
    assert errors.count("\n") == 1
    assert not home.exists()


def test_a_second_start_says_that_it_runs_already(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Teaches: to ask for what is there is no error."""
    profile = Profile(home, "kubesim")
    profile.save(Settings())
    lock = profile.lock()
    assert lock is not None
    write_pid(lock, 4242)
    try:
        told = 'Profile "kubesim" is running already (process 4242).\n'
        assert run(capsys, "start") == (0, told, "")
        ignored = "Nothing changes: --nodes counts at a start only; `kubesim stop -p kubesim` first.\n"
        assert run(capsys, "start", "--nodes", "5") == (0, told, ignored)
    finally:
        os.close(lock)


def test_delete_takes_only_what_is_ours(home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Teaches: a context of our name that we did not write is somebody's."""
    config = tmp_path / "config"
    config.write_text("contexts:\n- {name: lesson, context: {cluster: a, user: b}}\ncurrent-context: lesson\n")
    before = config.read_text()
    profile = Profile(home, "lesson")
    profile.save(Settings(kubeconfig=str(config)))
    assert run(capsys, "delete", "-p", "lesson") == (0, '"lesson" is deleted\n', "")
    assert not profile.folder.exists()
    assert config.read_text() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--without", "scheduler,etcd"), '"etcd" cannot be left out; what can is scheduler, controller-'),
        (("-p", "No Name"), '"No Name" cannot name a profile'),
        (("--nodes", "-1"), "-1 is not in the range"),
        (("--speed", "0"), "0.0 is not in the range"),
        (("--behavior", "odd"), "'odd' is not one of"),
    ],
)
def test_bad_input_to_start_ends_with_2(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    """Teaches: nothing is begun with half-understood orders."""
    code, _, errors = run(capsys, "start", *arguments)
    assert code == 2
    assert words in errors
    assert not home.exists()


def test_logs_show_the_end_of_the_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Teaches: the newest lines are what one looks for."""
    profile = Profile(home, "kubesim")
    profile.save(Settings())
    assert run(capsys, "logs") == (0, "", "")
    profile.log_file.write_text("".join(f"line {number}\n" for number in range(100)))
    assert run(capsys, "logs", "-n", "2") == (0, "line 98\nline 99\n", "")
    assert run(capsys, "logs", "-n", "0") == (0, "", "")


@pytest.mark.parametrize(
    ("size", "sentence"),
    [("lots", '"lots" is no size; write 256MB or 1Gi'), ("10k", "10k is too little; 1MB is the least")],
)
def test_a_history_of_no_size_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], size: str, sentence: str
) -> None:
    """Teaches: nothing is started before the options are known to be good."""
    code, _, said = run(capsys, "start", "--history", size)
    assert (code, said) == (2, f"Error: Invalid value for '--history': {sentence}\n")
    assert not home.exists()
