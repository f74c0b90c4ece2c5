"""`kubesim what-if`: tables, JSON and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call


def test_a_drain_is_told_as_a_table(call: Call, tmp_path: Path) -> None:
    """Teaches: who goes where, and how long it takes."""
    done = call("what-if", "drain", "node-2", "--on", "rolling-update")
    assert done.code == 0
    assert done.out.splitlines()[0].split() == ["POD", "FROM", "SUCCESSOR", "TO", "STATE", "AFTER"]
    assert "drain node-2: 3 of 3 Pods come out well, the last after" in done.out


def test_programs_are_told_in_json(call: Call, tmp_path: Path) -> None:
    """Teaches: the same with names."""
    told = json.loads(call("what-if", "scale", "deployment/web", "9", "--on", "rolling-update", "-o", "json").out)
    assert told["ok"] is True
    assert [move["state"] for move in told["moves"]] == ["Ready"]


def test_what_does_not_fit_ends_with_one(call: Call, tmp_path: Path) -> None:
    """Teaches: how many do, and what stops the next one."""
    file = tmp_path / "pod.yaml"
    file.write_text(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i, "
        "resources: {requests: {cpu: 1100m}}}]}}"
    )
    done = call("what-if", "fit", str(file), "--replicas", "4", "--on", "rolling-update")
    assert done.code == 1
    assert "Pod/p: 3 of 4 instances fit" in done.out
    assert "limited by: 0/3 nodes are available: 3 Insufficient cpu." in done.out
    found = json.loads(call("what-if", "fit", str(file), "--max", "--on", "rolling-update", "-o", "json").out)
    assert [(each["fitting"], each["ok"]) for each in found] == [(3, True)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["drain", "node-1"], "say which cluster: --on FILE_OR_NAME, -p PROFILE or --context NAME"),
        (["drain", "node-1", "--on", "x", "-p", "y"], "say which cluster"),
        (["drain", "--on", "x"], "Missing argument"),
        (["drain", "node-1", "--on", "no-such-scenario"], "no-such-scenario"),
        (["drain", "node-9", "--on", "rolling-update"], 'nodes "node-9" not found; there are node-1, node-2, node-3'),
        (["drain", "node-1", "--on", "rolling-update", "--for", "soon"], "is no duration"),
        (["drain", "node-1", "-p", "nobody"], 'there is no profile "nobody"'),
        (["drain", "node-1", "--context", "x", "--kubeconfig", "none"], "none"),
        (["scale", "web", "2", "--on", "rolling-update"], "cannot be scaled; write deployment/NAME"),
        (["fit", "nowhere.yaml", "--max", "--on", "rolling-update"], "nowhere.yaml cannot be read"),
        (["fit", "x.yaml", "--max", "--replicas", "2", "--on", "rolling-update"], "say either --replicas or --max"),
    ],
)
def test_bad_input_ends_with_two(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    """Teaches: one sentence."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBESIM_HOME", str(tmp_path))
    done = call("what-if", *arguments)
    assert done.code == 2
    assert words in done.err
