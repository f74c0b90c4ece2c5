"""`kubesim explain-schedule`: of a recording, of a scenario, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubesim.cli.scheduling_table import attempt_in_lines, pods_in_lines, story_in_lines
from tests.cli.conftest import Call, Files

TABLE: dict[str, Any] = {
    "plugins": {"TaintToleration": 3, "NodeResourcesFit": 1},
    "feasible": [
        {"nodes": ["a", "c"], "raw": [0, 90], "weighted": [300, 90], "total": 390},
        {"nodes": ["d"], "raw": [0, 70], "weighted": [300, 70], "total": 370},
    ],
    "rejected": [
        {"nodes": ["b"], "plugin": "NodeResourcesFit", "reasons": ["Insufficient cpu"],
         "words": "it has 300m cpu left, the Pod asks for 500m"},
    ],
    "best": ["a", "c"],
}  # fmt: skip
ATTEMPT: dict[str, Any] = {"attempt": 1, "t": 1.5, "nodes": 4, "evaluated": 4, "feasible": 3, "chosen": "c"}


def test_the_table_has_a_column_for_what_makes_a_difference() -> None:
    """Teaches: weighted points, raw in brackets; who is out and why; how a tie was broken."""
    assert attempt_in_lines(ATTEMPT | {"table": TABLE}) == [
        "",
        "NODE   NodeResourcesFit   TOTAL",
        "a      90 (90)            390     as good",
        "c      90 (90)            390     ← chosen",
        "d      70 (70)            370",
        "The same for all: TaintToleration 300",
        "",
        "b is out (NodeResourcesFit): it has 300m cpu left, the Pod asks for 500m.",
        "a and c are equally good (390 points); chance, which the seed decides, chose c.",
    ]


def test_one_winner_is_compared_with_the_next() -> None:
    """Teaches: by how much it won."""
    first = TABLE["feasible"][0] | {"nodes": ["c"]}
    table = TABLE | {"feasible": [first, TABLE["feasible"][1]], "best": ["c"], "rejected": []}
    assert attempt_in_lines(ATTEMPT | {"table": table})[-1] == "c is chosen with 390 points; next is d with 370."
    table |= {"feasible": [{"nodes": ["c"]}]}
    assert attempt_in_lines(ATTEMPT | {"table": table}) == [
        "c is chosen: it is the only node that is left, so nothing is scored."
    ]
    other = attempt_in_lines(ATTEMPT | {"chosen": "d", "table": TABLE})[-1]
    assert other == "d is chosen, though by the plugins' points it would be a and c: an extender has its say."


def test_a_big_cluster_is_not_looked_at_as_a_whole() -> None:
    """Teaches: percentageOfNodesToScore; and a table that stays readable."""
    many = {"nodes": [f"n{number}" for number in range(50)], "count": 100, "raw": [1], "weighted": [1], "total": 1}
    table = {"plugins": {"P": 1}, "feasible": [many], "best": many["nodes"], "bestCount": 100}
    found = attempt_in_lines(
        ATTEMPT | {"nodes": 500, "evaluated": 143, "feasible": 100, "chosen": "n99", "table": table}
    )
    assert found[0] == (
        "Only 143 of 500 nodes were looked at: with 100 that will do the search ends (percentageOfNodesToScore); "
        "the next Pod's begins where this one stopped."
    )
    assert "and 80 nodes more (`--output json` names them)" in found
    assert found[-1] == "100 nodes are equally good (1 points); chance, which the seed decides, chose n99."
    promised = attempt_in_lines(ATTEMPT | {"nodes": 5, "evaluated": 1, "feasible": 1, "table": {"best": ["c"]}})
    assert promised[0] == "The Pod is promised c and fits there by now: no other of 5 nodes is looked at."


def test_attempts_that_came_to_the_same_are_a_line() -> None:
    """Teaches: a Pod that waits is tried again and again."""
    nobody = {"nodes": 1, "evaluated": 1, "feasible": 0, "message": "0/1 nodes are available: 1 Too many pods."}
    table = {"rejected": [TABLE["rejected"][0]], "best": []}
    story = {"pod": "default/web", "attempts": [
        {"attempt": 1, "t": 1.0, **nobody, "table": table}, {"attempt": 2, "t": 2.0, **nobody, "table": table},
        {"attempt": 3, "t": 3.0, "nodes": 1, "error": "no nodes available to schedule pods"},
    ]}  # fmt: skip
    assert story_in_lines(story) == [
        "default/web, attempt 1, at 1.000 s",
        "b is out (NodeResourcesFit): it has 300m cpu left, the Pod asks for 500m.",
        "No node will do. kube-scheduler says: 0/1 nodes are available: 1 Too many pods.",
        "default/web, attempt 2, at 2.000 s: as attempt 1",
        "",
        "default/web, attempt 3, at 3.000 s",
        "It failed: no nodes available to schedule pods",
    ]
    assert pods_in_lines([{"pod": "default/web", "attempts": 3, "node": "", "message": "no"}]) == [
        "POD           ATTEMPTS   NODE", "default/web   3          none: no",
    ]  # fmt: skip


def test_a_forgotten_past_shows_the_summary() -> None:
    """Teaches: what a record keeps when the store has forgotten."""
    lines = attempt_in_lines(ATTEMPT | {"forgotten": "it is gone", "scores": {"c": 9, "a": 8}, "rejected": {"full": 2}})
    assert lines == [
        "The table cannot be made: it is gone.", "The best nodes and their points: c 9, a 8.", "2 nodes: full",
        "c was chosen.",
    ]  # fmt: skip


def test_preemption_is_told_in_sentences() -> None:
    """Teaches: who was considered, who was spared and why, and why that node."""
    preemption = {
        "considered": 3, "helpable": 3, "node": "a", "because": "fewest victims: a before b",
        "candidates": [
            {"node": "a", "victims": [{"pod": "default/x", "priority": 1, "budget": "overdrawn"}],
             "spared": [{"pod": "default/y", "priority": 2, "because": "there is room for both"}]},
        ],
        "hopeless": [{"nodes": ["c"], "reason": "No preemption victims found for incoming pod"}],
    }  # fmt: skip
    failed = {"attempt": 1, "t": 0.0, "nodes": 3, "evaluated": 3, "feasible": 0, "message": "0/3"}
    assert attempt_in_lines(failed | {"table": {"best": [], "preemption": preemption}})[1:] == [
        "Preemption: 3 nodes looked at where Pods of lower priority might make room.",
        "  a: default/x (priority 1, although its PodDisruptionBudget is overdrawn) would have to leave",
        "    default/y (priority 2) is spared: there is room for both",
        "  c: No preemption victims found for incoming pod",
        "  a is chosen: fewest victims: a before b.",
    ]


def test_a_recording_and_a_scenario_are_asked_alike(call: Call, files: Files, tmp_path: Path) -> None:
    """Teaches: the trace carries the table; without a Pod it lists those that were tried."""
    trace = str(tmp_path / "run.jsonl.gz")
    assert call("run", files.scenario, "--trace", trace, "--quiet").code == 0
    for source in (("--trace", trace), ("--scenario", files.scenario)):
        told = call("explain-schedule", "hello", *source)
        assert told.out.splitlines() == [
            "default/hello, attempt 1, at 1.000 s",
            "node-1 is chosen: it is the only node that is left, so nothing is scored.",
        ]
        listed = call("explain-schedule", *source, "--output", "json")
        assert json.loads(listed.out) == [{"pod": "default/hello", "attempts": 1, "node": "node-1", "message": ""}]
    shown = json.loads(call("explain-schedule", "hello", "--trace", trace, "--attempt", "1", "-o", "json").out)
    assert shown["attempts"][0]["table"] == {"feasible": [{"nodes": ["node-1"]}], "best": ["node-1"]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nobody",), 'RUN shows no Pod "nobody" in the namespace "default"; there is hello'),
        (("hello", "-n", "else"), 'RUN shows no Pod "hello" in the namespace "else"'),
        (("hello", "--attempt", "2"), 'the Pod "hello" has no attempt 2; the last is 1'),
        (("hello", "--scenario", "x"), "ask a recording (--trace) or a scenario (--scenario), not both"),
        (("hello", "--seed", "2"), "--seed and --set go with --scenario"),
    ],
)
def test_what_a_recording_does_not_show_is_refused(
    call: Call, files: Files, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    """Teaches: an error names what there is."""
    trace = str(tmp_path / "run.jsonl")
    call("run", files.scenario, "--trace", trace, "--quiet")
    outcome = call("explain-schedule", *arguments, "--trace", trace)
    assert (outcome.code, outcome.err.strip().removeprefix("Error: ")) == (2, sentence.replace("RUN", trace))


def test_files_that_are_no_recordings_are_refused(call: Call, tmp_path: Path) -> None:
    """Teaches: a recording without attempts (of a real cluster) is said to be one."""
    missing, noise, bare = tmp_path / "no", tmp_path / "noise", tmp_path / "bare"
    noise.write_text("{")
    line = {"t": 0, "verb": "ADDED", "kind": "Pod", "namespace": "default", "name": "web", "object": {"spec": {}}}
    bare.write_text(json.dumps(line) + "\n")
    assert call("explain-schedule", "web", "--trace", str(missing)).err == (
        f"Error: {missing} cannot be read (No such file or directory)\n"
    )
    assert f"{noise} is no recording" in call("explain-schedule", "web", "--trace", str(noise)).err
    assert call("explain-schedule", "web", "--trace", str(bare)).err == (
        f"Error: {bare} holds no attempts of the scheduler's; `kubesim run NAME --trace FILE` writes them\n"
    )
    assert call("explain-schedule", "web", "--scenario", "no-such").code == 2


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("schedulingGates: [{name: example.com/quota}]", "is not tried yet: it waits at its scheduling gates "
         "(example.com/quota) until somebody removes them from spec.schedulingGates"),
        ("schedulerName: theirs", 'was not tried yet by any scheduler here; it asks for "theirs"'),
        ("nodeName: node-1", "is on node-1, but it was not this scheduler that put it there"),
    ],
)  # fmt: skip
def test_a_pod_without_attempts_says_why(call: Call, files: Files, spec: str, sentence: str) -> None:
    """Teaches: gates, another scheduler, and a node that somebody else wrote."""
    files.change("scenario.yaml", "kubectl: apply -f pod.yaml", "kubectl: [apply -f pod.yaml, apply -f other.yaml]")
    pod = (files.folder / "pod.yaml").read_text().replace("hello", "other").replace("spec:", f"spec:\n  {spec}")
    (files.folder / "other.yaml").write_text(pod)
    outcome = call("explain-schedule", "other", "--scenario", files.scenario)
    assert (outcome.code, outcome.err) == (2, f'Error: the Pod "other" {sentence}\n')


def test_the_list_is_of_one_namespace_if_one_is_named(call: Call, tmp_path: Path) -> None:
    """Teaches: without -n all Pods that were tried are listed."""
    trace = str(tmp_path / "run.jsonl")
    assert call("run", "pending-for-lack-of-cpu", "--quiet", "--trace", trace).code == 0
    assert "default/batch-" in call("explain-schedule", "--trace", trace, "-n", "default").out
    none = call("explain-schedule", "--trace", trace, "-n", "shop")
    assert (none.code, none.out) == (0, 'No Pod was tried in the namespace "shop".\n')
