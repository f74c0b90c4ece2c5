"""One of several equals works, the others wait: an election by a Lease that the leader renews.

Whoever writes its name into the Lease leads until it did not renew for `lease_seconds`. Candidates measure
that on their own clock, from when they saw the Lease change, so skewed clocks do no harm. A leader that
cannot renew for `renew_deadline_seconds` stops by itself, before anybody else may begin.

Upstream: k8s.io/client-go/tools/leaderelection. A real leader that lost exits and is started again; here
`run` ends its work and competes anew. With `releases` a leader that is cancelled gives the Lease back first, so that
the next one need not wait for it to expire; a machine that loses its power gives nothing back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.resources import LEASES
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.events import NORMAL, EventRecorder
from kubesim.sim import Simulation, Tasks

JITTER_FACTOR = 1.2
LEASE_SECONDS = 15
RENEW_DEADLINE_SECONDS = 10
RETRY_SECONDS = 2


class LeaderElector:
    """Competes as `identity` for the Lease `namespace`/`name`; events go to `recorder` if there is one."""

    def __init__(
        self,
        sim: Simulation,
        client: Client,
        *,
        name: str,
        identity: str,
        namespace: str = "kube-system",
        lease_seconds: int = LEASE_SECONDS,
        renew_deadline_seconds: float = RENEW_DEADLINE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        recorder: EventRecorder | None = None,
        releases: bool = False,
    ) -> None:
        self.identity = identity
        self.name = name
        self._namespace = namespace
        self._clock = sim.clock
        self._client = client
        self._lease_seconds = lease_seconds
        self._renew_deadline_seconds = renew_deadline_seconds
        self._retry_seconds = retry_seconds
        self._recorder = recorder
        self._releases = releases
        self._random = sim.chance.stream(f"leader-election/{identity}")
        self._lease: Stored | None = None
        self._seen_at_seconds = 0.0  # When the Lease was last seen to change.

    @property
    def is_leader(self) -> bool:
        """Whether the Lease, as last seen, is ours."""
        return self.holder == self.identity

    @property
    def holder(self) -> str:
        """Whose the Lease was when last seen."""
        return str(spec_of(self._lease).get("holderIdentity") or "")

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Competes, runs `lead()` while leading, cancels it when the Lease is lost, competes again; until cancelled."""
        while True:
            await self._acquire()
            self._tell("became leader")
            try:
                async with Tasks(f"leader/{self.identity}") as tasks:
                    tasks.spawn(_run(lead), self.name)
                    await self._hold()
            except asyncio.CancelledError:
                if self._releases:
                    await self._release()
                raise
            self._tell("stopped leading")

    async def _acquire(self) -> None:
        while True:
            if await self._try_acquire_or_renew():
                return
            await asyncio.sleep(self._retry_seconds * (1 + JITTER_FACTOR * self._random.random()))

    async def _hold(self) -> None:
        """Renews every `retry_seconds`; returns when that did not work for the whole deadline."""
        try:
            while True:
                async with asyncio.timeout(self._renew_deadline_seconds):
                    await self._renew()
                await asyncio.sleep(self._retry_seconds)
        except TimeoutError:
            return

    async def _renew(self) -> None:
        while True:
            if await self._try_acquire_or_renew():
                return
            await asyncio.sleep(self._retry_seconds)

    async def _try_acquire_or_renew(self) -> bool:
        try:
            if self.is_leader and not self._is_expired():
                try:
                    await self._write()  # Nobody else writes while it is valid: no need to read it first.
                except ApiError:
                    pass
                else:
                    return True
            if not await self._read():
                return False
            await self._write()
        except (ApiError, TransportError):
            return False
        return True

    async def _read(self) -> bool:
        """Looks at the Lease; whether we may take it."""
        try:
            lease = await self._client.get(LEASES, self.name, self._namespace)
        except NotFoundError:
            self._lease = None
            return True
        if self._lease is None or self._lease.revision != lease.revision:
            self._see(lease)
        return self.is_leader or not self.holder or self._is_expired()

    async def _write(self) -> None:
        """Makes the Lease ours, or ours for longer; ConflictError if somebody was faster."""
        now = self._clock.micro_timestamp()
        old = spec_of(self._lease)
        spec: Object = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self._lease_seconds,
            "acquireTime": old["acquireTime"] if self.is_leader else now,
            "renewTime": now,
            "leaseTransitions": old.get("leaseTransitions", 0) + (not self.is_leader) if old else 0,
        }
        if self._lease is None:
            metadata = {"name": self.name, "namespace": self._namespace}
            lease = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec}
            self._see(await self._client.create(LEASES, lease))
        else:
            self._see(await self._client.update(LEASES, {**self._lease.object, "spec": spec}))

    async def _release(self) -> None:
        """Nobody's Lease, for a second: as upstream gives it back (ReleaseOnCancel)."""
        if self._lease is None or not self.is_leader:
            return
        now = self._clock.micro_timestamp()
        transitions = spec_of(self._lease).get("leaseTransitions", 0)
        spec: Object = {"holderIdentity": "", "leaseDurationSeconds": 1, "acquireTime": now, "renewTime": now,
                        "leaseTransitions": transitions}  # fmt: skip
        with suppress(ApiError, TransportError):  # It expires by itself.
            await self._client.update(LEASES, {**self._lease.object, "spec": spec})

    def _see(self, lease: Stored) -> None:
        self._lease = lease
        self._seen_at_seconds = self._clock.now()

    def _is_expired(self) -> bool:
        return self._clock.now() >= self._seen_at_seconds + self._lease_seconds

    def _tell(self, what: str) -> None:
        if self._recorder is not None and self._lease is not None:
            self._recorder.event(self._lease, NORMAL, "LeaderElection", f"{self.identity} {what}")


def spec_of(lease: Stored | None) -> Object:
    """A Lease's spec; empty if there is no Lease."""
    spec: Object = lease.object.get("spec", {}) if lease is not None else {}
    return spec


async def _run(lead: Callable[[], Awaitable[None]]) -> None:
    await lead()
