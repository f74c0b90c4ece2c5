"""`kubesim start` and the unmodified kubectl, as a user has them: programs of their own.

Every test has its own home, kubeconfig and profiles, any free port, and ends what it started.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SECONDS_MAX = 60
THEIRS = """\
apiVersion: v1
kind: Config
current-context: work
clusters: [{name: work, cluster: {server: "https://work.example:6443"}}]
users: [{name: work, user: {username: "yes", password: "0123"}}]
contexts: [{name: work, context: {cluster: work, user: work}}]
"""


class Shell:
    """Runs programs in a home of their own."""

    def __init__(self, home: Path) -> None:
        self.kubeconfig = home / "kubeconfig"
        dropped = ("KUBECONFIG", "XDG_STATE_HOME", "KUBESIM_PROFILE")
        self.environment = {key: value for key, value in os.environ.items() if key not in dropped}
        self.environment |= {"HOME": str(home), "KUBESIM_HOME": str(home / "profiles")}
        self.environment["KUBECONFIG"] = str(self.kubeconfig)

    def run(self, *command: str, expect: int = 0) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=SECONDS_MAX)
        assert done.returncode == expect, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if expect == 0 else done.stderr

    def kubesim(self, *arguments: str, expect: int = 0) -> str:
        return self.run(sys.executable, "-m", "kubesim.cli.main", *arguments, expect=expect)

    def kubectl(self, *arguments: str, expect: int = 0) -> str:
        return self.run("kubectl", *arguments, expect=expect)

    def state(self, profile: str = "kubesim") -> dict[str, object]:
        state: dict[str, object] = json.loads(self.kubesim("status", "-p", profile, "-o", "json"))
        return state


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    try:
        yield shell
    finally:
        for profile in json.loads(shell.kubesim("list", "-o", "json")):
            shell.kubesim("delete", "-p", profile["name"])


def test_a_class_begins(shell: Shell) -> None:
    """Teaches: the first ten commands of every Kubernetes course."""
    started = shell.kubesim("start", "--nodes", "3")
    assert '"kubesim" is up: Kubernetes v1.36.2, 3 nodes, https://127.0.0.1:' in started
    assert "Kubernetes control plane is running at https://127.0.0.1:" in shell.kubectl("cluster-info")
    nodes = shell.kubectl("get", "nodes", "--no-headers").splitlines()
    assert [line.split()[:2] for line in nodes] == [["node-1", "Ready"], ["node-2", "Ready"], ["node-3", "Ready"]]
    assert shell.kubectl("create", "deployment", "web", "--image=nginx", "--replicas=3") == (
        "deployment.apps/web created\n"
    )
    assert 'deployment "web" successfully rolled out' in shell.kubectl("rollout", "status", "deployment/web")
    pods = shell.kubectl("get", "pods", "-o", "wide", "--no-headers").splitlines()
    assert [line.split()[1:3] for line in pods] == [["1/1", "Running"]] * 3
    assert {line.split()[6] for line in pods} == {"node-1", "node-2", "node-3"}
    assert shell.kubectl("delete", "deployment", "web") == 'deployment.apps "web" deleted\n'
    assert shell.kubesim("stop") == '"kubesim" has stopped\n'
    assert (
        "status:  Stopped"
        in subprocess.run(
            [sys.executable, "-m", "kubesim.cli.main", "status"], env=shell.environment, capture_output=True, text=True
        ).stdout
    )
    assert shell.kubesim("delete") == '"kubesim" is deleted\n'
    assert "there is no profile" in shell.kubesim("status", expect=2)


def test_a_stopped_cluster_goes_on_where_it_was(shell: Shell) -> None:
    """Teaches: the store is the cluster; everything else is made anew from it."""
    shell.kubesim("start")
    shell.kubectl("create", "deployment", "web", "--image=nginx", "--replicas=2")
    shell.kubectl("rollout", "status", "deployment/web")
    shell.kubesim("node", "add", "gpu")
    uid = shell.kubectl("get", "deployment", "web", "-o", "jsonpath={.metadata.uid}")
    server = shell.state()["server"]
    shell.kubesim("stop")
    shell.kubesim("start")
    assert shell.state()["server"] == server
    assert shell.kubectl("get", "deployment", "web", "-o", "jsonpath={.metadata.uid}") == uid
    shell.kubectl("rollout", "status", "deployment/web")
    shell.kubectl("scale", "deployment", "web", "--replicas=4")
    shell.kubectl("rollout", "status", "deployment/web")
    shell.kubectl("wait", "--for=condition=Ready", "node/gpu", "--timeout=30s")


def test_two_clusters_live_side_by_side(shell: Shell) -> None:
    """Teaches: a profile is a cluster, and a context is how kubectl tells them apart."""
    shell.kubesim("start", "-p", "one", "--nodes", "1")
    shell.kubesim("start", "-p", "two", "--nodes", "2")
    assert len(shell.kubectl("--context", "one", "get", "nodes", "--no-headers").splitlines()) == 1
    assert len(shell.kubectl("get", "nodes", "--no-headers").splitlines()) == 2
    shell.kubesim("delete", "-p", "two")
    listed = json.loads(shell.kubesim("list", "-o", "json"))
    assert [(profile["name"], profile["status"]) for profile in listed] == [("one", "Running")]
    assert len(shell.kubectl("--context", "one", "get", "nodes", "--no-headers").splitlines()) == 1


def test_a_paused_cluster_answers(shell: Shell) -> None:
    """Teaches: reading and writing need no time, but nothing comes of it until time goes on."""
    shell.kubesim("start")
    shell.kubesim("pause")
    before = json.loads(shell.kubesim("clock", "-o", "json"))
    shell.kubectl("create", "deployment", "web", "--image=nginx")
    shell.kubectl("get", "pods")
    assert shell.kubectl("get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}") == ""
    assert json.loads(shell.kubesim("clock", "-o", "json")) == before
    shell.kubesim("step", "30")
    after = json.loads(shell.kubesim("clock", "-o", "json"))
    assert after["mode"] == "paused"
    assert after["seconds"] == pytest.approx(before["seconds"] + 30, abs=0.002)
    assert shell.kubectl("get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}") == "1"
    shell.kubesim("resume")
    assert json.loads(shell.kubesim("clock", "-o", "json"))["mode"] == "running"
    shell.kubesim("pause")
    shell.kubesim("stop")  # A cluster whose time stands still can be ended, too.


def test_a_machine_that_is_off_is_noticed(shell: Shell) -> None:
    """Teaches: heartbeats; and that an hour of waiting can be a step."""
    shell.kubesim("start", "--nodes", "2")
    shell.kubesim("node", "stop", "node-2")
    shell.kubesim("pause")
    shell.kubesim("step", "60")
    assert "node-2   NotReady" in shell.kubectl("get", "nodes", "--no-headers")
    shell.kubesim("node", "start", "node-2")
    shell.kubesim("step", "10")
    assert "NotReady" not in shell.kubectl("get", "nodes", "--no-headers")
    shell.kubesim("node", "delete", "node-2")
    assert shell.kubectl("get", "nodes", "--no-headers").split()[0] == "node-1"
    assert "there is no node" in shell.kubesim("node", "stop", "node-2", expect=2)


def test_what_others_keep_in_the_kubeconfig_stays(shell: Shell) -> None:
    """Teaches: we are guests in that file."""
    shell.kubeconfig.write_text(THEIRS)
    before = yaml.load(THEIRS, Loader=yaml.BaseLoader)
    shell.kubesim("start", "--nodes", "0")
    assert shell.kubectl("config", "current-context") == "kubesim\n"
    contexts = shell.kubectl("config", "get-contexts", "-o", "name").split()
    assert sorted(contexts) == ["kubesim", "work"]
    assert shell.kubeconfig.stat().st_mode & 0o777 == 0o600
    shell.kubesim("delete")
    after = yaml.load(shell.kubeconfig.read_text(), Loader=yaml.BaseLoader)
    assert after == {**before, "current-context": ""}


def test_a_service_that_was_killed_leaves_nothing_in_the_way(shell: Shell) -> None:
    """Teaches: a stale process id is no reason to complain."""
    shell.kubesim("start", "--nodes", "1")
    pid = shell.state()["pid"]
    assert isinstance(pid, int)
    assert f"is running already (process {pid})" in shell.kubesim("start")
    os.kill(pid, signal.SIGKILL)
    shell.kubesim("start")
    assert shell.state()["pid"] != pid


def test_ctrl_c_ends_the_foreground_with_130(shell: Shell) -> None:
    """Teaches: what a container or a CI job runs ends when it is asked to."""
    command = [sys.executable, "-m", "kubesim.cli.main", "start", "--nodes", "1", "--foreground"]
    with subprocess.Popen(
        command, env=shell.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert '"kubesim" is up' in process.stdout.readline()
            assert shell.kubectl("get", "nodes", "--no-headers").split()[:2] == ["node-1", "Ready"]
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS_MAX) == 130
            assert "Traceback" not in process.communicate()[1]
        finally:
            process.kill()


def test_a_stranger_gets_nothing(shell: Shell) -> None:
    """Teaches: the control is for the administrator, who proves it by certificate."""
    import http.client
    import ssl

    shell.kubesim("start", "--nodes", "0")
    port = int(str(shell.state()["server"]).rpartition(":")[2])
    context = ssl.create_default_context(cafile=str(shell.kubeconfig.parent / "profiles" / "kubesim" / "ca.crt"))
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=SECONDS_MAX)
    try:
        for method, path, code in (("POST", "/kubesim/v1/pause", 401), ("GET", "/api/v1/pods", 403)):
            connection.request(method, path)
            response = connection.getresponse()
            response.read()
            assert response.status == code
    finally:
        connection.close()
    assert json.loads(shell.kubesim("clock", "-o", "json"))["mode"] == "running"


@pytest.mark.parametrize("speed", ["0.1", "100", "10000"])
def test_at_any_speed_kubectl_is_answered(shell: Shell, speed: str) -> None:
    """Teaches: sockets live in real seconds; how fast a cluster lives is no affair of a client's."""
    shell.kubesim("start", "--nodes", "1")
    shell.kubesim("speed", speed)
    shell.kubectl("create", "configmap", "x", "--from-literal=a=b")
    assert shell.kubectl("get", "configmap", "x", "-o", "jsonpath={.data.a}") == "b"
    assert shell.kubectl("get", "nodes", "-o", "name") == "node/node-1\n"
    shell.kubectl("delete", "configmap", "x")
