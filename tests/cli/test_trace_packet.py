"""`kubesim trace-packet` and `kubesim proxy`, as far as no service is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubesim.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    printed = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, printed.out, printed.err


def test_a_packet_is_traced_at_a_moment_of_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    """Teaches: what would have become of a request just then; exit code 1 if nobody answers."""
    code, out, _ = run(
        capsys, "trace-packet", "customer", "shop", "--scenario", "service-without-endpoints", "--at", "25"
    )
    assert code == 1
    assert out.endswith("connection refused: default/shop has no endpoints\n")
    asked = ("customer", "shop", "--scenario", "service-without-endpoints", "--at", "50", "--output", "json")
    code, out, _ = run(capsys, "trace-packet", *asked)
    answer = json.loads(out)
    assert (code, answer["outcome"], answer["code"]) == (0, "answered", 200)
    assert [hop["kind"] for hop in answer["hops"]] == ["source", "dns", "rules", "container", "answer"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a", "b", "--at", "3"), "--at needs a --scenario"),
        (("a", "b", "--scenario", "nonsense"), "nonsense"),
        (("a", "b", "--scenario", "stale-proxy", "--at", "9999"), "the run of stale-proxy ends at 300 s"),
        (("nobody", "web", "--scenario", "stale-proxy", "--at", "1"), 'there is no Pod "default/nobody"'),
    ],
)
def test_what_cannot_be_traced_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    """Teaches: bad input ends with 2."""
    code, out, err = run(capsys, "trace-packet", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "command", [("proxy", "rules", "node-1"), ("proxy", "services", "node-1"), ("trace-packet", "a", "b")]
)
def test_an_unknown_profile_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """Teaches: rules and packets belong to a cluster."""
    monkeypatch.setenv("KUBESIM_HOME", str(tmp_path))
    code, out, err = run(capsys, *command, "-p", "lesson")
    assert (code, out, err) == (2, "", 'Error: there is no profile "lesson"; `kubesim start` makes one\n')
