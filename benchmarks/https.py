"""The front: lists, creates and watches over HTTPS. The client is a process of its own; both share the machine.

A cluster is started as users start it (`kubesim start`, in a home of its own), without nodes; Pods are created with a
scheduler that does not exist, so that nobody but the apiserver works on them.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.measure import Figure

PODS = 5_000
CREATES = 2_000
CONNECTIONS = 8
WATCHERS = 1_000
EVENTS = 10
PATH = "/api/v1/namespaces/default/pods"
CLIENT = ("client-certificate", "client-key")


def https() -> list[Figure]:
    """All of it against one cluster."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "KUBESIM_HOME": home, "KUBECONFIG": f"{home}/config"}
        kubesim = [sys.executable, "-m", "kubesim.cli.main"]
        subprocess.run([*kubesim, "start", "--nodes", "0"], env=environment, check=True, stdout=subprocess.DEVNULL)
        try:
            pid = json.loads(subprocess.run([*kubesim, "status", "-o", "json"], env=environment, check=True,
                                            capture_output=True).stdout)["pid"]  # fmt: skip
            return asyncio.run(measure(Path(home), pid))
        finally:
            subprocess.run([*kubesim, "delete"], env=environment, check=True, stdout=subprocess.DEVNULL)


async def measure(home: Path, pid: int) -> list[Figure]:
    """What a client sees, and what the server works for it."""
    url, context = credentials(home)
    async with session(url, context) as client:
        await create(client, PODS - CREATES, "first")
        with cpu(pid) as create_cpu:
            began = time.perf_counter()
            await create(client, CREATES, "then")
            create_seconds = time.perf_counter() - began
        seconds, list_cpu = await lists(client, pid)
        idle = megabytes(pid)
        latency, watch_megabytes = await fan_out(url, context, client, pid, idle)
    return [
        Figure(f"HTTPS, {CONNECTIONS} connections: Pods created", CREATES / create_seconds, "per s", "≥", 400),
        Figure("the same, by the server's processor time", CREATES / create_cpu(), "per s"),
        Figure(f"HTTPS: LIST of {PODS} Pods", seconds * 1000, "ms", "≤", 100),
        Figure("the same, the server's processor time", list_cpu * 1000, "ms"),
        Figure(f"HTTPS: {WATCHERS} watchers, until the last has an event", latency * 1000, "ms", "≤", 50),
        Figure("HTTPS: memory of an idle watch", watch_megabytes / WATCHERS * 1024, "kB"),
    ]


def session(url: str, context: ssl.SSLContext) -> aiohttp.ClientSession:
    """A client with a few connections, without compression."""
    connector = aiohttp.TCPConnector(ssl=context, limit=CONNECTIONS)
    return aiohttp.ClientSession(url, connector=connector, headers={"Accept-Encoding": "identity"})


async def create(client: aiohttp.ClientSession, count: int, prefix: str) -> None:
    """Creates Pods over all connections at once."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            async with client.post(PATH, json=pod(f"{prefix}-{number}")) as answer:
                assert answer.status == 201, await answer.text()
                await answer.read()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


def pod(name: str) -> dict[str, Any]:
    """One that nobody schedules."""
    container = {"name": "c", "image": "nginx:1.25", "resources": {"requests": {"cpu": "100m"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"schedulerName": "nobody", "containers": [container]},
    }


async def lists(client: aiohttp.ClientSession, pid: int) -> tuple[float, float]:
    """The least seconds of a list, and the server's part of it."""
    best, least = float("inf"), float("inf")
    for _ in range(10):
        with cpu(pid) as used:
            began = time.perf_counter()
            async with client.get(PATH) as answer:
                body = await answer.read()
            best = min(best, time.perf_counter() - began)
        least = min(least, used())
    assert len(json.loads(body)["items"]) == PODS
    return best, least


async def fan_out(
    url: str, context: ssl.SSLContext, client: aiohttp.ClientSession, pid: int, idle: float
) -> tuple[float, float]:
    """The median over some events of the seconds until every watcher has it; and the memory of the watchers."""
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(url, connector=connector, timeout=aiohttp.ClientTimeout(None)) as watching:
        path = f"{PATH}?watch=1&fieldSelector=metadata.name%3Dwatched&resourceVersion=0"
        streams = [await watching.get(path) for _ in range(WATCHERS)]
        used = megabytes(pid) - idle
        taken = []
        for number in range(EVENTS):
            waiting = [asyncio.ensure_future(stream.content.readline()) for stream in streams]
            await asyncio.sleep(0.1)
            began = time.perf_counter()
            body = {"metadata": {"labels": {"n": str(number)}}}
            headers = {"Content-Type": "application/merge-patch+json"}
            if number:
                await (await client.patch(f"{PATH}/watched", json=body, headers=headers)).read()
            else:
                await (await client.post(PATH, json=pod("watched"))).read()
            await asyncio.gather(*waiting)
            taken.append(time.perf_counter() - began)
        for stream in streams:
            stream.close()
    return sorted(taken)[len(taken) // 2], used


def credentials(home: Path) -> tuple[str, ssl.SSLContext]:
    """Where the cluster is, and who we are."""
    folder = home / "kubesim"
    port = json.loads((folder / "profile.json").read_text())["port"]
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.load_cert_chain(str(folder / "admin.crt"), str(folder / "admin.key"))
    return f"https://127.0.0.1:{port}", context


@contextmanager
def cpu(pid: int) -> Iterator[Any]:
    """The processor seconds of another process: `with cpu(pid) as used: …; used()`."""

    def total() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    began = total()
    ended: list[float] = []
    yield lambda: max((ended[0] if ended else total()) - began, 1e-9)
    ended.append(total())


def megabytes(pid: int) -> float:
    """What a process occupies."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
