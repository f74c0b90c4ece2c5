"""The unmodified kubectl against a served cluster, on plain HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kubesim.cluster import ADMIN, SimCluster
from kubesim.sim import run

pytestmark = pytest.mark.e2e

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
current-context: c
users: [{{name: u, user: {{}}}}]
"""


class Kubectl:
    """Runs kubectl as a process of its own, while the cluster goes on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, line: str, stdin: str = "") -> str:
        """What it printed, on both channels."""
        environment = {"KUBECONFIG": str(self._folder / "config"), "HOME": str(self._folder), "PATH": "/usr/bin:/bin"}
        process = await asyncio.create_subprocess_shell(
            f"kubectl {line}", env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        printed, _ = await process.communicate(stdin.encode())
        return printed.decode()


def with_kubectl(folder: Path, test: Any) -> None:
    """Runs `test(kubectl)` beside a hollow cluster at the speed of the wall."""
    from kubesim.apiserver.http import HttpFront

    async def main() -> None:
        async with SimCluster(nodes=3, behavior="hollow") as cluster:
            cluster.sim.loop.pace(1.0)
            front = HttpFront(cluster._running(), credentials=lambda _request: ADMIN)
            (folder / "config").write_text(KUBECONFIG.format(port=await front.start()))
            try:
                await test(Kubectl(folder))
            finally:
                await front.stop()
                cluster.sim.loop.virtual()

    run(main)


def test_the_first_hour_of_a_class(tmp_path: Path) -> None:
    """Teaches: what a class types first works as on any cluster."""

    async def test(kubectl: Kubectl) -> None:
        assert [line.split()[:2] for line in (await kubectl("get nodes --no-headers")).splitlines()] == [
            [f"node-{n}", "Ready"] for n in (1, 2, 3)
        ]
        assert await kubectl("create deployment web --image=nginx --replicas=2") == "deployment.apps/web created\n"
        assert "successfully rolled out" in await kubectl("rollout status deployment/web --timeout=30s")
        assert await kubectl("scale deployment web --replicas=1") == "deployment.apps/web scaled\n"
        assert "Image:         nginx" in await kubectl("describe deployment web")
        assert "FIELD: replicas <integer>" in await kubectl("explain deployment.spec.replicas")
        assert 'deployment.apps "web" deleted' in await kubectl("delete deployment web")

    with_kubectl(tmp_path, test)


def test_apply_diff_and_edit_in_place(tmp_path: Path) -> None:
    """Teaches: apply computes a patch from three sides."""

    async def test(kubectl: Kubectl) -> None:
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\ndata: {a: '1'}\n"
        assert await kubectl("apply -f -", text) == "configmap/cfg created\n"
        assert await kubectl("apply -f -", text) == "configmap/cfg unchanged\n"
        assert '+  a: "2"' in await kubectl("diff -f -", text.replace("'1'", "'2'"))
        assert await kubectl("apply -f -", text.replace("'1'", "'2'")) == "configmap/cfg configured\n"
        assert "unknown field" in await kubectl("apply -f -", text + "dta: {}\n")

    with_kubectl(tmp_path, test)
