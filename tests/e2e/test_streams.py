"""The unmodified kubectl looks into Pods: logs, exec, attach, port-forward, debug."""

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
LOOP = "i=0; while true; do echo tick $i; i=$((i+1)); sleep 1; done"


class Shell:
    """Runs command lines beside the cluster."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, line: str, stdin: str = "") -> tuple[str, int | None]:
        environment = {"KUBECONFIG": str(self._folder / "config"), "HOME": str(self._folder), "PATH": "/usr/bin:/bin"}
        process = await asyncio.create_subprocess_shell(
            line, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        printed, _ = await process.communicate(stdin.encode())
        return printed.decode(), process.returncode


def test_kubectl_looks_into_pods(tmp_path: Path) -> None:
    """Teaches: what people do first when something does not work."""

    async def main() -> None:
        from kubesim.apiserver.http import HttpFront

        async with SimCluster(nodes=1) as cluster:
            cluster.sim.loop.pace(1.0)
            front = HttpFront(cluster._running(), credentials=lambda _request: ADMIN)
            (tmp_path / "config").write_text(KUBECONFIG.format(port=await front.start()))
            try:
                await look(Shell(tmp_path))
            finally:
                await front.stop()
                cluster.sim.loop.virtual()

    async def look(shell: Any) -> None:
        await shell("kubectl run web --image=nginx")
        await shell(f"kubectl run box --image=busybox --grace-period=1 --command -- sh -c '{LOOP}'")
        await shell("kubectl wait --for=condition=Ready pod/web pod/box --timeout=30s")
        assert "start worker process" in (await shell("kubectl logs web"))[0]
        assert await shell("kubectl exec web -- sh -c 'echo a; exit 3'") == (
            "a\ncommand terminated with exit code 3\n", 3,
        )  # fmt: skip
        assert await shell("kubectl exec -i web -- cat", "typed\n") == ("typed\n", 0)
        assert "executable file not found in $PATH" in (await shell("kubectl exec web -- foo"))[0]
        attached = "kubectl run -i --rm --restart=Never --image=busybox sh1 -- sh"
        assert "from the shell\n" in (await shell(attached, "echo from the shell\n"))[0]
        forwarded = (
            "kubectl port-forward pod/web 18765:80 >/dev/null & P=$!; "
            "for i in 1 2 3 4 5; do sleep 0.5; curl -s http://127.0.0.1:18765/ && break; done; kill $P"
        )
        assert "Welcome to nginx!" in (await shell(forwarded))[0]
        await shell("kubectl debug web --image=busybox -c dbg --attach=false -q")
        described = "kubectl get pod web -o jsonpath='{.spec.ephemeralContainers[0].name}'"
        assert (await shell(described))[0] == "dbg"
        followed = "kubectl logs -f box --tail=1 & sleep 1; kubectl delete pod box --grace-period=1 >/dev/null; wait"
        printed, _ = await shell(followed)
        assert printed.count("tick") >= 2

    run(main)
