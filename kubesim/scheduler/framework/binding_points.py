"""The extension points after the choice of a node: Reserve, Permit, PreBind, Bind, PostBind.

Upstream: pkg/scheduler/framework/runtime/framework.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import (
    BindPlugin,
    PermitPlugin,
    PostBindPlugin,
    PreBindPlugin,
    ReservePlugin,
)
from kubesim.scheduler.framework.plugin_error import PluginError, answer_of
from kubesim.scheduler.framework.status import SUCCESS, WAIT, Code, Status, failed
from kubesim.scheduler.framework.waiting_pods import PERMIT_SECONDS_MAX, WaitingPod
from kubesim.scheduler.pod_info import PodInfo


class BindingPoints:
    """Asks the plugins of one profile about a Pod that got its node. `waiting` are Pods by uid."""

    reserves: list[ReservePlugin]
    permits: list[PermitPlugin]
    pre_binds: list[PreBindPlugin]
    binds: list[BindPlugin]
    post_binds: list[PostBindPlugin]
    waiting: dict[str, WaitingPod]

    def run_reserve(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """SUCCESS, or the first refusal (call `run_unreserve` then)."""
        for plugin in self.reserves:
            try:
                status = answer_of(plugin.name, "Reserve", plugin.reserve(state, pod, node))
            except PluginError as error:
                return error.status
            except Exception as error:
                return PluginError(plugin.name, "Reserve", error).status
            if status.code is not Code.SUCCESS:
                return status.by(plugin.name)
        return SUCCESS

    def run_unreserve(self, state: CycleState, pod: PodInfo, node: str) -> None:
        """Gives back what was reserved, in the opposite order."""
        for plugin in reversed(self.reserves):
            with suppress(Exception):  # It may not fail; and if it does, the others must give back nonetheless.
                plugin.unreserve(state, pod, node)

    def run_permit(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """SUCCESS, WAIT (call `wait_on_permit` then), or the first refusal."""
        patience: dict[str, float] = {}
        for plugin in self.permits:
            try:
                said, seconds = plugin.permit(state, pod, node)
                status = answer_of(plugin.name, "Permit", said)
                if status.code is Code.WAIT:
                    patience[plugin.name] = min(float(seconds), PERMIT_SECONDS_MAX)
            except PluginError as error:
                return error.status
            except Exception as error:
                return PluginError(plugin.name, "Permit", error).status
            if status.code not in (Code.SUCCESS, Code.WAIT):
                return status.by(plugin.name)
        if not patience:
            return SUCCESS
        self.waiting[pod.uid] = WaitingPod(pod, patience)
        return WAIT

    async def wait_on_permit(self, pod: PodInfo) -> Status:
        """SUCCESS at once for a Pod that need not wait."""
        waiting = self.waiting.get(pod.uid)
        if waiting is None:
            return SUCCESS
        try:
            return await waiting.verdict()
        finally:
            del self.waiting[pod.uid]

    async def run_bind(
        self, state: CycleState, pod: PodInfo, node: str,
        outside: Callable[[PodInfo, str], Awaitable[Status | None]] | None = None,
    ) -> Status:  # fmt: skip
        """PreBind, then somebody `outside` if he wants to, else the first binder that does not skip."""
        status = await self.run_pre_bind(state, pod, node)
        if status is not SUCCESS:
            return status
        answer = await outside(pod, node) if outside is not None else None
        return await self.run_binders(state, pod, node) if answer is None else answer

    async def run_pre_bind(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """SUCCESS when all is prepared."""
        for plugin in self.pre_binds:
            try:
                status = answer_of(plugin.name, "PreBind", await plugin.pre_bind(state, pod, node))
            except PluginError as error:
                return error.status
            except Exception as error:
                return PluginError(plugin.name, "PreBind", error).status
            if status.code not in (Code.SUCCESS, Code.SKIP):
                return status.by(plugin.name)
        return SUCCESS

    async def run_binders(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """SUCCESS once one of them bound the Pod."""
        for plugin in self.binds:
            try:
                status = answer_of(plugin.name, "Bind", await plugin.bind(state, pod, node))
            except PluginError as error:
                return error.status
            except Exception as error:
                return PluginError(plugin.name, "Bind", error).status
            if status.code is not Code.SKIP:
                return status.by(plugin.name) if status.code is not Code.SUCCESS else status
        return failed("no bind plugin handled the Pod")

    def run_post_bind(self, state: CycleState, pod: PodInfo, node: str) -> list[PluginError]:
        """Tells those who want to know. They can change nothing any more: what fails is only told."""
        problems = []
        for plugin in self.post_binds:
            try:
                plugin.post_bind(state, pod, node)
            except Exception as error:
                problems.append(PluginError(plugin.name, "PostBind", error))
        return problems
