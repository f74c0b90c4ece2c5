"""How the rest of kubesim reaches etcd: the interface that one member serves today, and a Raft cluster later.

Upstream: go.etcd.io/etcd/client/v3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kubesim.etcd.messages import (
    DeleteRangeRequest,
    DeleteRangeResponse,
    PutRequest,
    PutResponse,
    RangeRequest,
    RangeResponse,
    TxnRequest,
    TxnResponse,
    WatchRequest,
    WatchResponse,
)


class Watch(Protocol):
    """One watch on the store."""

    async def next(self) -> WatchResponse:
        """Waits for and returns everything that happened since the last call, in order of revision."""
        ...

    async def push_to(self, receive: Callable[[WatchResponse], None]) -> None:
        """Calls `receive` with what `next` would return, while nothing unusual happens; then `next` goes on."""
        ...

    def request_progress(self) -> None:
        """Asks for a WatchResponse without events that says up to which revision this watch is complete."""
        ...

    def cancel(self) -> None:
        """Ends the watch; a waiting `next` returns `canceled=True`."""
        ...


class EtcdClient(Protocol):
    """The etcd v3 key-value, watch and lease API. Errors: `kubesim.etcd.errors.EtcdError`."""

    async def range(self, request: RangeRequest) -> RangeResponse:
        """Reads; CompactedError below the compacted revision, FutureRevisionError above the latest."""
        ...

    async def put(self, request: PutRequest) -> PutResponse:
        """Writes one key."""
        ...

    async def delete_range(self, request: DeleteRangeRequest) -> DeleteRangeResponse:
        """Deletes keys."""
        ...

    async def txn(self, request: TxnRequest) -> TxnResponse:
        """Compares, then acts, as one revision."""
        ...

    async def compact(self, revision: int) -> None:
        """Forgets what was overwritten before `revision`; CompactedError or FutureRevisionError if it cannot."""
        ...

    def watch(self, request: WatchRequest) -> Watch:
        """Begins a watch."""
        ...

    async def lease_grant(self, ttl_seconds: int, lease_id: int = 0) -> int:
        """A new lease (`lease_id` 0: etcd picks one); its keys are deleted when it expires."""
        ...

    async def lease_revoke(self, lease_id: int) -> None:
        """Ends a lease now and deletes its keys."""
        ...

    async def lease_keep_alive(self, lease_id: int) -> int:
        """Starts the lease's time anew; returns its TTL in seconds."""
        ...
