"""Whether the container runtime answers, and what a kubelet does while it does not.

A real kubelet asks it for its status every 5 s and lists containers every second (PLEG). If 30 s pass without an
answer, it says "container runtime is down", is not ready, and leaves all Pods alone; after three minutes without a
list, PLEG is not healthy either. Here the runtime tells when its daemon dies, and the moments of those loops are
counted from the kubelet's start: a healthy runtime costs nothing.
Upstream: pkg/kubelet/runtime.go, updateRuntimeUp and syncLoop in pkg/kubelet/kubelet.go, pkg/kubelet/pleg.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubesim.kubelet.back_off import go_duration
from kubesim.kubelet.runtime.cri import ContainerRuntime
from kubesim.sim import Simulation

SECOND_NS = 1_000_000_000
STATUS_NS = 5 * SECOND_NS  # Between two questions for the runtime's status.
RELIST_NS = SECOND_NS
DOWN_NS = 30 * SECOND_NS  # maxWaitForContainerRuntime
PLEG_NS = 180 * SECOND_NS  # relistThreshold
VERSION_NS = 60 * SECOND_NS  # How long a version is remembered.
GC_SECONDS = 60.0  # Between two collections of dead containers.


class RuntimeState:
    """What one kubelet knows of its runtime. `on_usable` is called when Pods may be worked on again."""

    def __init__(
        self, sim: Simulation, runtime: ContainerRuntime, *, on_usable: Callable[[], None],
        on_collection_failed: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._sim = sim
        self._runtime = runtime
        self._on_usable = on_usable
        self._on_collection_failed = on_collection_failed
        self._began_ns = sim.clock.now_ns()
        self._died_ns: int | None = None  # None: it answers.
        self._ever = True  # Whether it has ever answered this kubelet.
        self._paused = False
        self._waiters: list[asyncio.Future[None]] = []
        self._timers: list[asyncio.TimerHandle] = []
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Listens from now on."""
        self._unsubscribe = self._runtime.listen_to_health(self._changed)
        if not self._runtime.is_up:
            self._ever = False
            self._changed(False)

    def stop(self) -> None:
        """The kubelet ends."""
        self._unsubscribe()
        self._cancel_timers()

    @property
    def is_usable(self) -> bool:
        """Whether Pods are worked on; for half a minute after the runtime's death they are, in vain."""
        return not self._paused

    async def wait_usable(self) -> None:
        """Returns when Pods may be worked on."""
        if self._paused:
            waiter = self._sim.loop.create_future()
            self._waiters.append(waiter)
            await waiter

    def errors(self) -> str:
        """What is wrong, in the words of the node's condition Ready; "" if nothing is."""
        if self._died_ns is None:
            return ""
        now_ns = self._sim.clock.now_ns()
        found = []
        if not self._ever or now_ns - self._last(STATUS_NS) > DOWN_NS:
            found.append("container runtime is down")
        silent_ns = now_ns - self._last(RELIST_NS)
        if not self._ever:
            found.append("PLEG is not healthy: pleg has yet to be successful")
        elif silent_ns > PLEG_NS:
            ago = go_duration(silent_ns // 1_000_000 / 1000)
            found.append(f"PLEG is not healthy: pleg was last seen active {ago} ago; threshold is 3m0s")
        return found[0] if len(found) == 1 else f"[{', '.join(found)}]" if found else ""

    def version(self) -> str:
        """The runtime's version, as long as it is known."""
        if self._died_ns is not None and (not self._ever or self._sim.clock.now_ns() - self._died_ns > VERSION_NS):
            return f"{self._runtime.name}://Unknown"
        return self._runtime.version

    def _last(self, period_ns: int) -> int:
        """When a loop last had an answer."""
        assert self._died_ns is not None, "only a dead runtime does not answer"
        return self._died_ns - (self._died_ns - self._began_ns) % period_ns

    def _changed(self, is_up: bool) -> None:
        self._cancel_timers()
        now_ns, call_at = self._sim.clock.now_ns(), self._sim.loop.call_at_ns
        if not is_up:
            self._died_ns = now_ns
            pause_ns = self._last(STATUS_NS) + DOWN_NS if self._ever else now_ns
            self._timers = [call_at(pause_ns, self._pause), self._sim.loop.call_later(GC_SECONDS, self._collect)]
        elif self._died_ns is not None:
            period_ns = STATUS_NS if self._paused else RELIST_NS
            seen_ns = now_ns + (self._began_ns - now_ns) % period_ns
            self._timers = [call_at(seen_ns, self._recovered)]

    def _pause(self) -> None:
        self._paused = True

    def _recovered(self) -> None:
        self._died_ns, self._ever, self._paused = None, True, False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._on_usable()

    def _collect(self) -> None:
        """Dead containers are to be removed, which needs the runtime."""
        self._timers.append(self._sim.loop.call_later(GC_SECONDS, self._collect))
        self._on_collection_failed(
            'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix '
            f'{self._runtime.socket}: connect: connection refused"'
        )

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []
