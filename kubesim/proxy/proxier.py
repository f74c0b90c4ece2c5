"""kube-proxy on one node: while it is connected, the node's kernel has the rules of the shared table.

Cut off from the apiserver (a partition, a watch that hangs), or crashed, it leaves the kernel with what it knew last:
the rules stay, and grow old. As any client it gives TCP 45 seconds to bring what was sent meanwhile; after that its
watches are broken, and it tries again with growing pauses until it gets through.
Upstream: cmd/kube-proxy/app/server.go. Left out: metrics, conntrack clean-up, its DaemonSet.
"""

from __future__ import annotations

import asyncio

from kubesim.client.client import Client
from kubesim.client.connection import SILENCE_SECONDS_MAX
from kubesim.client.informer import Informers
from kubesim.client.reflector import BackOff
from kubesim.proxy.feed import ServiceFeed
from kubesim.proxy.kernel import Kernel
from kubesim.sim import Simulation

APISERVER = "apiserver"


class KubeProxy:
    """One start of kube-proxy on the machine of `kernel`."""

    def __init__(self, sim: Simulation, client: Client, feed: ServiceFeed, kernel: Kernel) -> None:
        self.informers = Informers(sim, client)  # It has none of its own: see feed.py.
        self._sim = sim
        self._feed = feed
        self._kernel = kernel
        self._name = f"kube-proxy/{kernel.name}"
        self._changed: asyncio.Future[None] | None = None  # Done when it is cut off, or a link changes meanwhile.

    async def run(self) -> None:
        """Works until cancelled. What it leaves in the kernel stays."""
        self._kernel.has_kube_proxy = True
        try:
            await self._get_through()
            while True:
                await self._feed.wait_synced()
                self._kernel.follow(self._feed)
                self._feed.join(self._name, self)
                await self._change()
                await self._survive()
        finally:
            self._feed.leave(self._name)
            self._kernel.freeze()
            self._kernel.has_kube_proxy = False

    def look(self) -> None:
        """A Service changes now: does this node hear of it?"""
        if self._is_cut():
            self._feed.leave(self._name)
            self._kernel.freeze()
            self._wake()

    def _is_cut(self) -> bool:
        network = self._sim.network
        return network.is_cut(APISERVER, self._name) or network.is_cut(self._name, APISERVER)

    async def _survive(self) -> None:
        """Returns when it hears of changes again: TCP sends again what was lost, or it lists anew."""
        unsubscribe = self._sim.network.subscribe(self._wake_if_open)
        try:
            async with asyncio.timeout(SILENCE_SECONDS_MAX):
                while self._is_cut():
                    await self._change()
        except TimeoutError:
            await self._get_through()
        finally:
            unsubscribe()

    async def _get_through(self) -> None:
        """Asks for its lists until there is an answer."""
        if self._is_cut():
            back_off = BackOff(self._sim, self._sim.chance.stream(self._name))
            while self._is_cut():  # noqa: ASYNC110 - it polls, as client-go does
                await asyncio.sleep(back_off.next())

    async def _change(self) -> None:
        self._changed = self._sim.loop.create_future()
        await self._changed

    def _wake_if_open(self) -> None:
        if not self._is_cut():
            self._wake()

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
