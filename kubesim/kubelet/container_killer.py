"""Kills one container: the event, its preStop hook, its turn among sidecars, SIGTERM, and SIGKILL when time is up.

Hook and waiting eat from the grace period, in whole seconds; whatever is left, SIGTERM is at least 2 s old before
SIGKILL comes. Upstream: killContainer in pkg/kubelet/kuberuntime/kuberuntime_container.go, termination_order.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from kubesim.api.views import Container as ContainerSpec
from kubesim.api.views import LifecycleHandler
from kubesim.kubelet.hooks import HookRunner
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime
from kubesim.sim import Simulation

MINIMUM_GRACE_SECONDS = 2.0  # Even a forced deletion gives the containers this long.
Turn = Callable[[], Awaitable[object]]


class ContainerKiller:
    """Kills the containers of one kubelet's Pods."""

    def __init__(self, sim: Simulation, runtime: ContainerRuntime, events: PodEvents, hooks: HookRunner) -> None:
        self._clock = sim.clock
        self._runtime = runtime
        self._events = events
        self._hooks = hooks

    async def kill(
        self, pod: PodState, container: Container, message: str, grace_seconds: float, turn: Turn | None = None
    ) -> None:
        """Returns when it has ended. `turn` is what it waits for once its hook is through."""
        self._events.normal(pod, container.name, "Killing", message)
        hook = pre_stop_of(pod, container.name) if self._runtime.emits_events else None
        if hook is not None and grace_seconds > 0:
            grace_seconds -= await self._within(grace_seconds, lambda: self._pre_stop(pod, container, *hook))
        if turn is not None and grace_seconds > 0:
            grace_seconds -= await self._within(grace_seconds, turn)
        await self._runtime.stop_container(container, max(grace_seconds, MINIMUM_GRACE_SECONDS))

    async def _pre_stop(
        self, pod: PodState, container: Container, spec: ContainerSpec, handler: LifecycleHandler
    ) -> None:
        if await self._hooks.run(pod, spec, container, handler):
            self._events.warning(pod, container.name, "FailedPreStopHook", "PreStopHook failed")

    async def _within(self, seconds: float, work: Turn) -> int:
        """Does something for `seconds` at most; returns how many full ones it took."""
        began = self._clock.now()
        try:
            async with asyncio.timeout(seconds):
                await work()
        except TimeoutError:
            pass
        return int(self._clock.now() - began)


def pre_stop_of(pod: PodState, name: str) -> tuple[ContainerSpec, LifecycleHandler] | None:
    """A container's specification and its preStop hook, if it has one."""
    for each in (*pod.spec.containers, *pod.spec.init_containers):
        if each.name == name and each.lifecycle is not None and each.lifecycle.pre_stop is not None:
            return each, each.lifecycle.pre_stop
    return None
