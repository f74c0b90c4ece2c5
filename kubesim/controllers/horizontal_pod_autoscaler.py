"""Changes the number of replicas so that a metric comes near what is wanted.

Every autoscaler is looked at each 15 s, the first time 15 s after it was made; nothing makes that quicker. It reads
and writes the `scale` of its target, so it works for anything that has one.
Upstream: pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.meta import with_fields
from kubesim.api.resources import HORIZONTAL_POD_AUTOSCALERS, PODS, RESOURCES, Resource
from kubesim.api.selectors import parse_label_selector
from kubesim.api.stored import Object, Stored
from kubesim.client.pod_groups import Labels, PodGroups
from kubesim.client.workqueue import WorkQueue
from kubesim.controllers.controller import Controller, ControllerContext, RetryLaterError
from kubesim.controllers.pod_autoscaler_limits import History, Said, with_said
from kubesim.controllers.pod_autoscaler_metrics import MetricsReader, Target

SYNC_SECONDS = 15.0  # --horizontal-pod-autoscaler-sync-period
ABLE, ACTIVE, LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"
GOT_SCALE = Said("True", "SucceededGetScale", "the HPA controller was able to get the target's current scale")
DISABLED = Said("False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero")
NO_SELECTOR = Said("False", "InvalidSelector", "the HPA target's scale is missing a selector")
ABOVE = "Current number of replicas above Spec.MaxReplicas"
BELOW = "Current number of replicas below Spec.MinReplicas"


class FixedInterval:
    """Whatever happened: the next look is in 15 s."""

    def when(self, key: Hashable) -> float:  # noqa: ARG002 (every key waits as long)
        """Always the same."""
        return SYNC_SECONDS

    def forget(self, key: Hashable) -> None:
        """Nothing is remembered."""

    def requeues(self, key: Hashable) -> int:  # noqa: ARG002 (nothing is counted)
        """Nobody asks."""
        return 1


class Wish(NamedTuple):
    """How many replicas there should be, and why; `reason` is told only if that is a change."""

    replicas: int
    reason: str
    metrics: list[Object]


class HorizontalPodAutoscalerController(Controller):
    """The queue holds keys of HorizontalPodAutoscalers."""

    name = "horizontal-pod-autoscaler-controller"
    service_account = "horizontal-pod-autoscaler"
    event_source = "horizontal-pod-autoscaler"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self.queue = WorkQueue(self.sim, self.name, rate_limiter=FixedInterval())
        self._autoscalers = self.informers.of(HORIZONTAL_POD_AUTOSCALERS)
        self._pods = self.informers.of(PODS)
        self._histories: dict[str, History] = {}
        self._groups: PodGroups | None = None
        self._selected: dict[str, tuple[str, Sequence[Labels]]] = {}  # By autoscaler: selector, groups that it finds.
        self._rivals: dict[tuple[str, Labels], dict[str, None]] = {}  # (namespace, group) → the autoscalers of it.
        self._autoscalers.add_handler(
            on_add=self._soon, on_update=lambda _, new: self._soon(new), on_delete=self._deleted
        )

    async def reconcile(self, key: str) -> None:
        """One look, and the next one in 15 s."""
        autoscaler = self._autoscalers.get(key)
        if autoscaler is None:
            return
        sync = _Sync(self, autoscaler)
        try:
            await sync.run()
        finally:
            await sync.write()
        self.queue.add_rate_limited(key)

    def history_of(self, key: str, replicas: int) -> History:
        """What the autoscaler did; begins with the replicas that it found."""
        return self._histories.setdefault(key, History(replicas, self.sim.clock.now()))

    def selected_by(self, autoscaler: Stored, text: str) -> tuple[list[Stored], list[str]]:
        """The Pods that a selector finds, and all autoscalers that find one of them."""
        namespace, key = autoscaler.namespace, autoscaler.key
        if self._groups is None:  # With the first autoscaler: a cluster without any pays nothing.
            self._groups = PodGroups(self._pods)
        groups = self._groups.groups(namespace, text, parse_label_selector(text))
        if self._selected.get(key) != (text, groups):
            self._let_go(key)
            self._selected[key] = (text, groups)
            for group in groups:
                self._rivals.setdefault((namespace, group), {})[key] = None
        rivals = {rival for group in groups for rival in self._rivals.get((namespace, group), ())}
        return self._groups.pods(namespace, groups), sorted(rivals)

    def _let_go(self, key: str) -> None:
        namespace = key.partition("/")[0]
        text, groups = self._selected.pop(key, ("", ()))
        if self._groups is not None:
            self._groups.forget(namespace, text)
        for group in groups:
            rivals = self._rivals.get((namespace, group), {})
            rivals.pop(key, None)
            if not rivals:
                self._rivals.pop((namespace, group), None)

    def _soon(self, autoscaler: Stored) -> None:
        self.queue.add_rate_limited(autoscaler.key)

    def _deleted(self, autoscaler: Stored) -> None:
        self._histories.pop(autoscaler.key, None)
        self._let_go(autoscaler.key)


class _Sync:
    """One look at one autoscaler: its status as it becomes."""

    def __init__(self, controller: HorizontalPodAutoscalerController, autoscaler: Stored) -> None:
        self._controller = controller
        self._client = controller.client
        self._autoscaler = autoscaler
        self._clock = controller.sim.clock
        self._spec: Object = autoscaler.object["spec"]
        self._before: Object = autoscaler.object.get("status") or {}
        self._status: Object = dict(self._before)

    async def run(self) -> None:
        """Gets the scale, asks the metrics, and changes the scale."""
        resource, scale = await self._get_scale()
        self._say(ABLE, GOT_SCALE)
        current: int = scale["spec"].get("replicas", 0)
        history = self._controller.history_of(self._autoscaler.key, current)
        wish = await self._wish(scale, current, history)
        if wish.reason:
            await self._rescale(resource, scale, wish)
            history.note_scale(self._spec.get("behavior"), current, wish.replicas, self._clock.now())
            self._status["lastScaleTime"] = self._clock.timestamp()
        self._set(current, wish.replicas, wish.metrics)

    async def write(self) -> None:
        """Writes the status if it is another than before."""
        if self._status == self._before:
            return
        obj = with_fields(self._autoscaler.object, {"status": self._status})
        try:
            await self._client.update_status(HORIZONTAL_POD_AUTOSCALERS, obj)
        except NotFoundError:
            return
        except (ApiError, TransportError) as error:
            self._event("Warning", "FailedUpdateStatus", str(error))
            raise

    async def _get_scale(self) -> tuple[Resource, Object]:
        target = self._spec["scaleTargetRef"]
        resource = resource_of(target)
        try:
            if resource is None:
                group = target.get("apiVersion", "").rpartition("/")[0]
                raise NotFoundError(f'no matches for kind "{target["kind"]}" in group "{group}"')
            scale = await self._client.get(resource, target["name"], self._autoscaler.namespace, subresource="scale")
        except (ApiError, TransportError) as error:
            self._event("Warning", "FailedGetScale", str(error))
            words = f"the HPA controller was unable to get the target's current scale: {error}"
            self._say(ABLE, Said("False", "FailedGetScale", words))
            raise
        return resource, scale.object

    async def _wish(self, scale: Object, current: int, history: History) -> Wish:
        minimum, maximum = self._spec.get("minReplicas", 1), self._spec["maxReplicas"]
        if current == 0 and minimum != 0:
            self._say(ACTIVE, DISABLED)
            return Wish(0, "", [])
        if current > maximum:
            return Wish(maximum, ABOVE, [])
        if current < minimum:
            return Wish(minimum, BELOW, [])
        return await self._wish_by_metrics(scale, current, history)

    async def _wish_by_metrics(self, scale: Object, current: int, history: History) -> Wish:
        target = self._target(scale, current)
        now = self._clock.unix_ns() / 1e9
        reader = MetricsReader(self._client, self._controller.recorder, self._autoscaler, target, now)
        verdict = await reader.read()
        self._say(ACTIVE, verdict.active)
        if verdict.replicas is None:
            self._fail(current, verdict.error, verdict.statuses)
        desired = verdict.replicas or 0
        reason = f"{verdict.name} above target" if desired > current else "All metrics below target"
        limited = history.limit(self._spec, current, desired, self._clock.now())
        self._say(ABLE, limited.able)
        self._say(LIMITED, limited.limited)
        return Wish(limited.replicas, reason if limited.replicas != current else "", verdict.statuses)

    def _target(self, scale: Object, current: int) -> Target:
        text: str = (scale.get("status") or {}).get("selector", "")
        if not text:
            self._event("Warning", "SelectorRequired", "selector is required")
            self._say(ACTIVE, NO_SELECTOR)
            self._fail(current, "selector is required", [])
        pods, rivals = self._controller.selected_by(self._autoscaler, text)
        if len(rivals) > 1:
            names = " ".join("{" + key.replace("/", " ") + "}" for key in rivals)
            words = f"pods by selector {text} are controlled by multiple HPAs: [{names}]"
            self._event("Warning", "AmbiguousSelector", words)
            self._say(ACTIVE, Said("False", "AmbiguousSelector", words))
            self._fail(current, words, [])
        return Target(self._autoscaler.namespace, text, pods, current, (scale.get("status") or {}).get("replicas", 0))

    async def _rescale(self, resource: Resource, scale: Object, wish: Wish) -> None:
        try:
            await self._client.update(
                resource, with_fields(scale, {"replicas": wish.replicas}, "spec"), subresource="scale"
            )
        except (ApiError, TransportError) as error:
            words = f"New size: {wish.replicas}; reason: {wish.reason}; error: {error}"
            self._event("Warning", "FailedRescale", words)
            words = f"the HPA controller was unable to update the target scale: {error}"
            self._say(ABLE, Said("False", "FailedUpdateScale", words))
            self._set(scale["spec"].get("replicas", 0), self._before.get("desiredReplicas", 0), None)
            raise
        words = f"the HPA controller was able to update the target scale to {wish.replicas}"
        self._say(ABLE, Said("True", "SucceededRescale", words))
        self._event("Normal", "SuccessfulRescale", f"New size: {wish.replicas}; reason: {wish.reason}")

    def _fail(self, current: int, error: str, metrics: list[Object]) -> None:
        """Nothing can be said about the replicas: the event, and what is left of the status."""
        self._set(current, self._before.get("desiredReplicas", 0), metrics)
        self._event("Warning", "FailedComputeMetricsReplicas", error)
        raise RetryLaterError(f"failed to compute desired number of replicas based on listed metrics: {error}")

    def _set(self, current: int, desired: int, metrics: list[Object] | None) -> None:
        """None: the metrics stay as they were."""
        self._status["currentReplicas"] = current
        self._status["desiredReplicas"] = desired
        if metrics is not None:
            self._status["currentMetrics"] = metrics or None

    def _say(self, type_: str, said: Said) -> None:
        self._status["conditions"] = with_said(
            self._status.get("conditions") or (), type_, said, self._clock.timestamp()
        )

    def _event(self, type_: str, reason: str, message: str) -> None:
        self._controller.recorder.event(self._autoscaler, type_, reason, message)


def resource_of(target: Object) -> Resource | None:
    """The resource of a target's kind and group, whatever its version."""
    group = target.get("apiVersion", "").rpartition("/")[0]
    return next((row for row in RESOURCES if (row.group, row.kind) == (group, target["kind"])), None)
