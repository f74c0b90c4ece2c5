"""One etcd member: the store on a clock and on the network, as a client reaches it.

In process a call is a plain call: nothing is encoded and, while the network is free, nothing suspends. Once
a rule lies on the network, each request and each answer crosses it between `source` and the member, and a
lost one ends in RequestTimedOutError after REQUEST_TIMEOUT_SECONDS. A watch is a connection that sends
again what was lost, so trouble delays its events and never loses them.

Left out: Raft and disks (one member that never forgets), gRPC.

Upstream: server/etcdserver/v3_server.go, server/etcdserver/api/v3rpc.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from kubesim.etcd.client import EtcdClient, Watch
from kubesim.etcd.errors import RequestTimedOutError
from kubesim.etcd.lease import Lessor
from kubesim.etcd.messages import (
    DeleteRangeRequest,
    DeleteRangeResponse,
    LeaseTimeToLiveResponse,
    PutRequest,
    PutResponse,
    RangeRequest,
    RangeResponse,
    TxnRequest,
    TxnResponse,
    WatchRequest,
    WatchResponse,
)
from kubesim.etcd.store import MvccStore
from kubesim.etcd.watch import Watcher, WatchHub
from kubesim.sim import Handover, Simulation
from kubesim.sim.network import lost

REQUEST_TIMEOUT_SECONDS = 30.0
RESEND_SECONDS = 1.0
PROGRESS_INTERVAL_SECONDS = 600.0
LEASE_ID_BITS = 63

Result = TypeVar("Result")


class Member(EtcdClient):
    """An etcd of one member.

    `name` is the member's endpoint in `sim.network`, `source` that of whoever calls. `store` may be read
    directly by what stands outside the simulated world: recordings, checks, a look at a past revision.
    """

    def __init__(self, sim: Simulation, name: str = "etcd-0", *, source: str = "apiserver") -> None:
        self.name = name
        self.source = source
        self.store = MvccStore()
        self._loop = sim.loop
        self._network = sim.network
        self._hub = WatchHub(self.store)
        random = sim.chance.stream(f"{name}/lease")
        self._lessor = Lessor(self.store, sim.loop, lambda: random.getrandbits(LEASE_ID_BITS))
        self._watches: dict[MemberWatch, None] = {}

    async def range(self, request: RangeRequest) -> RangeResponse:
        """Reads."""
        if self._network.is_free:
            return self.store.range(request)
        return await self._cross(lambda: self.store.range(request))

    async def put(self, request: PutRequest) -> PutResponse:
        """Writes one key."""
        if self._network.is_free:
            return self.store.put(request)
        return await self._cross(lambda: self.store.put(request))

    async def delete_range(self, request: DeleteRangeRequest) -> DeleteRangeResponse:
        """Deletes keys."""
        if self._network.is_free:
            return self.store.delete_range(request)
        return await self._cross(lambda: self.store.delete_range(request))

    async def txn(self, request: TxnRequest) -> TxnResponse:
        """Compares, then acts, as one revision."""
        if self._network.is_free:
            return self.store.txn(request)
        return await self._cross(lambda: self.store.txn(request))

    async def compact(self, revision: int) -> None:
        """Forgets what was overwritten at or before `revision`."""
        await self._cross(lambda: self.store.compact(revision))

    def watch(self, request: WatchRequest) -> MemberWatch:
        """Begins a watch. It is there at once; only its events cross the network."""
        watch = MemberWatch(self, self._hub, request)
        self._watches[watch] = None
        return watch

    async def lease_grant(self, ttl_seconds: int, lease_id: int = 0) -> int:
        """A new lease; returns its id."""
        return await self._cross(lambda: self._lessor.grant(ttl_seconds, lease_id))

    async def lease_revoke(self, lease_id: int) -> None:
        """Ends a lease now and deletes its keys."""
        await self._cross(lambda: self._lessor.revoke(lease_id))

    async def lease_keep_alive(self, lease_id: int) -> int:
        """Starts the lease's time anew; returns its TTL in seconds."""
        return await self._cross(lambda: self._lessor.keep_alive(lease_id))

    async def lease_time_to_live(self, lease_id: int, *, keys: bool = False) -> LeaseTimeToLiveResponse:
        """What is left of a lease."""
        return await self._cross(lambda: self._lessor.time_to_live(lease_id, keys=keys))

    def close(self) -> None:
        """Goes down: watches are cancelled, leases stop ageing. The store can still be read."""
        for watch in list(self._watches):
            watch.cancel()
        self._lessor.close()

    async def deliver(self) -> None:
        """Waits until an answer of this member has reached `source`, sent again as often as it takes."""
        while True:
            if await self._network.cross(self.name, self.source):
                return
            await asyncio.sleep(RESEND_SECONDS)

    def forget(self, watch: MemberWatch) -> None:
        """A watch ended."""
        self._watches.pop(watch, None)

    async def _cross(self, call: Callable[[], Result]) -> Result:
        """Lets a request and its answer cross the network."""
        network = self._network
        if network.is_open(self.source, self.name) and network.is_open(self.name, self.source):
            return call()
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                if not await self._network.cross(self.source, self.name):
                    await lost()
                try:
                    return call()
                finally:
                    if not await self._network.cross(self.name, self.source):
                        await lost()
        except TimeoutError:
            raise RequestTimedOutError from None


class MemberWatch(Watch):
    """One watch of a client. At most one `next` waits at a time."""

    def __init__(self, member: Member, hub: WatchHub, request: WatchRequest) -> None:
        self._member = member
        self._hub = hub
        self._watcher: Watcher = hub.open(request)
        self._watcher.wake = self._wake
        self._waiting: asyncio.Future[None] | None = None
        self._handover: Handover | None = None
        self._on_the_way: WatchResponse | None = None  # Taken, but a cancelled `next` did not return it.
        self._timer: asyncio.TimerHandle | None = None
        self._loop = member._loop
        self._network = member._network
        if request.progress_notify:
            self._timer = self._loop.call_later(PROGRESS_INTERVAL_SECONDS, self._tick)

    async def push_to(self, receive: Callable[[WatchResponse], None]) -> None:
        """Hands over what happens while the network is free; the end of the watch is told by `next`."""
        assert self._waiting is None, "two readers on one watch"
        if not self._network.is_free or self._on_the_way is not None:
            return

        def take() -> bool:
            while (response := self._hub.take(self._watcher)) is not None:
                if response.canceled or not self._network.is_free:
                    self._on_the_way = response
                    return False
                receive(response)
            return True

        if not take():
            return
        self._handover = Handover(self._loop, take)
        try:
            await self._handover.wait()
        finally:
            self._handover = None

    async def next(self) -> WatchResponse:
        """Waits for and returns everything that happened since the last call, in order of revision."""
        response = self._on_the_way
        while response is None and (response := self._hub.take(self._watcher)) is None:
            assert self._waiting is None, "two readers on one watch"
            self._waiting = self._loop.create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        if not self._network.is_free:
            self._on_the_way = response
            await self._member.deliver()
        self._on_the_way = None
        if response.canceled:
            self._end()
        return response

    def request_progress(self) -> None:
        """Asks for a response without events that says up to which revision this watch is complete."""
        self._hub.request_progress(self._watcher)

    def cancel(self) -> None:
        """Ends the watch; a waiting `next` returns `canceled=True`."""
        self._on_the_way = None
        self._hub.cancel(self._watcher)
        self._end()

    def _wake(self) -> None:
        if self._handover is not None:
            self._handover.wake()
        elif self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _tick(self) -> None:
        self._hub.tick(self._watcher)
        self._timer = self._loop.call_later(PROGRESS_INTERVAL_SECONDS, self._tick)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._member.forget(self)
