"""Leases of etcd for objects that live only for a while: Events, an hour each.

A lease for each Event would be a lot of leases, so one is given to everything that is written within a minute
(its time is longer by that minute), up to a thousand objects. When it expires, etcd deletes them all, and
watchers see them DELETED. Upstream: k8s.io/apiserver/pkg/storage/etcd3/lease_manager.go.
"""

from __future__ import annotations

from kubesim.etcd.client import EtcdClient
from kubesim.sim import Clock

REUSE_SECONDS = 60
OBJECTS_MAX = 1000


class LeaseManager:
    """Hands out leases for one lifetime."""

    def __init__(self, etcd: EtcdClient, clock: Clock, lifetime_seconds: int) -> None:
        self._etcd = etcd
        self._clock = clock
        self._lifetime_seconds = lifetime_seconds
        self._lease = 0
        self._reusable_until = -1.0
        self._objects = 0

    async def lease(self) -> int:
        """The lease for an object that is written now."""
        now = self._clock.now()
        if now >= self._reusable_until or self._objects >= OBJECTS_MAX:
            self._lease = await self._etcd.lease_grant(self._lifetime_seconds + REUSE_SECONDS)
            self._reusable_until, self._objects = now + REUSE_SECONDS, 0
        self._objects += 1
        return self._lease
