"""A served cluster under stress and abuse, by clients that are programs of their own."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.http_fuzz import Client

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

HERE = Path(__file__).parent
SECONDS_MAX = 120
DOCUMENTS = ("api/v1", "apis/apps/v1", "apis/batch/v1", "apis/example.com/v1", "apis/rbac.authorization.k8s.io/v1")
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


class Cluster:
    """A cluster whose clock is paused, and the programs beside it."""

    def __init__(self, folder: Path) -> None:
        self.kubeconfig = folder / "kubeconfig"
        self._environment = {**os.environ, "HOME": str(folder), "KUBESIM_HOME": str(folder / "profiles")}
        self._environment["KUBECONFIG"] = str(self.kubeconfig)
        self._log = folder / "profiles" / "kubesim" / "service.log"

    def run(self, *command: str) -> str:
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=SECONDS_MAX)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def kubesim(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", "kubesim.cli.main", *arguments)

    def program(self, name: str, *arguments: str) -> Any:
        return json.loads(self.run(sys.executable, str(HERE / name), str(self.kubeconfig), *arguments).splitlines()[-1])

    def get(self, path: str) -> Any:
        return json.loads(self.run("kubectl", "get", "--raw", path))

    def pid(self) -> int:
        pid: int = json.loads(self.kubesim("status", "-o", "json"))["pid"]
        return pid

    def megabytes(self) -> float:
        pages = int(Path(f"/proc/{self.pid()}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def connect(self) -> ssl.SSLSocket:
        """A connection over which nothing has been said yet."""
        client = Client(self.kubeconfig)
        plain = socket.create_connection(("127.0.0.1", client.port), SECONDS_MAX)
        return client.context.wrap_socket(plain, server_hostname="127.0.0.1")

    def failures(self) -> list[str]:
        """What the server says went wrong inside of it."""
        text = self._log.read_text()
        return [part[:3000] for part in text.split("a request failed: ")[1:]] + ["Traceback"] * ("Traceback" in text)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    cluster.kubesim("start", "--nodes", "2", "--behavior", "hollow")
    try:
        yield cluster
    finally:
        cluster.kubesim("delete")


def test_random_requests_never_find_a_way_to_break_the_server(cluster: Cluster) -> None:
    """Teaches: whatever is sent, the answer is a sentence; and who is refused has stored nothing."""
    cluster.run("kubectl", "apply", "-f", str(HERE / "fuzz_objects.yaml"))
    cluster.run("kubectl", "wait", "--for=condition=Established", "crd/widgets.example.com")
    cluster.run("kubectl", "apply", "-f", str(HERE / "fuzz_widget.yaml"))
    cluster.kubesim("pause")
    found = cluster.program("http_fuzz.py", "1", "1500")
    assert found["wrong"] == []
    assert {"200", "201", "400", "404", "409", "415", "422"} <= set(found["codes"])
    assert cluster.failures() == []


def test_requests_made_from_our_own_openapi_are_answered(cluster: Cluster) -> None:
    """Teaches: what the server says about itself is enough to talk to it, and no schema leads into a failure."""
    cluster.run("kubectl", "apply", "-f", str(HERE / "fuzz_objects.yaml"))
    cluster.run("kubectl", "wait", "--for=condition=Established", "crd/widgets.example.com")
    cluster.kubesim("pause")
    found = cluster.program("openapi_fuzz.py", "30", *DOCUMENTS)
    assert found["wrong"] == []
    assert found["operations"] > 5
    assert cluster.failures() == []


def test_abuse_costs_the_abuser(cluster: Cluster) -> None:
    """Teaches: silence, garbage, greed and sudden death are bounded, and everybody else is served meanwhile."""
    before = cluster.megabytes()
    port = Client(cluster.kubeconfig).port
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    for connection in silent[:25]:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")  # Where TLS is spoken.
    watches = [cluster.connect() for _ in range(200)]
    for watch in watches:
        watch.sendall(f"GET {CONFIG_MAPS}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    greedy = cluster.connect()
    greedy.sendall(f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\n\r\n".encode())
    greedy.sendall(b"[" * 4_000_000)
    for _ in range(20):  # They ask for much and read nothing.
        deaf = cluster.connect()
        deaf.sendall(b"GET /openapi/v3/api/v1 HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        silent.append(deaf)
    for length in range(1, 20):  # They die in the middle of a word.
        dying = cluster.connect()
        dying.sendall(
            f"PATCH {CONFIG_MAPS}/x HTTP/1.1\r\nContent-Length: 99\r\nHost: x\r\n\r\n{{".encode()[: length * 5]
        )
        dying.close()
    began = time.monotonic()
    cluster.run("kubectl", "create", "configmap", "served")
    assert time.monotonic() - began < 10
    for watch in watches:
        text = b""
        while b"served" not in text:
            text += watch.recv(65536)
    assert cluster.megabytes() - before < 150
    for connection in [*silent, *watches, greedy]:
        connection.close()
    assert cluster.get(CONFIG_MAPS)["kind"] == "ConfigMapList"
    assert cluster.failures() == []
