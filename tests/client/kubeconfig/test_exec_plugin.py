"""Credentials from a program, as managed clusters have them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from kubesim.client.kubeconfig import Access, ExecConfig, KubeconfigError
from kubesim.client.kubeconfig.exec_plugin import ExecPlugin
from kubesim.sim import Simulation
from kubesim.sim.clock import wall_now
from kubesim.sim.wall import run_in_wall_time

V1 = "client.authentication.k8s.io/v1"
Plugin = Callable[..., ExecPlugin]


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    """A plugin whose program is a few lines of Python; it keeps a count of its runs in the file `runs`."""

    def make(script: str, **config: object) -> ExecPlugin:
        file = tmp_path / "login.py"
        runs = f"open({str(tmp_path / 'runs')!r}, 'a').write('x')"
        file.write_text(f"import json, os, sys\n{runs}\n{script}\n")
        options = {"args": (str(file),), "interactive_mode": "Never", **config}
        command = str(options.pop("command", sys.executable))
        access = Access("main", "c", "u", "https://10.0.0.1:6443", authority=b"CA")
        return ExecPlugin(ExecConfig(V1, command, **options), access)  # type: ignore[arg-type]

    return make


def answer(status: str, version: str = V1) -> str:
    return f"print(json.dumps({{'kind': 'ExecCredential', 'apiVersion': '{version}', 'status': {status}}}))"


def test_a_token_is_kept_until_it_is_over_or_refused(plugin: Plugin, tmp_path: Path) -> None:
    """Teaches: the program is slow (it may open a browser), so it is asked no more often than needed."""
    later = (wall_now() + timedelta(hours=1)).isoformat()
    asked = plugin(answer(f"{{'token': 'abc', 'expirationTimestamp': '{later}'}}"))

    async def main(_: Simulation) -> None:
        first = await asked.credential()
        assert first.token == "abc"
        assert await asked.credential() is first
        asked.forget(first)
        assert await asked.credential() is not first

    run_in_wall_time(main)
    assert (tmp_path / "runs").read_text() == "xx"


def test_one_that_is_over_is_asked_for_again(plugin: Plugin, tmp_path: Path) -> None:
    """Teaches: expirationTimestamp."""
    asked = plugin(answer("{'token': 'abc', 'expirationTimestamp': '2020-01-01T00:00:00Z'}"))

    async def main(_: Simulation) -> None:
        await asked.credential()
        await asked.credential()

    run_in_wall_time(main)
    assert (tmp_path / "runs").read_text() == "xx"


def test_the_program_is_told_what_is_asked_for(plugin: Plugin) -> None:
    """Teaches: KUBERNETES_EXEC_INFO, with the cluster if the kubeconfig says so, and variables of the kubeconfig."""
    script = (
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "words = [info['kind'], str(info['spec']['interactive']), info['spec']['cluster']['server'], os.environ['A']]\n"
    )
    asked = plugin(script + answer("{'token': ' '.join(words)}"), provide_cluster_info=True, env=(("A", "1"),))

    async def main(_: Simulation) -> str:
        return (await asked.credential()).token

    assert run_in_wall_time(main) == "ExecCredential False https://10.0.0.1:6443 1"


def test_a_certificate_may_come_instead_of_a_token(plugin: Plugin) -> None:
    """Teaches: clientCertificateData and clientKeyData."""
    asked = plugin(answer("{'clientCertificateData': 'CERT', 'clientKeyData': 'KEY'}"))

    async def main(_: Simulation) -> tuple[bytes, bytes]:
        issued = await asked.credential()
        return issued.certificate, issued.key

    assert run_in_wall_time(main) == (b"CERT", b"KEY")


@pytest.mark.parametrize(
    ("script", "config", "words"),
    [
        ("sys.exit('who are you?')", {}, "failed with exit code 1: who are you"),
        ("print('hello')", {}, "what it printed is not JSON"),
        ("print('[]')", {}, "what it printed is no ExecCredential"),
        (answer("{'token': 'a'}", "v9"), {}, f"is configured to use API version {V1}, plugin returned version v9"),
        (answer("None"), {}, "didn't return a status field"),
        (answer("{}"), {}, "didn't return a token or cert/key pair"),
        (answer("{'token': 'a', 'clientKeyData': 'b'}"), {}, "returned only certificate or key, not both"),
        (
            "",
            {"command": "/no/such/login", "install_hint": "get it at x"},
            r"\(No such file or directory\); get it at x",
        ),
        ("", {"interactive_mode": "Always"}, "standard input is not a terminal"),
    ],
)
def test_what_goes_wrong_with_the_program_is_said(
    script: str, config: dict[str, str], words: str, plugin: Plugin
) -> None:
    """Teaches: the words name the program, and how to get it."""
    asked = plugin(script, **config)

    async def main(_: Simulation) -> None:
        with pytest.raises(KubeconfigError, match=words):
            await asked.credential()

    run_in_wall_time(main)
