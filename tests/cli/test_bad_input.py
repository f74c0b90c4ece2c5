"""Bad input: one clear sentence with file, line and field, exit code 2, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def refused(call: Any, *arguments: str) -> str:
    """The one sentence."""
    done = call("run", *arguments)
    assert done.code == 2, done
    message: str = done.err.strip()
    assert message.startswith("Error: ")
    assert "\n" not in message
    return message.removeprefix("Error: ")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "scenario.yaml",
            "  title: Mine",
            "  title: Mine\n  titel: x",
            "scenario.yaml, line 7: spec.titel: there is no",
        ),
        ("scenario.yaml", "until: 10s", "until: soon", "scenario.yaml, line 7: spec.until: expected a duration"),
        ("scenario.yaml", "nodes: 1", "nodes: [1", "not valid YAML"),
        ("scenario.yaml", "nodes: 1", "nodes: -1", "scenario.yaml, line 8: spec.cluster: nodes is a number from 0"),
        (
            "scenario.yaml",
            "nodes: 1",
            "nodes: [{name: node-1, cpu: lots}]",
            "scenario.yaml, line 9: spec.cluster.nodes.0.cpu: expected a quantity such as 2, 500m or 4Gi",
        ),
        (
            "scenario.yaml",
            "pod.yaml",
            "nowhere.yaml",
            "nowhere.yaml: cannot read the manifest (No such file or directory)",
        ),
        (
            "scenario.yaml",
            "crash: node-1",
            "crash: node-7",
            "scenario.yaml, line 15: steps.1.fault.crash: unknown node",
        ),
        ("scenario.yaml", "apply -f", "aply -f", 'unknown kubectl verb "aply"; did you mean "apply"?'),
        ("scenario.yaml", "get: pod/hello", "get: pud/hello", 'unknown resource type "pud"'),
        ("pod.yaml", "spec:", "spec: [", "this is not valid YAML"),
        ("pod.yaml", "kind: Pod\n", "", "pod.yaml, line 1: kind is missing"),
        ("pod.yaml", "kind: Pod", "kind: Pot", 'pod.yaml, line 1: no matches for kind "Pot" in version "v1"'),
        ("pod.yaml", "image: busybox", "imagee: busybox", 'pod.yaml, line 8: Pod in version "v1" cannot be handled'),
        ("pod.yaml", "name: main", "name: Main", 'pod.yaml, line 7: Pod "hello" is invalid: spec.containers[0].name'),
        ("pod.yaml", "- name: main", "- ports: [{containerPort: x}]", "pod.yaml, line 7: "),
    ],
)
def test_a_mistake_in_a_file_has_a_place_and_a_sentence(
    call: Any, files: Any, file: str, old: str, new: str, words: str
) -> None:
    """Teaches: most are found before the run, and those of the apiserver in its words."""
    files.change(file, old, new)
    assert words in refused(call, files.scenario)


def test_the_manifest_of_a_refused_object_is_named_with_line_and_field(call: Any, files: Any) -> None:
    """Teaches: the step that applied it, the file, the line, the field, and what the apiserver said."""
    files.change("pod.yaml", "image: busybox", "imagePullPolicy: Sometimes")
    message = refused(call, files.scenario)
    assert f"{files.scenario}, line 12: steps.0.kubectl: " in message
    assert f"{files.folder}/pod.yaml, line " in message
    assert "spec.containers[0].image" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["node-failur"], 'no scenario is called "node-failur"; did you mean "node-failure"?'),
        (["nothing-like-it"], "there is node-failure, "),
        (["none.yaml"], "none.yaml: there is no such file"),
        (["node-failure", "--speed", "0"], "a speed is max, or a number above 0"),
        (["node-failure", "--speed", "fast"], "not fast"),
        (["node-failure", "--speed", "inf"], "not inf"),
        (["node-failure", "--seed", "x"], "'x' is not a valid integer"),
        (["node-failure", "--set", "nonsense"], "--set takes FIELD=VALUE"),
        (["node-failure", "--set", "nonsense=1"], "spec.nonsense: there is no such field"),
        (["node-failure", "--set", "cluster.nodes=many"], "spec.cluster.nodes"),
        (["node-failure", "--set", "steps.0.at=2m"], "steps stand in order of time"),
        (["node-failure", "--trace", "/nowhere/run.jsonl"], "/nowhere/run.jsonl: cannot write the trace (No such file"),
        ([], "Missing argument 'FILE_OR_NAME'"),
        (["node-failure", "--sed", "1"], "No such option"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(call: Any, arguments: list[str], words: str) -> None:
    """Teaches: what would be right stands in the sentence."""
    assert words in refused(call, *arguments)


def test_a_command_that_was_to_be_refused_and_was_not_is_a_mistake(call: Any, files: Any) -> None:
    """Teaches: `refused` is an expectation of a step."""
    files.change(
        "scenario.yaml", "      kubectl: apply -f pod.yaml", "      kubectl: apply -f pod.yaml\n      refused: x"
    )
    assert 'steps.0.refused: "kubectl apply -f pod.yaml" was accepted, not refused' in refused(call, files.scenario)


def test_fidelity_refuses_a_file_that_is_no_transcript(call: Any, tmp_path: Path) -> None:
    """Teaches: nothing is started before the input is known to be good."""
    file = tmp_path / "empty.json"
    file.write_text('{"meta": {}, "cases": []}')
    done = call("fidelity", "kubectl", str(file))
    assert (done.code, done.err.strip()) == (2, f"Error: {file} holds no cases")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "{} holds no recorded placements"),
        ("nonsense", "{} is no file of recorded placements: "),
        ('{"seed": 1, "objects": [{"kind": "Node"}], "steps": []}', "{}: line 1 holds something that is no Kubernetes"),
    ],
)
def test_fidelity_refuses_a_file_that_holds_no_placements(call: Any, tmp_path: Path, text: str, words: str) -> None:
    """Teaches: a file of something else is named, not traced back."""
    file = tmp_path / "recordings.jsonl"
    file.write_text(text)
    done = call("fidelity", "scheduler", str(file))
    assert (done.code, done.err.startswith(f"Error: {words.format(file)}")) == (2, True)
