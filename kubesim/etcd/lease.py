"""Leases: keys that vanish unless somebody says in time that they shall stay.

A lease has a time to live. Keys are attached to it by writing them with its id; a keep-alive starts the
time anew; when it runs out, or the lease is revoked, its keys are deleted in one revision, in the order of
their names (so that every member of a cluster makes the same history). The apiserver attaches Events to
leases of an hour.

A real member looks for expired leases every 500 ms; here the end comes exactly on time.
Left out: checkpoints of the remaining time for a new leader (there is one member).

Upstream: server/lease/lessor.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kubesim.etcd.errors import LeaseExistsError, LeaseNotFoundError, LeaseTtlTooLargeError
from kubesim.etcd.messages import LeaseTimeToLiveResponse
from kubesim.etcd.store import MvccStore

TTL_SECONDS_MIN = 2  # One and a half election timeouts of a real member, rounded up.
TTL_SECONDS_MAX = 9_000_000_000
NANOSECONDS_PER_SECOND = 1_000_000_000


class Timer(Protocol):
    """What `Timers.call_at_ns` returns."""

    def cancel(self) -> None:
        """Makes it never fire."""
        ...


class Timers(Protocol):
    """Virtual time; `kubesim.sim.SimLoop` is one."""

    now_ns: int

    def call_at_ns(self, when_ns: int, callback: Callable[..., object], *args: int) -> Timer:
        """Calls back at an instant."""
        ...


class Lease:
    """A living lease; its keys are in `MvccStore.leases`."""

    __slots__ = ("expires_ns", "timer", "ttl_seconds")

    def __init__(self, ttl_seconds: int, expires_ns: int, timer: Timer) -> None:
        self.ttl_seconds = ttl_seconds
        self.expires_ns = expires_ns
        self.timer = timer  # Fires at expires_ns, or earlier: a keep-alive only moves expires_ns.


class Lessor:
    """Grants leases and ends them. `next_id` makes ids for those who bring none."""

    def __init__(self, store: MvccStore, timers: Timers, next_id: Callable[[], int]) -> None:
        self._store = store
        self._timers = timers
        self._next_id = next_id
        self._leases: dict[int, Lease] = {}

    def grant(self, ttl_seconds: int, lease_id: int = 0) -> int:
        """A new lease; it lives at least TTL_SECONDS_MIN. Returns its id."""
        if ttl_seconds > TTL_SECONDS_MAX:
            raise LeaseTtlTooLargeError
        while lease_id == 0:
            candidate = self._next_id()
            lease_id = 0 if candidate in self._leases else candidate
        if lease_id in self._leases:
            raise LeaseExistsError
        ttl_seconds = max(ttl_seconds, TTL_SECONDS_MIN)
        expires_ns = self._timers.now_ns + ttl_seconds * NANOSECONDS_PER_SECOND
        timer = self._timers.call_at_ns(expires_ns, self._due, lease_id)
        self._leases[lease_id] = Lease(ttl_seconds, expires_ns, timer)
        self._store.leases[lease_id] = {}
        return lease_id

    def revoke(self, lease_id: int) -> None:
        """Ends a lease now and deletes its keys."""
        lease = self._find(lease_id)
        lease.timer.cancel()
        self._store.delete_keys(sorted(self._store.leases[lease_id]))
        del self._store.leases[lease_id]
        del self._leases[lease_id]

    def keep_alive(self, lease_id: int) -> int:
        """Starts the lease's time anew; returns its TTL in seconds."""
        lease = self._find(lease_id)
        lease.expires_ns = self._timers.now_ns + lease.ttl_seconds * NANOSECONDS_PER_SECOND
        return lease.ttl_seconds

    def time_to_live(self, lease_id: int, *, keys: bool = False) -> LeaseTimeToLiveResponse:
        """What is left of a lease, and with `keys` what is attached to it."""
        lease = self._leases.get(lease_id)
        if lease is None:
            return LeaseTimeToLiveResponse(lease_id, -1)
        left = (lease.expires_ns - self._timers.now_ns) // NANOSECONDS_PER_SECOND
        attached = tuple(sorted(self._store.leases[lease_id])) if keys else ()
        return LeaseTimeToLiveResponse(lease_id, left, lease.ttl_seconds, attached)

    def close(self) -> None:
        """Stops all clocks: the member is going down."""
        for lease in self._leases.values():
            lease.timer.cancel()

    def _find(self, lease_id: int) -> Lease:
        lease = self._leases.get(lease_id)
        if lease is None:
            raise LeaseNotFoundError
        return lease

    def _due(self, lease_id: int) -> None:
        """A timer fired: the lease ends, unless a keep-alive moved its end."""
        lease = self._leases[lease_id]
        if self._timers.now_ns < lease.expires_ns:
            lease.timer = self._timers.call_at_ns(lease.expires_ns, self._due, lease_id)
        else:
            self.revoke(lease_id)
