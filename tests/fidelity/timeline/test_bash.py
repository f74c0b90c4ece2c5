"""Shell lines, run by a real shell while virtual time passes as real time does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubesim.fidelity.timeline.bash import Bash, environment_of
from kubesim.fidelity.timeline.kubectl_program import KubectlMissingError, KubectlProgram
from kubesim.sim import Mode, Simulation

KUBECTL = """#!/bin/bash
[ "$1" = version ] && echo '{"clientVersion": {"major": "1", "minor": "MINOR"}}' && exit
printf '%s|' "$@"
"""


def program(folder: Path, minor: str) -> KubectlProgram:
    file = folder / "kubectl-of-a-test"
    file.write_text(KUBECTL.replace("MINOR", minor))
    file.chmod(0o755)
    return KubectlProgram(str(file))


async def test_a_line_is_bash_and_tells_how_it_ended(sim: Simulation, tmp_path: Path) -> None:
    """Teaches: both outputs, the exit code, the folder of the scenario; afterwards time jumps again."""
    async with Bash(sim.loop, tmp_path, {"PATH": "/usr/bin:/bin", "NS": "t-x"}) as bash:
        assert await bash.run("p=(a b); echo ${p[1]} $NS > f; cat f; echo e >&2; exit 3") == (3, "b t-x\ne\n")
        assert sim.loop.mode is Mode.VIRTUAL
    assert (tmp_path / "f").read_text() == "b t-x\n"


async def test_time_passes_only_while_a_line_is_waited_for(sim: Simulation, tmp_path: Path) -> None:
    """Teaches: a command lives in real time, so the cluster must not be an hour further when it asks again."""
    async with Bash(sim.loop, tmp_path, {"PATH": "/usr/bin:/bin"}) as bash:
        await bash.run("sleep 0.2")
    assert 0.02 <= sim.clock.now() < 10


async def test_an_old_kubectl_is_told_in_its_own_words(sim: Simulation, tmp_path: Path) -> None:
    """Teaches: `autoscale --cpu` is from v1.34, and a YAML file may begin with a brace since v1.33."""
    old = program(tmp_path, "32+")
    old.install(tmp_path / "bin")
    (tmp_path / "a.yaml").write_text("{a: 1}\n---\n{b: 2}\n")
    (tmp_path / "b.yaml").write_text(json.dumps({"a": 1}))
    old.readable(tmp_path)
    assert (tmp_path / "a.yaml").read_text() == "---\n{a: 1}\n---\n{b: 2}\n"
    assert (tmp_path / "b.yaml").read_text() == '{"a": 1}'
    async with Bash(sim.loop, tmp_path, environment_of(tmp_path, "t-x")) as bash:
        said = await bash.run("kubectl autoscale deployment web --min=3 --cpu=50%; kubectl get 'a b' --cpu 7%")
    assert said == (0, "autoscale|deployment|web|--min=3|--cpu-percent=50|get|a b|--cpu-percent=7|")


async def test_a_new_kubectl_is_left_alone(sim: Simulation, tmp_path: Path) -> None:
    """Teaches: the lines run as they are."""
    new = program(tmp_path, "36")
    new.install(tmp_path / "bin")
    (tmp_path / "a.yaml").write_text("{a: 1}\n")
    new.readable(tmp_path)
    assert (tmp_path / "a.yaml").read_text() == "{a: 1}\n"
    async with Bash(sim.loop, tmp_path, environment_of(tmp_path, "t-x")) as bash:
        assert (await bash.run("kubectl autoscale --cpu=50%"))[1] == "autoscale|--cpu=50%|"


def test_a_kubectl_that_is_not_there_is_missed_before_anything_is_played() -> None:
    """Teaches: one sentence that says what to do."""
    with pytest.raises(KubectlMissingError, match="no-such-kubectl was not found; install it"):
        KubectlProgram("no-such-kubectl")
