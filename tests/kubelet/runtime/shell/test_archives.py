"""tar in a simulated container: what `kubectl cp` needs."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

from kubesim.kubelet.runtime.process import Read, Surroundings, Write
from kubesim.kubelet.runtime.shell import Interpreter
from kubesim.kubelet.runtime.shell.files import Files

NOW_NS = 1_705_136_405 * 10**9


def run(files: Files, words: Sequence[str], stdin: bytes = b"") -> tuple[bytes, str, int]:
    """What a program prints on both streams, and its exit code."""
    program = Interpreter(Surroundings(hostname="web"), files, lambda: NOW_NS).command(words)
    lines, out, err = stdin.splitlines(keepends=True), b"", ""
    answer: bytes | None = None
    while True:
        try:
            effect = program.send(answer)
        except StopIteration as end:
            return out, err, end.value
        answer = None
        if isinstance(effect, Write) and effect.stream == 1:
            out += effect.data
        elif isinstance(effect, Write):
            err += effect.data.decode()
        elif isinstance(effect, Read):
            answer = lines.pop(0) if lines else b""


def test_what_is_packed_here_is_unpacked_there() -> None:
    """Teaches: kubectl cp is `tar cf -` at one end and `tar xmf -` at the other, any bytes included."""
    content = bytes(range(256)) * 3
    one, other = Files(), Files()
    assert run(one, ["mkdir", "/tmp/a"])[2] == 0
    one.write("/tmp/a/b", content)
    archive, err, code = run(one, ["tar", "cf", "-", "-C", "/tmp", "a"])
    assert (err, code) == ("", 0)
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        assert opened.getnames() == ["a", "a/b"]
    assert run(other, ["tar", "-xmf", "-", "-C", "/srv"], archive) == (b"", "", 0)
    assert other.read("/srv/a/b") == content
    assert run(other, ["tar", "tf", "-"], archive) == (b"a\na/b\n", "", 0)


def test_what_is_not_there_is_said() -> None:
    """Teaches: tar goes on after a path that is missing, and ends with 1."""
    files = Files()
    _, err, code = run(files, ["tar", "cf", "-", "/nope"])
    assert (err, code) == ("tar: /nope: No such file or directory\n", 1)
    assert run(files, ["tar", "-xf", "-", "-C", "/nope"])[1:] == (
        "tar: can't change directory to '/nope': No such file or directory\n", 1,
    )  # fmt: skip
    assert run(files, ["tar", "xf", "-"], b"no archive\n")[1:] == ("tar: invalid tar magic\n", 1)
    assert run(files, ["tar"])[2] == 1
