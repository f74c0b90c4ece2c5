"""What kubesim understands of the commands in manifests."""

from __future__ import annotations

import pytest

from kubesim.kubelet.runtime.commands import interpret
from kubesim.kubelet.runtime.model import Behaviour

SHELL_IMAGE = Behaviour(run_seconds=0.0)
SERVER_IMAGE = Behaviour(ready_after_seconds=3.0)


@pytest.mark.parametrize(
    ("command", "seconds", "code"),
    [
        (("sh", "-c", "exit 1"), 0.0, 1),
        (("/bin/sh", "-c", "echo hello; sleep 5; exit 3"), 5.0, 3),
        (("sh", "-ec", "sleep 1 && sleep 2"), 3.0, 0),
        (("sh", "-c", "false || exit 7"), 0.0, 7),
        (("sh", "-c", "false && sleep 100"), 0.0, 1),
        (("sh", "-c", "exit 2; sleep 100"), 0.0, 2),
        (("bash", "-c", "GREETING=hi exec sleep 1m"), 60.0, 0),
        (("sh", "-c", "echo 'a; b' > /tmp/x\nsleep 0.5"), 0.5, 0),
        (("false",), 0.0, 1),
        (("true",), 0.0, 0),
        (("echo", "hello"), 0.0, 0),
        (("sleep", "3600"), 3600.0, 0),
        (("sleep", "infinity"), None, 0),
        (("sh", "-c", "while true; do date; sleep 1; done"), None, 0),
        (("tail", "-f", "/dev/null"), None, 0),
        (("sh",), 0.0, 0),
        (("sh", "-c"), 0.0, 0),
        (("sh", "-c", "python app.py"), None, 0),
        (("./server", "--port", "80"), None, 0),
    ],
)
def test_commands_end_as_they_would_in_a_shell(command: tuple[str, ...], seconds: float | None, code: int) -> None:
    """Teaches: a container is its process; when the command ends, the container has ended."""
    behaviour = interpret(command, (), SHELL_IMAGE)
    assert behaviour.run_seconds == seconds
    if seconds is not None and command != ("sh", "-c"):
        assert behaviour.exit_code == code


def test_a_shell_without_script_is_an_error() -> None:
    """Teaches: `sh -c` without a command ends with code 2."""
    assert interpret(("sh", "-c"), (), SHELL_IMAGE).exit_code == 2


def test_no_command_means_what_the_image_does() -> None:
    """Teaches: command and args replace the image's own; without them the image decides."""
    assert interpret((), (), SERVER_IMAGE) is SERVER_IMAGE
    assert interpret((), ("--verbose",), SERVER_IMAGE) is SERVER_IMAGE


def test_arguments_alone_are_a_command_where_the_image_has_no_entrypoint() -> None:
    """Teaches: `args: [sleep, "10"]` on busybox runs sleep."""
    assert interpret((), ("sleep", "10"), SHELL_IMAGE).run_seconds == 10


def test_process_one_ignores_sigterm_unless_it_traps_it() -> None:
    """Teaches: why deleting a Pod that runs `sleep` takes all of its grace period."""
    assert interpret(("sleep", "3600"), (), SHELL_IMAGE).stop_seconds is None
    trapping = interpret(("sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"), (), SHELL_IMAGE)
    assert trapping.stop_seconds == SHELL_IMAGE.stop_seconds


def test_an_unclosed_quote_is_no_crash_of_ours() -> None:
    """Teaches: what we do not understand runs until it is stopped."""
    assert interpret(("sh", "-c", "serve 'x"), (), SHELL_IMAGE).run_seconds is None
