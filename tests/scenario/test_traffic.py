"""Loads in scenarios: what is sent, what comes back, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kubesim.scenario import Line, RunResult, ScenarioError, load_scenario, run_scenario
from kubesim.scenario.schema import Traffic
from kubesim.sim import run as run_on_virtual_time

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "nodePort": 30080}], "type": "NodePort"},
}


def play(folder: Path, traffic: dict[str, object], *steps: object, until: str = "40s") -> tuple[RunResult, list[str]]:
    """Runs a scenario with one load on two replicas of nginx; the lines about the load."""
    (folder / "service.yaml").write_text(yaml.safe_dump(SERVICE))
    first = {"at": "0s", "kubectl": ["create deployment web --image=nginx --replicas=2", "apply -f service.yaml"]}
    spec = {
        "title": "x",
        "until": until,
        "cluster": {"nodes": 2},
        "steps": [first, *steps],
        "traffic": [{"name": "load", "from": "node-1", "to": "http://web/", "at": "10s", **traffic}],
    }
    document = {"apiVersion": "kubesim.dev/v1alpha1", "kind": "Scenario", "metadata": {"name": folder.name}}
    (folder / "scenario.yaml").write_text(yaml.safe_dump({**document, "spec": spec}))
    lines: list[Line] = []
    loaded = load_scenario(folder / "scenario.yaml")
    result = run_on_virtual_time(lambda: run_scenario(loaded, lines.append))
    return result, [line.text for line in lines if line.actor == "traffic/load"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "load"
    made.mkdir()
    return made


def test_an_open_loop_sends_at_its_rate_whatever_comes_back(folder: Path) -> None:
    """Teaches: 29 seconds at 10 a second are 290 requests, and both Pods have their share."""
    result, told = play(folder, {"rate": 10, "failed": {"max": 0}, "answered": {"min": 290}})
    assert told == ["290 of 290 requests were answered by 2 Pods"]
    assert result.ok


def test_requests_that_find_nobody_are_counted_by_what_went_wrong(folder: Path) -> None:
    """Teaches: a Service without endpoints refuses at once; when Pods come back, so does the answer."""
    down = {"at": "20s", "kubectl": "scale deployment web --replicas=0"}
    up = {"at": "25s", "kubectl": "scale deployment web --replicas=1"}
    result, told = play(folder, {"rate": 2, "failed": {"max": 0}}, down, up)
    assert not result.ok
    assert [entry.text for entry in result.judged] == ["failed: no request of load"]
    assert told[0].startswith("requests fail: ")
    assert "all is well" in told[1]
    assert "refused" in told[-1]


def test_from_outside_a_node_port_is_the_way_in(folder: Path) -> None:
    """Teaches: any node's address leads to any Pod."""
    _, told = play(folder, {"from": "outside", "to": "node-2:30080", "rate": 1})
    assert told == ["29 of 29 requests were answered by 2 Pods"]


def test_a_closed_loop_asks_again_when_it_has_its_answer(folder: Path) -> None:
    """Teaches: three clients that think for a second send three requests a second, never more."""
    _, told = play(folder, {"clients": 3, "think": "1s"})
    assert told == ["87 of 87 requests were answered by 2 Pods"]


def test_a_name_that_does_not_exist_and_a_sender_that_is_not_there_fail(folder: Path) -> None:
    """Teaches: a request may fail before its first packet."""
    _, told = play(folder, {"to": "http://shop/", "rate": 1})
    assert told[-1].startswith("0 of 29 requests were answered; 29 failed: 29 name not found; from 10.0 s")
    _, told = play(folder, {"from": "pod/nobody", "rate": 1})
    assert "timed out" in told[-1]


def test_a_curve_goes_straight_from_point_to_point() -> None:
    """Teaches: a wave of load is a few points."""
    points = [{"after": 0, "rate": 2}, {"after": 10, "rate": 12}, {"after": 20, "rate": 0}]
    traffic = Traffic.model_validate({"name": "x", "to": "y", "rate": points})
    assert [traffic.rate_at(seconds) for seconds in (0, 5, 10, 15, 20, 99)] == [2, 7, 12, 6, 0, 0]


@pytest.mark.parametrize(
    ("traffic", "sentence"),
    [
        ({}, "traffic has a rate or a number of clients"),
        ({"rate": 1, "clients": 1}, "traffic has a rate or a number of clients"),
        ({"rate": -1}, "a rate is a number from 0 to 10000"),
        ({"rate": 1, "until": "5s"}, "until is before at"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(folder: Path, traffic: dict[str, object], sentence: str) -> None:
    """Teaches: found before the run, with file, line and field."""
    with pytest.raises(ScenarioError, match=sentence):
        play(folder, traffic)
