"""Components as processes of their own: `kubesim start --without …` leaves room, `kubesim component …` fills it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Served

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SECONDS_MAX = 60
PARTS = {
    "scheduler": (),
    "controller-manager": ("--no-leader-elect",),
    "kubelet": ("--node-name", "node-1", "--node-name", "node-2", "--capacity", "cpu=8"),
    "proxy": ("--node-name", "node-1"),
}


class Parts:
    """Components that run beside a cluster."""

    def __init__(self, cluster: Served) -> None:
        self._cluster = cluster
        self._running: dict[str, subprocess.Popen[str]] = {}

    def start(self, name: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "kubesim.cli.main", "component", name, *arguments]
        with (self._cluster.home / f"{name}.log").open("w") as log:
            self._running[name] = subprocess.Popen(command, env=self._cluster.environment, stderr=log, text=True)

    def interrupt(self, name: str) -> int:
        process = self._running.pop(name)
        process.send_signal(signal.SIGINT)
        return process.wait(SECONDS_MAX)

    def log(self, name: str) -> str:
        return (self._cluster.home / f"{name}.log").read_text()

    def end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    try:
        yield served
    finally:
        served.kubesim("delete")


@pytest.fixture
def parts(cluster: Served) -> Iterator[Parts]:
    parts = Parts(cluster)
    try:
        yield parts
    finally:
        parts.end()


@pytest.mark.parametrize(
    "left_out", [("scheduler",), ("controller-manager",), ("kubelet",), tuple(PARTS)], ids="+".join
)
def test_what_is_left_out_is_done_by_a_process_beside_the_cluster(
    left_out: tuple[str, ...], cluster: Served, parts: Parts
) -> None:
    """Teaches: each component is a client; where it runs makes no difference."""
    cluster.kubesim("start", "--without", ",".join(left_out))
    for name in left_out:
        parts.start(name, *PARTS[name])
    cluster.kubectl("create", "deployment", "web", "--image=nginx", "--replicas=4")
    assert 'deployment "web" successfully rolled out' in cluster.kubectl("rollout", "status", "deployment/web")
    pods = json.loads(cluster.kubectl("get", "pods", "-o", "json"))["items"]
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    events = cluster.kubectl("get", "events", "-o", "custom-columns=:.reason,:.source.component,:.reportingComponent")
    written = {tuple(line.split()) for line in events.splitlines()}
    assert {("Scheduled", "<none>", "default-scheduler"), ("Started", "kubelet", "kubelet")} <= written
    cluster.kubectl("delete", "deployment", "web")
    cluster.kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s")
    for name in left_out:
        assert parts.interrupt(name) == 130, parts.log(name)
        assert f"component_ends component={name} signal=SIGINT" in parts.log(name)
        assert "Traceback" not in parts.log(name)


def test_a_lost_apiserver_is_waited_for(cluster: Served, parts: Parts) -> None:
    """Teaches: a component outlives its apiserver, and goes on when it is back."""
    cluster.kubesim("start", "--without", "scheduler")
    parts.start("scheduler")
    cluster.kubectl("run", "one", "--image=nginx")
    cluster.kubectl("wait", "--for=condition=PodScheduled", "pod/one", "--timeout=60s")
    cluster.kubesim("stop")
    cluster.kubesim("start")
    cluster.kubectl("run", "two", "--image=nginx")
    cluster.kubectl("wait", "--for=condition=PodScheduled", "pod/two", "--timeout=60s")
    log = parts.log("scheduler")
    assert log.index("chosen=") < log.index("apiserver_is_lost") < log.index("apiserver_is_reached_again")
    assert "connect: connection refused" in log
    assert parts.interrupt("scheduler") == 130
    lease = json.loads(cluster.kubectl("-n", "kube-system", "get", "lease", "kube-scheduler", "-o", "json"))
    assert lease["spec"]["holderIdentity"] == "", "who ends in good order gives its lease back"


def test_a_component_without_a_cluster_says_so(cluster: Served) -> None:
    """Teaches: exit code 2, one sentence."""
    cluster.kubesim("start")
    cluster.kubesim("stop")
    done = cluster.try_(sys.executable, "-m", "kubesim.cli.main", "component", "scheduler")
    assert done.code == 2
    (line,) = done.output.splitlines()
    assert line.startswith('Error: the cluster of context "kubesim" (https://127.0.0.1:')
    assert line.endswith("connect: connection refused")
