"""Says in every ResourceQuota what is granted and what is used.

Admission adds to `status.used`; this controller takes away again, when things are deleted or Pods end. It recounts
a quota when its spec differs from its status, when something that it counts went away, and all of them every five
minutes.
Upstream: pkg/controller/resourcequota.
"""

from __future__ import annotations

import asyncio
from functools import partial

from kubesim.api.meta import with_fields
from kubesim.api.quota import Evaluator, amounts, calculate_usage, equal, evaluator_for, mask, texts
from kubesim.api.quota.pods import is_charged
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PODS, RESOURCE_QUOTAS, RESOURCES, SERVICES, Resource
from kubesim.api.stored import Object, Stored
from kubesim.controllers.controller import Controller, ControllerContext, RetryLaterError
from kubesim.controllers.custom_kinds import CustomKinds
from kubesim.sim import Tasks, because

RESYNC_SECONDS = 300.0


class ResourceQuotaController(Controller):
    """Reconciles quotas."""

    name = "resourcequota-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._quotas = self.informers.of(RESOURCE_QUOTAS)
        self._quotas.add_handler(on_add=self.enqueue, on_update=self._quota_updated)
        self._evaluators: list[Evaluator] = []
        for resource in RESOURCES:
            evaluator = evaluator_for(resource)
            if evaluator is not None and "delete" in resource.verbs:
                self._watch(evaluator)
        CustomKinds(self.informers).follow(self._custom_kind, self._custom_kind_gone)

    def background(self, tasks: Tasks) -> None:
        """The full look."""
        tasks.spawn(self._resync(), "resync")

    async def reconcile(self, key: str) -> None:
        """Recounts one quota and writes its status if it says anything else."""
        quota = self._quotas.get(key)
        if quota is None:
            return
        hard = (quota.object.get("spec") or {}).get("hard") or {}
        if any(not self.informers.of(each.resource).synced for each in self._evaluators if each.matching(hard)):
            raise RetryLaterError("a kind that it counts is not listed yet")
        find = partial(self._objects, quota.namespace)
        status = new_status(quota.object, self._evaluators, find, self._now())
        if status is not None:
            await self.client.update_status(RESOURCE_QUOTAS, with_fields(quota.object, {"status": status}))

    def _custom_kind(self, resource: Resource) -> None:
        """A kind that a definition adds can be counted from now on; a quota may have waited for it."""
        evaluator = evaluator_for(resource)
        if evaluator is None:
            return
        self._watch(evaluator)
        for quota in self._quotas.list():
            if evaluator.matching((quota.object.get("spec") or {}).get("hard") or {}):
                self.enqueue(quota)

    def _custom_kind_gone(self, resource: Resource) -> None:
        self._evaluators = [each for each in self._evaluators if each.resource != resource]

    def _watch(self, evaluator: Evaluator) -> None:
        self._evaluators.append(evaluator)
        informer = self.informers.of(evaluator.resource)

        def deleted(stored: Stored) -> None:
            self._replenish(evaluator, stored.namespace)

        def updated(old: Stored, new: Stored) -> None:
            if self._quotas.list(new.namespace) and self._gives_back(evaluator.resource, old.object, new.object):
                self._replenish(evaluator, new.namespace)

        can_change = evaluator.resource in (PODS, SERVICES, PERSISTENT_VOLUME_CLAIMS)
        informer.add_handler(on_update=updated if can_change else None, on_delete=deleted)

    def _gives_back(self, resource: Resource, old: Object, new: Object) -> bool:
        """Whether a change can have set something free: a Pod ended, a Service or a claim wants something else."""
        if resource == PODS:
            now = self._now()
            return is_charged(old, now) and not is_charged(new, now)
        return bool(old.get("spec") != new.get("spec"))

    def _replenish(self, evaluator: Evaluator, namespace: str) -> None:
        for quota in self._quotas.list(namespace):
            if evaluator.matching((quota.object.get("status") or {}).get("hard") or {}):
                self.enqueue(quota)

    def _quota_updated(self, _: Stored, new: Stored) -> None:
        hard, stated = ((new.object.get(part) or {}).get("hard") for part in ("spec", "status"))
        if not equal(amounts(hard), amounts(stated)):
            self.enqueue(new)

    def _objects(self, namespace: str, resource: Resource) -> list[Object]:
        return [stored.object for stored in self.informers.of(resource).list(namespace)]

    def _now(self) -> float:
        return self.sim.clock.unix_ns() / 1e9

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(RESYNC_SECONDS)
            with because("timer resourcequota-controller/resync"):
                for quota in self._quotas.list():
                    self.enqueue(quota)


def new_status(quota: Object, evaluators: list[Evaluator], find: partial[list[Object]], now: float) -> Object | None:
    """What a quota's status should be; None if it says so already."""
    spec, status = quota.get("spec") or {}, quota.get("status") or {}
    hard = amounts(spec.get("hard"))
    before = amounts(status.get("used"))
    used = mask({**before, **calculate_usage(spec, evaluators, find, now)}, hard)
    is_first = "hard" not in status or "used" not in status
    if not is_first and equal(hard, amounts(status["hard"])) and equal(used, before):
        return None
    return {"hard": dict(spec.get("hard") or {}), "used": texts(used)}
