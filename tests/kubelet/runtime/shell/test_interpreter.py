"""The shell of a simulated container."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from kubesim.kubelet.runtime.process import Read, Sleep, Surroundings, Write
from kubesim.kubelet.runtime.shell import Interpreter, find_program
from kubesim.kubelet.runtime.shell.files import Files

NOW_NS = 1_705_136_405 * 10**9
AROUND = Surroundings(
    "web-1", "10.244.1.2", {"PATH": "/bin", "A": "1 2"}, {"/etc/cfg/key": b"value\nsecond\n"}, ("/etc/cfg",)
)


def run(script: str, stdin: Iterable[bytes] = (), effects_max: int = 200) -> tuple[str, str, int | None, float]:
    """What a script prints on both streams, its exit code (None: it goes on), and how long it waits."""
    program = Interpreter(AROUND, Files(), lambda: NOW_NS).command(["sh", "-c", script])
    lines, printed, seconds = list(stdin), {1: "", 2: ""}, 0.0
    answer: bytes | None = None
    for _ in range(effects_max):
        try:
            effect = program.send(answer)
        except StopIteration as end:
            return printed[1], printed[2], end.value, seconds
        answer = None
        if isinstance(effect, Write):
            printed[effect.stream] += effect.data.decode()
        elif isinstance(effect, Sleep):
            seconds += effect.seconds or 0.0
        elif isinstance(effect, Read):
            answer = lines.pop(0) if lines else b""
    return printed[1], printed[2], None, seconds


@pytest.mark.parametrize(
    ("script", "out", "code"),
    [
        ("echo hi; exit 3", "hi\n", 3),
        ("false && echo a || echo b", "b\n", 0),
        ('for i in 1 2; do echo "n $i"; done', "n 1\nn 2\n", 0),
        ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done", "1\n2\n3\n", 0),
        ("cat /etc/cfg/key | grep sec | wc -l", "1\n", 0),
        ("echo $A \"$A\" '$A' ${B:-none} $(hostname)", "1 2 1 2 $A none web-1\n", 0),
        ("if [ -f /etc/cfg/key ]; then echo yes; else echo no; fi", "yes\n", 0),
        ("echo a > /tmp/x; echo b >> /tmp/x; cat < /tmp/x; ls /tmp/*", "a\nb\n/tmp/x\n", 0),
        ("(exit 4); echo $?", "4\n", 0),
        ("cd /etc/cfg && ls && pwd", "key\n/etc/cfg\n", 0),
        ("date; id -u; whoami", "Sat Jan 13 09:00:05 UTC 2024\n0\nroot\n", 0),
        ("foo 2>/dev/null; echo $?", "127\n", 0),
        ("printf '%s-%d\\n' a 3; head -n 1 /etc/cfg/key", "a-3\nvalue\n", 0),
        ("x=/a/b.txt; echo ${x##*/} ${x%.txt} ${#x}", "b.txt /a/b 8\n", 0),
    ],
)
def test_scripts_do_what_they_do_in_a_real_shell(script: str, out: str, code: int) -> None:
    """Teaches: exit codes, quoting, expansions, pipes and redirections."""
    assert run(script)[:3] == (out, "", code)


def test_sleeping_takes_virtual_time_and_no_other() -> None:
    """Teaches: a loop that never waits would stand still in time, so it takes a tenth of a second a round."""
    assert run("sleep 1; sleep 2m")[3] == 121.0
    assert run("while true; do :; done")[2:] == (None, pytest.approx(20.0))


@pytest.mark.parametrize(
    ("script", "err", "code"),
    [
        ("foo", "sh: foo: not found\n", 127),
        ('echo "open', "sh: syntax error: unterminated quoted string\n", 2),
        ("cat /nope", "cat: can't open '/nope': No such file or directory\n", 1),
        ("echo x > /etc/cfg/key", "sh: can't create /etc/cfg/key: Read-only file system\n", 1),
        ("echo $((1/0))", "sh: divide by zero\n", 2),
    ],
)
def test_what_goes_wrong_is_said_as_busybox_says_it(script: str, err: str, code: int) -> None:
    """Teaches: mounted ConfigMaps are read-only."""
    assert run(script)[1:3] == (err, code)


def test_a_shell_reads_commands_until_its_input_ends() -> None:
    """Teaches: `kubectl exec -i pod -- sh` runs a script that is piped to it."""
    assert run("sh", [b"echo a\n", b"exit 5\n"])[:3] == ("a\n", "", 5)


def test_only_what_is_there_can_be_run() -> None:
    """Teaches: the runtime looks a program up before it starts it."""
    assert (find_program("/bin/ls"), find_program("ls"), find_program("bash")) == ("ls", "ls", "bash")
    assert (find_program("/opt/ls"), find_program("foo")) == (None, None)
