"""Steps that send packets: what becomes of connections is part of the story, and can be expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubesim.scenario import ScenarioError, load_scenario, run_scenario
from kubesim.scenario.narrator import Line
from kubesim.waiting import NotReachedError

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
"""
SCENARIO = """\
apiVersion: kubesim.dev/v1alpha1
kind: Scenario
metadata: {{name: packets}}
spec:
  title: Packets
  until: 1m
  steps:
    - at: 0s
      kubectl: [apply -f service.yaml, create deployment web --image=nginx]
    - at: 30s
      packet: {packet}
"""


def scenario(folder: Path, packet: str) -> Path:
    (folder / "service.yaml").write_text(SERVICE)
    path = folder / "scenario.yaml"
    path.write_text(SCENARIO.format(packet=packet))
    return path


async def lines_of(path: Path) -> list[str]:
    told: list[Line] = []
    await run_scenario(load_scenario(path), told.append)
    return [line.text for line in told if line.actor == "packet"]


async def test_a_step_says_who_answered(tmp_path: Path) -> None:
    """Teaches: which Pod answers, and where it runs."""
    (said,) = await lines_of(scenario(tmp_path, "{from: node-1, to: web, answered: 1}"))
    assert said.startswith("node-1 → web: answered by default/web-")


async def test_refused_connections_are_counted(tmp_path: Path) -> None:
    """Teaches: a wrong port is refused by nobody: mode iptables lets such packets get lost."""
    (said,) = await lines_of(scenario(tmp_path, "{from: node-1, to: 'web:81', times: 3, answered: 0}"))
    assert said.startswith("node-1 → web:81: 3 times no answer: no route leads to 10.")


async def test_a_run_fails_if_the_answers_are_not_as_expected(tmp_path: Path) -> None:
    """Teaches: a lesson that has become wrong is noticed."""
    with pytest.raises(NotReachedError, match="0 of 2 should have been answered, not 2"):
        await lines_of(scenario(tmp_path, "{from: node-1, to: web, times: 2, answered: 0}"))


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        ("{to: web}", "steps.1.packet.from: this field is required"),
        ("{from: node-1, to: web, answered: 2}", "no more than 1 can be answered"),
        ("{from: node-1, to: web, times: 0}", "should be greater than or equal to 1"),
    ],
)
def test_a_packet_that_makes_no_sense_is_refused(tmp_path: Path, packet: str, words: str) -> None:
    """Teaches: mistakes are found before the run."""
    with pytest.raises(ScenarioError, match=words):
        load_scenario(scenario(tmp_path, packet))


async def test_a_sender_that_does_not_exist_is_named_with_its_line(tmp_path: Path) -> None:
    """Teaches: which Pods there are is known only in the run; the sentence is as clear."""
    with pytest.raises(ScenarioError, match=r'steps.1.packet: there is no Pod "default/nobody" and no node "nobody"'):
        await lines_of(scenario(tmp_path, "{from: nobody, to: web}"))
