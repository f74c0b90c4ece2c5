"""Runs the shell lines of a recorded scenario as they are: bash, with the kubectl of this machine.

A process lives in real time. While one runs, virtual time passes as fast as real time; when none is left it jumps
again. What a line has started ends with the scenario.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from kubesim.cluster import SimCluster
from kubesim.fidelity.timeline.kubectl_program import KubectlProgram
from kubesim.fidelity.timeline.player import Commands, Opener
from kubesim.sim import SimLoop

# Serves a cluster as long as it is entered; writes the kubeconfig, whose namespace is given.
Serve = Callable[[SimCluster, Path, str], AbstractAsyncContextManager[None]]

LINE_SECONDS_MAX = 600.0  # As the recorder's.
LOOK_AGAIN_SECONDS = 0.01
READ_BYTES = 65536


class Bash:
    """Runs lines in one folder and environment. A context manager: leaving it kills what still runs."""

    def __init__(self, loop: SimLoop, folder: Path, environment: Mapping[str, str]) -> None:
        self._loop = loop
        self._folder = folder
        self._environment = dict(environment)
        self._running = 0
        self._groups: list[int] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for group in self._groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)

    async def run(self, line: str) -> tuple[int, str]:
        """Runs one line to its end: its exit code, and what it wrote to either output."""
        if not self._running:
            self._loop.pace(1.0, work_takes_time=False)
        self._running += 1
        try:
            return await self._run(line)
        finally:
            self._running -= 1
            if not self._running:
                self._loop.virtual()

    async def _run(self, line: str) -> tuple[int, str]:
        process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's own would need its watcher of children on this loop.
            ["bash", "-c", line],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._groups.append(process.pid)
        try:
            output = await asyncio.wait_for(self._read(process), LINE_SECONDS_MAX)
            while process.poll() is None:  # noqa: ASYNC110 - nothing tells when a process that is silent ends.
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
        except TimeoutError:
            output = b"this line took more than ten minutes"
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            assert process.stdout is not None, "it was asked for"
            process.stdout.close()
        return process.returncode, output.decode(errors="replace")

    async def _read(self, process: subprocess.Popen[bytes]) -> bytes:
        """Everything that the line writes, until nobody holds its output any more."""
        assert process.stdout is not None, "it was asked for"
        number = process.stdout.fileno()
        os.set_blocking(number, False)
        pieces: list[bytes] = []
        ended = self._loop.create_future()

        def readable() -> None:
            with suppress(BlockingIOError):
                piece = os.read(number, READ_BYTES)
                pieces.append(piece)
                if not piece and not ended.done():
                    ended.set_result(None)

        self._loop.add_reader(number, readable)
        try:
            await ended
        finally:
            self._loop.remove_reader(number)
        return b"".join(pieces)


def real_shell(serve: Serve, program: KubectlProgram) -> Opener:
    """What plays the lines of a scenario with the real kubectl."""

    @asynccontextmanager
    async def opened(cluster: SimCluster, folder: Path, namespace: str) -> AsyncIterator[Commands]:
        with tempfile.TemporaryDirectory(prefix="kubesim-kubectl-") as name:
            home = Path(name)
            program.install(home / "bin")
            program.readable(folder)
            async with serve(cluster, home / "kubeconfig", namespace):
                environment = environment_of(home, namespace)
                async with Bash(cluster.sim.loop, folder, environment) as bash:
                    yield bash

    return opened


def environment_of(home: Path, namespace: str) -> dict[str, str]:
    """As the recorder's: $KUBECTL is kubectl with its cluster and namespace."""
    path = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '/usr/local/bin:/usr/bin:/bin')}"
    return {
        "PATH": path,
        "HOME": str(home),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "NO_PROXY": "*",
        "KUBECONFIG": str(home / "kubeconfig"),
        "KUBECTL": f"kubectl --kubeconfig={home / 'kubeconfig'} -n {namespace}",
        "NS": namespace,
    }
