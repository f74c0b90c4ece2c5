"""Tests here need programs that pip does not install. Where one is missing: a failure in CI, else a skip."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
SECONDS_MAX = 60
PROGRAMS = {
    "test_addons": ("kubectl",),
    "test_comparing": ("kubectl",),
    "test_component": ("kubectl",),
    "test_explain": ("kubectl",),
    "test_fidelity_timeline": ("kubectl", "bash"),
    "test_fresh_clone": ("git", "make"),
    "test_fuzz_http": ("kubectl",),
    "test_helm": (),
    "test_kubectl": ("kubectl",),
    "test_kubectl_versions": (),
    "test_mqtt": ("kubectl", "mosquitto", "mosquitto_pub", "openssl"),
    "test_python_clients": ("kubectl",),
    "test_realcluster": ("kubectl",),
    "test_start": ("kubectl",),
    "test_streams": ("kubectl", "curl"),
    "test_transcripts": ("kubectl", "bash"),
    "test_webhook": ("kubectl",),
}


class Done(NamedTuple):
    """How a program ended."""

    code: int
    output: str  # Both channels.


class Served:
    """A cluster of `kubesim start`, and programs that are pointed at it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        dropped = ("KUBECONFIG", "XDG_STATE_HOME", "KUBESIM_PROFILE")
        self.environment = {key: value for key, value in os.environ.items() if key not in dropped}
        self.environment |= {"HOME": str(home), "KUBESIM_HOME": str(home / "profiles")}
        self.environment["KUBECONFIG"] = str(home / "kubeconfig")

    def try_(self, *command: str, stdin: str = "", seconds: float = SECONDS_MAX) -> Done:
        """Runs a program to its end, however that is."""
        done = subprocess.run(
            command, env=self.environment, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=seconds,
        )  # fmt: skip
        return Done(done.returncode, done.stdout)

    def run(self, *command: str, stdin: str = "") -> str:
        """Runs a program that must succeed."""
        done = self.try_(*command, stdin=stdin)
        assert done.code == 0, f"{command}: {done.code}\n{done.output}"
        return done.output

    def kubesim(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", "kubesim.cli.main", *arguments)

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return self.run("kubectl", *arguments, stdin=stdin)

    def clock(self) -> float:
        """Virtual seconds since the start."""
        return float(json.loads(self.kubesim("clock", "-o", "json"))["seconds"])


@pytest.fixture(autouse=True)
def _programs_are_there(request: pytest.FixtureRequest) -> None:
    needed = PROGRAMS[request.module.__name__.rpartition(".")[2]]
    missing = [program for program in needed if shutil.which(program) is None]
    if missing:
        without(f"{', '.join(missing)} is not installed")


def without(what: str) -> NoReturn:
    """Something is missing that a test needs."""
    if os.environ.get("KUBESIM_CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One cluster for the tests of a module."""
    served = Served(tmp_path_factory.mktemp("served"))
    served.kubesim("start")
    try:
        yield served
    finally:
        served.kubesim("delete")


@pytest.fixture(scope="session")
def programs_of() -> Callable[[str], Path]:
    """The folder with kubectl and helm of a version, fetched at the first call (tools/fetch_kubectl.py)."""

    def fetch(version: str) -> Path:
        command = (sys.executable, str(TOOLS / "fetch_kubectl.py"), version)
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            without(done.stderr.strip())
        return Path(done.stdout.strip())

    return fetch


@pytest.fixture
def needs() -> Callable[..., None]:
    """Asks for Python packages of the extra `dev`."""

    def ask(*modules: str) -> None:
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if missing:
            without(f"the Python package {', '.join(missing)} is not installed")

    return ask
