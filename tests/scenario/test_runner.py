"""Running a scenario: times, conditions, refusals, and what is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubesim.scenario import Line, RunResult, ScenarioError, load_scenario, run_scenario
from kubesim.sim import run as run_on_virtual_time

HEAD = """\
apiVersion: kubesim.dev/v1alpha1
kind: Scenario
metadata: {name: mine}
spec:
  title: Mine
  until: 60s
  cluster: {nodes: 2}
"""


def played(folder: Path, spec: str, **options: Any) -> tuple[RunResult, list[Line]]:
    """Runs a scenario with these steps and expectations."""
    (folder / "scenario.yaml").write_text(HEAD + spec)
    lines: list[Line] = []
    loaded = load_scenario(folder / "scenario.yaml")
    return run_on_virtual_time(lambda: run_scenario(loaded, lines.append, **options)), lines


def times(lines: list[Line], style: str) -> list[tuple[float, str]]:
    return [(line.seconds, line.text) for line in lines if line.style == style]


def test_steps_are_taken_at_their_times(tmp_path: Path) -> None:
    """Teaches: `at` counts from the start, `after` from the step before."""
    _, lines = played(tmp_path, "  steps: [{at: 10s, say: one}, {after: 5s, say: two}, {at: 20s, say: three}]\n")
    assert times(lines, "say") == [(10.0, "one"), (15.0, "two"), (20.0, "three")]


def test_a_step_may_wait_until_something_holds(tmp_path: Path) -> None:
    """Teaches: `when` is as soon as it holds, whenever that is."""
    when = "{when: {get: pod/a, where: {status.phase: Running}}, say: it runs}"
    result, lines = played(
        tmp_path, f"  steps: [{{at: 1s, kubectl: run a --image=nginx}}, {when}, {{after: 1s, say: b}}]\n"
    )
    (first, _), (second, _) = times(lines, "say")
    assert 1 < first < 10
    assert second == pytest.approx(first + 1)
    assert (result.ok, result.seconds) == (True, 60.0)


def test_a_command_may_be_expected_to_be_refused(tmp_path: Path) -> None:
    """Teaches: what admission refuses is a lesson, too."""
    _, lines = played(tmp_path, "  steps: [{kubectl: scale deployment/x --replicas=1, refused: not found}]\n")
    assert times(lines, "output") == [(0.0, 'refused, as expected: deployments.apps "x" not found')]
    with pytest.raises(ScenarioError, match=r'line 8: steps\.0\.kubectl: "kubectl delete pod a" was refused'):
        played(tmp_path, "  steps: [{kubectl: delete pod a}]\n")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("{crash: node-1}", "crash node-1"),
        ("{stop: kubelet/node-1}", "stop kubelet/node-1"),
        ("{partition: [node-1, control-plane], oneWay: true}", "partition"),
        ("{hold: [node-1, control-plane]}", "hold"),
        ("{slow: [node-1, control-plane], latency: 250ms}", "slow"),
        ("{drop: [node-1, control-plane], probability: 0.5}", "drop"),
    ],
)
def test_a_fault_is_told(tmp_path: Path, fault: str, told: str) -> None:
    """Teaches: fate acts at the times of the scenario, as a user does."""
    _, lines = played(tmp_path, f"  steps: [{{at: 3s, fault: {fault}}}]\n")
    (found,) = times(lines, "fault")
    assert found[0] == 3.0
    assert found[1].startswith(told)


def test_a_silent_node_that_speaks_again_is_told(tmp_path: Path) -> None:
    """Teaches: a heartbeat is overdue after 12 s."""
    steps = "  steps: [{at: 3s, fault: {crash: node-1}}, {at: 40s, fault: {restart: node-1}}]\n"
    _, lines = played(tmp_path, steps)
    assert any("is silent: the last heartbeat of node-1 came at" in line.text for line in lines)
    assert any(line.text.startswith("speaks again, after") for line in lines)


def test_what_happened_last_before_a_failure_is_kept(tmp_path: Path) -> None:
    """Teaches: the result of a run can be reported without its whole story."""
    spec = "  steps: [{at: 1s, kubectl: run a --image=nginx}, {at: 50s, say: later}]\n"
    spec += "  expect: [{eventually: {get: pod/b}, by: 20s, say: b is there}]\n"
    result, lines = played(tmp_path, spec)
    assert not result.ok
    assert result.judged[0].at_seconds == 20.0
    assert any(line.text == "Pod a is Running and ready" for line in result.last_lines)
    assert all(line.seconds <= 20 for line in result.last_lines)
    assert (20.0, "✘ b is there") in times(lines, "failed")


def test_lines_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    """Teaches: held back for a moment to be told together, and never out of order."""
    spec = "  steps: [{at: 1s, kubectl: create deployment web --image=nginx --replicas=4}]\n"
    spec += "  expect: [{eventually: {get: pods, where: {status.phase: Running}, count: 4}, say: four run}]\n"
    for everything in (False, True):
        _, lines = played(tmp_path, spec, everything=everything)
        assert [line.seconds for line in lines] == sorted(line.seconds for line in lines)
    texts = [line.text for line in lines]
    assert sum(text.endswith("is Running and ready") for text in texts) == 4, "whoever wants everything gets each"
