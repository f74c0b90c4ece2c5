"""The adapter against a cluster of its own process: every part of the wire is real, only the machines are not.

A scenario is simulated, and recorded on a served cluster that is driven from outside; the two must be the same story.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubesim.recording import ordered_outcome, read_recording
from tests.e2e.conftest import Served
from tests.realcluster.conftest import install_stand_ins

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KUBESIM = (sys.executable, "-m", "kubesim.cli.main")
SHORT = """\
apiVersion: kubesim.dev/v1alpha1
kind: Scenario
metadata: {name: short}
spec:
  title: A node goes and comes back
  until: 30s
  replayable: true
  steps:
    - {at: 1s, kubectl: create deployment web --image=nginx --replicas=3}
    - {at: 10s, fault: {crash: node-2}}
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    try:
        yield served
    finally:
        for profile in json.loads(served.kubesim("list", "-o", "json")):
            served.kubesim("delete", "-p", profile["name"])


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("scenario", "speeds", "slack"),
    [
        ("scale-up-and-down", (10, 4), 3),
        ("rolling-update", (10, 4), 5),
        ("drain", (10, 4), 3),
        ("node-failure", (4, 3), 10),
    ],
)
def test_a_recorded_run_is_the_simulated_run(
    scenario: str, speeds: tuple[int, ...], slack: int, cluster: Served
) -> None:
    """Teaches: the same scenario, in one process on virtual time and over HTTPS on a cluster of its own.

    A machine that is busy with something else makes the wire slow, and at ten times the pace ten times as slow: what
    differs is recorded once more at a slower pace, and then must not.
    """
    simulated = cluster.home / "simulated.jsonl.gz"
    cluster.kubesim("run", scenario, "--quiet", "--trace", str(simulated))
    driver = cluster.home / "driver.yaml"
    driver.write_text(f"node:\n  crash: {' '.join(KUBESIM)} node stop {{node}} -p demo\n"
                      f"  restart: {' '.join(KUBESIM)} node start {{node}} -p demo\n")  # fmt: skip
    cluster.kubesim("start", "-p", "demo")
    told = [replayed(cluster, scenario, speeds[0], slack, driver, simulated)]
    if "nothing differs" not in told[-1]:
        told.append(replayed(cluster, scenario, speeds[1], slack, driver, simulated))
    assert "nothing differs" in told[-1], told[-1]
    nodes = json.loads(cluster.kubesim("node", "list", "-p", "demo", "-o", "json"))
    assert {node["machine"] for node in nodes} == {"running"}
    assert "kubesim-" not in cluster.kubectl("get", "namespaces", "-o", "name")


def replayed(cluster: Served, scenario: str, speed: int, slack: int, driver: Path, simulated: Path) -> str:
    """What a comparison says of a run at some pace."""
    recorded = cluster.home / f"recorded-{speed}.jsonl.gz"
    cluster.kubesim("speed", str(speed), "-p", "demo")
    options = ("--driver", f"exec:{driver}", "--allow-disruption", "--slack", str(slack), "--trace", str(recorded))
    done = cluster.try_(*KUBESIM, "replay", scenario, "--context", "demo", *options, seconds=400)
    if done.code:
        return done.output
    return cluster.try_(*KUBESIM, "compare", str(simulated), str(recorded), "--tolerance", f"{slack + 2}s").output


@pytest.mark.parametrize(
    ("driver", "commands"),
    [
        ("minikube", ["minikube node stop node-2 -p demo", "minikube node start node-2 -p demo"]),
        ("kind", ["docker stop --time 0 node-2", "docker start node-2"]),
    ],
)
def test_minikube_and_kind_are_driven_by_their_own_commands(
    driver: str, commands: list[str], cluster: Served, tmp_path: Path
) -> None:
    """Teaches: stand-ins take exactly what the programs document, and switch simulated machines off and on."""
    log = install_stand_ins(tmp_path / "bin")
    cluster.environment |= {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "STAND_IN_LOG": str(log)}
    cluster.environment["STAND_IN_PROFILE"] = "demo"
    (tmp_path / "short.yaml").write_text(SHORT)
    cluster.kubesim("start", "-p", "demo")
    arguments = ("replay", str(tmp_path / "short.yaml"), "--driver", driver, "--allow-disruption")
    planned = cluster.kubesim(*arguments, "--dry-run")
    assert f"crash node-2: {commands[0]}" in planned
    assert not log.exists(), "a dry run does nothing"
    cluster.kubesim("speed", "5", "-p", "demo")
    done = cluster.try_(*KUBESIM, *arguments)
    assert done.code == 0, done.output
    assert log.read_text().splitlines() == commands
    assert f"clean up: {commands[1]}" in done.output


def begin(cluster: Served, command: tuple[str, ...]) -> subprocess.Popen[str]:
    """A program that goes on beside the test."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=cluster.environment, stdout=pipe, stderr=pipe, text=True)


def wait_for_namespace(cluster: Served) -> str:
    """The namespace of the run that has just begun."""
    for _ in range(200):
        names = cluster.kubectl("get", "namespaces", "-l", "kubesim.dev/run", "-o", "name").split()
        if names:
            return names[0]
        time.sleep(0.1)
    raise AssertionError("no run began")


def test_ctrl_c_cleans_up_and_what_a_killed_run_leaves_is_found(cluster: Served) -> None:
    """Teaches: 130 and an empty cluster; after a kill the next run, or --clean-up, removes the rest."""
    cluster.kubesim("start", "-p", "demo")
    command = (*KUBESIM, "replay", "scale-up-and-down")
    for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        with subprocess.Popen(
            command, env=cluster.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as run:
            name = wait_for_namespace(cluster)
            run.send_signal(number)
            _, said = run.communicate(timeout=60)
        assert run.returncode == code, said
        left = cluster.kubectl("get", "namespaces", "-o", "name")
        assert (name in left) == (number == signal.SIGKILL)
    cleaned = cluster.try_(*KUBESIM, "replay", "--clean-up")
    assert cleaned.code == 0
    assert f"an earlier run has left the {name.replace('/', ' ')} behind" in cleaned.output
    assert name not in cluster.kubectl("get", "namespaces", "-o", "name")


def test_a_namespace_is_recorded_until_ctrl_c_and_its_draft_runs(cluster: Served) -> None:
    """Teaches: what was typed at a terminal becomes a scenario."""
    cluster.kubesim("start", "-p", "demo")
    cluster.kubectl("create", "namespace", "shop")
    command = (*KUBESIM, "record", "--attach", "-n", "shop", "--draft", str(cluster.home / "shop"))
    command = (*command, "-o", str(cluster.home / "shop.jsonl"))
    with subprocess.Popen(
        command, env=cluster.environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        assert run.stderr.readline().startswith('recording namespace "shop" of context "demo"')
        cluster.kubectl("-n", "shop", "create", "deployment", "web", "--image=nginx", "--replicas=2")
        cluster.kubectl("-n", "shop", "rollout", "status", "deployment/web")
        time.sleep(3)  # What is typed within two seconds is one step.
        cluster.kubectl("-n", "shop", "scale", "deployment/web", "--replicas=3")
        cluster.kubectl("-n", "shop", "rollout", "status", "deployment/web")
        run.send_signal(signal.SIGINT)
        out, said = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert "a draft with 2 steps" in out
    cluster.kubesim("run", str(cluster.home / "shop"))
    assert ordered_outcome(read_recording(cluster.home / "shop.jsonl")).entries
