"""Load in a scenario: clients that send requests and count what becomes of them.

An open loop sends at a rate, whatever comes back, as the internet does: when a Service is slow, requests pile up. A
closed loop is so many clients, each of which waits for its answer (and thinks) before it asks again. Both look a name
up for every request and open a connection for it, as `curl` does, so they take the packet's whole way: DNS, the rules
of the sender's node, the endpoint, the container. Load generators such as fortio and k6 draw the same line.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from kubesim.api.resources import PODS
from kubesim.api.traffic import ANSWERED, LOST, Addresses, Connection, HttpCall, Name, Reply, kernel_of
from kubesim.cluster import SimCluster
from kubesim.scenario.expectations import Counted, Verdict
from kubesim.scenario.schema import Count, Traffic
from kubesim.sim import Tasks

OUTSIDE = "outside"
TIMED_OUT, NO_NAME = "timed out", "name not found"
IN_FLIGHT_MAX = 10_000
QUIET_SECONDS = 2.0  # Without a failure: what was wrong is over.
OK_CODES = range(200, 400)
Tell = Callable[[str, str, str], None]  # Actor, text, style.


@dataclass
class Report:
    """What became of the requests of one load. Latencies are seconds of virtual time, of answered requests."""

    name: str
    sent: int = 0
    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)  # By what went wrong.
    pods: Counter[str] = field(default_factory=Counter)  # Who answered.
    latencies: list[float] = field(default_factory=list)
    first_failure: float | None = None  # Seconds from the start of the run.
    last_failure: float | None = None

    @property
    def failed(self) -> int:
        """How many got no good answer."""
        return sum(self.failures.values())

    def quantile(self, share: float) -> float:
        """A latency that this share of the answers did not exceed; 0 without answers."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def summary(self) -> dict[str, Any]:
        """The facts, for programs."""
        return {
            "name": self.name,
            "sent": self.sent,
            "answered": self.answered,
            "failed": self.failed,
            "failures": dict(sorted(self.failures.items())),
            "pods": dict(sorted(self.pods.items())),
            "latencySeconds": {"p50": self.quantile(0.5), "p95": self.quantile(0.95), "max": self.quantile(1.0)},
            "firstFailure": self.first_failure,
            "lastFailure": self.last_failure,
        }

    def words(self) -> str:
        """The facts in a sentence."""
        text = f"{self.answered} of {self.sent} requests were answered"
        if self.pods:
            text += f" by {len(self.pods)} Pod{'s' if len(self.pods) > 1 else ''}"
        if self.quantile(1.0):
            text += f" (median {self.quantile(0.5):.3f} s, slowest {self.quantile(1.0):.3f} s)"
        if self.failed and self.first_failure is not None and self.last_failure is not None:
            what = ", ".join(f"{count} {reason}" for reason, count in self.failures.most_common())
            text += f"; {self.failed} failed: {what}; from {self.first_failure:.1f} s to {self.last_failure:.1f} s"
        return text


def counted(load: Load, end: float) -> list[Counted]:
    """What was expected of a load, decided."""
    traffic, report = load.traffic, load.report
    found = []
    for verb, count, number in (
        ("answered", traffic.answered, report.answered),
        ("failed", traffic.failed, report.failed),
    ):
        if count is not None:
            holds = count.min <= number and (count.max is None or number <= count.max)
            text = f"{verb}: {amount(count)} of {traffic.name}"
            verdict = Verdict.MET if holds else Verdict.FAILED
            found.append(Counted(text, f"until {load.until:g} s", end, report.words(), verdict))
    return found


def amount(count: Count) -> str:
    """`no request`, `at most 3 requests` …"""
    if count.max is None:
        return f"{count.min} requests or more"
    if not count.max:
        return "no request"
    return f"{count.min} to {count.max} requests" if count.min else f"at most {count.max} requests"


class Load:
    """One load on one cluster. `now` gives seconds from the start of the run."""

    def __init__(
        self, cluster: SimCluster, traffic: Traffic, until: float, now: Callable[[], float], tell: Tell
    ) -> None:
        self.traffic = traffic
        self.report = Report(traffic.name)
        self.actor = f"traffic/{traffic.name}"
        self._cluster = cluster
        end = max(0.0, until - traffic.timeout)  # The last answers come before the run ends.
        self.until = end if traffic.until is None else min(traffic.until, end)
        self._now = now
        self._tell = tell
        self._failing_since: float | None = None
        self._failed_before = 0  # In earlier troubles.
        url = urlsplit(traffic.to if "://" in traffic.to else f"http://{traffic.to}")
        self._host, self._port, self._path = url.hostname or "", url.port or 80, url.path or "/"

    async def run(self) -> None:
        """Sends until its time is over, and waits for the last answers."""
        await asyncio.sleep(max(0.0, self.traffic.at - self._now()))
        async with Tasks(f"traffic/{self.traffic.name}") as tasks:
            if self.traffic.clients:
                for number in range(self.traffic.clients):
                    tasks.spawn(self._client(), f"client-{number}")
                await asyncio.sleep(max(0.0, self.until - self._now()))
            else:
                await self._send_at_rate(tasks)
            await asyncio.sleep(self.traffic.timeout)

    async def _send_at_rate(self, tasks: Tasks) -> None:
        """Requests at exact distances; a curve goes straight from point to point."""
        begun = self._now()
        while (now := self._now()) < self.until:
            rate = self.traffic.rate_at(now - begun)
            if rate <= 0:
                await asyncio.sleep(min(1.0, self.until - now))
                continue
            if len(tasks) < IN_FLIGHT_MAX:
                tasks.spawn(self._request(), f"request-{self.report.sent}")
            await asyncio.sleep(1 / rate)

    async def _client(self) -> None:
        while self._now() < self.until:
            await self._request()
            await asyncio.sleep(max(self.traffic.think, 0.001))  # No client is faster than its machine.

    async def _request(self) -> None:
        """One request, from the name to the answer."""
        self.report.sent += 1
        started = self._now()
        try:
            async with asyncio.timeout(self.traffic.timeout):
                failure, reply = await self._exchange()
                if failure == LOST:
                    await asyncio.sleep(self.traffic.timeout)  # Nobody says that nobody answers.
        except TimeoutError:
            failure, reply = TIMED_OUT, None
        if failure or reply is None:
            self._note_failure(failure)
            return
        self.report.answered += 1
        self.report.pods[f"{reply.namespace}/{reply.pod}" if reply.pod else reply.node] += 1
        self.report.latencies.append(self._now() - started)
        self._note_recovery()

    async def _exchange(self) -> tuple[str, Reply | None]:
        node, source, namespace = self._sender()
        network = self._cluster.sim.network
        address = self._host
        if node != OUTSIDE:
            found: Addresses = await network.request(node, kernel_of(node), Name(self._host, source, namespace))
            if not found.addresses:
                return (NO_NAME if found.reason == "NXDOMAIN" else "no DNS server"), None
            address = found.addresses[0]
        elif (known := self._cluster.pod_network.routes.address_of(self._host)) != "":
            address = known  # The name of a machine.
        call = HttpCall(path=self._path, headers={"host": self._host})
        reply: Reply = await network.request(node, kernel_of(node), Connection(source, address, self._port, data=call))
        if reply.outcome == ANSWERED and reply.code in OK_CODES:
            return "", reply
        return (f"HTTP {reply.code}" if reply.outcome == ANSWERED else reply.outcome), reply

    def _sender(self) -> tuple[str, str, str]:
        """Machine, address and namespace of whoever sends now."""
        source = self.traffic.source
        if source == OUTSIDE:
            return OUTSIDE, "", ""
        if not source.startswith("pod/"):
            return source, self._cluster.pod_network.routes.address_of(source), "default"
        namespace, _, name = source.removeprefix("pod/").rpartition("/")
        stored = self._cluster.get(PODS, f"{namespace or 'default'}/{name}")
        status = (stored.object.get("status") or {}) if stored is not None else {}
        if stored is None or not status.get("podIP"):
            raise TimeoutError  # Nobody is there who could send.
        return stored.object["spec"]["nodeName"], status["podIP"], stored.namespace

    def _note_recovery(self) -> None:
        """Once none has failed for a while, the trouble is over."""
        since, last = self._failing_since, self.report.last_failure
        if since is not None and last is not None and self._now() - last >= QUIET_SECONDS:
            failed = self.report.failed - self._failed_before
            told = f"{failed} request{' has' if failed == 1 else 's have'} failed in {last - since:.1f} s; all is well"
            self._failing_since, self._failed_before = None, self.report.failed
            self._tell(self.actor, told, "change")

    def _note_failure(self, reason: str) -> None:
        now, report = self._now(), self.report
        report.failures[reason] += 1
        report.first_failure = now if report.first_failure is None else report.first_failure
        report.last_failure = now
        if self._failing_since is None:
            self._failing_since = now
            self._tell(self.actor, f"requests fail: {reason}", "warning")
