"""Pods that have their node, but must wait until the Permit plugins that said so let them go.

Whoever holds the framework's `waiting` may allow or reject a Pod; a plugin that does neither in time rejects it.
Upstream: pkg/scheduler/framework/runtime/waiting_pods_map.go.
"""

from __future__ import annotations

import asyncio

from kubesim.scheduler.framework.status import SUCCESS, Status, unschedulable
from kubesim.scheduler.pod_info import PodInfo

PERMIT_SECONDS_MAX = 15 * 60


class WaitingPod:
    """One Pod, and the plugins that it waits for, each with its patience in seconds."""

    def __init__(self, pod: PodInfo, patience: dict[str, float]) -> None:
        self.pod = pod
        self._verdict: asyncio.Future[Status] = asyncio.get_running_loop().create_future()
        self._timers = {
            plugin: asyncio.get_running_loop().call_later(seconds, self._time_out, plugin, seconds)
            for plugin, seconds in patience.items()
        }

    @property
    def pending_plugins(self) -> list[str]:
        """The plugins that have not answered yet."""
        return sorted(self._timers)

    def allow(self, plugin: str) -> None:
        """The plugin has no objection any more; with the last one the Pod goes on."""
        timer = self._timers.pop(plugin, None)
        if timer is not None:
            timer.cancel()
        if not self._timers:
            self._decide(SUCCESS)

    def reject(self, plugin: str, message: str) -> None:
        """The plugin turns the Pod down."""
        self._decide(unschedulable(message).by(plugin))

    async def verdict(self) -> Status:
        """Waits for it."""
        try:
            return await self._verdict
        finally:
            for timer in self._timers.values():
                timer.cancel()

    def _time_out(self, plugin: str, seconds: float) -> None:
        self.reject(plugin, f"rejected due to timeout after waiting {seconds:g}s at plugin {plugin}")

    def _decide(self, status: Status) -> None:
        if not self._verdict.done():
            self._verdict.set_result(status)
