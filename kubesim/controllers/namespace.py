"""Empties a namespace that is being deleted, and lets it go when nothing is left.

It waits 5 s first, so that everybody has heard that nothing new may be created there. Then Pods are deleted before
all else (others may depend on what serves them: policies, accounts), and once there is none left everything else,
kind after kind. What stays because of finalizers or grace is waited for, and the Namespace's conditions say so.
Upstream: pkg/controller/namespace.
"""

from __future__ import annotations

from collections.abc import Callable

from kubesim.api.errors import ApiError, ConflictError, NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import NAMESPACES, PODS, RESOURCES, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod
from kubesim.client.rate_limit import BucketRateLimiter, ItemExponentialFailureRateLimiter, MaxOfRateLimiter
from kubesim.client.workqueue import WorkQueue
from kubesim.controllers.controller import Controller, ControllerContext, RetryLaterError
from kubesim.controllers.custom_kinds import CustomKinds
from kubesim.controllers.namespace_conditions import Remains, with_conditions
from kubesim.controllers.pods import is_terminal

SETTLE_SECONDS = 5.0
FINALIZER = "kubernetes"
FINALIZER_ESTIMATE_SECONDS = 15  # How long something held by a finalizer is assumed to take.
RETRY_SECONDS_MIN = 5.0
RETRY_SECONDS_MAX = 60.0
CONFLICTS_MAX = 5
BACKGROUND: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
Change = Callable[[Object], Object]


class NamespaceController(Controller):
    """Reconciles namespaces that are terminating."""

    name = "namespace-controller"
    workers = 10

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        limiter = MaxOfRateLimiter(
            ItemExponentialFailureRateLimiter(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX), BucketRateLimiter(self.sim.clock)
        )
        self.queue = WorkQueue(self.sim, self.name, rate_limiter=limiter)
        self._kinds = CustomKinds(self.informers)
        self._namespaces = self.informers.of(NAMESPACES)
        self._namespaces.add_handler(on_add=self._changed, on_update=lambda _old, new: self._changed(new))

    async def reconcile(self, key: str) -> None:
        """One round of deletion; if something has to be waited for, another one follows."""
        if self._namespaces.get(key) is None:
            return
        try:
            namespace = (await self.client.get(NAMESPACES, key)).object
            if "deletionTimestamp" not in namespace["metadata"] or not namespace["spec"].get("finalizers"):
                return
            namespace = await self._write(key, terminating, "status")
            remains = Remains()
            wait_seconds = await self._delete_content(namespace, remains)
            now = self.sim.clock.timestamp()
            await self._write(key, lambda obj: with_conditions(obj, remains.troubles(), now), "status")
            if remains.errors:
                raise RetryLaterError("; ".join(remains.errors))
            if wait_seconds:
                self.queue.add_after(key, wait_seconds // 2 + 1)
                return
            await self._write(key, without_finalizer, "finalize")
        except NotFoundError:
            return  # Somebody else finished it.

    async def _delete_content(self, namespace: Object, remains: Remains) -> int:
        """Deletes what is there; returns an estimate of how many seconds the rest takes, 0 if there is no rest."""
        name: str = namespace["metadata"]["name"]
        grace_seconds = await self._grace_seconds(namespace)
        wait_seconds = await self._delete_all(PODS, name, remains, grace_seconds)
        if wait_seconds or remains.errors:
            remains.resources.clear()  # Upstream counts only the rounds that got past the Pods.
            remains.finalizers.clear()
            return wait_seconds
        for resource in (*RESOURCES, *self._kinds.rows()):
            if resource.namespaced and "delete" in resource.verbs and resource is not PODS:
                wait_seconds = max(wait_seconds, await self._delete_all(resource, name, remains))
        return wait_seconds

    async def _delete_all(self, resource: Resource, namespace: str, remains: Remains, grace_seconds: int = 0) -> int:
        """Deletes everything of one kind and looks what is left of it."""
        try:
            await self.client.delete_collection(resource, namespace, body=BACKGROUND)
            left = (await self.client.list(resource, namespace)).items
        except ApiError as error:
            remains.errors.append(str(error))
            return grace_seconds
        if not left:
            return 0
        kind = f"{resource.plural}.{resource.group}"
        remains.resources[kind] = len(left)
        held = [finalizer for stored in left for finalizer in stored.object["metadata"].get("finalizers") or ()]
        for finalizer in held:
            remains.finalizers[finalizer] = remains.finalizers.get(finalizer, 0) + 1
        if grace_seconds or held:
            return grace_seconds or FINALIZER_ESTIMATE_SECONDS
        gvr = f"{resource.group}/{resource.version}, Resource={resource.plural}"
        remains.errors.append(f"unexpected items still remain in namespace: {namespace} for gvr: {gvr}")
        return 0

    async def _grace_seconds(self, namespace: Object) -> int:
        """The longest time that a Pod may take to end; 0 once that has passed since the deletion."""
        pods = (await self.client.list(PODS, namespace["metadata"]["name"])).items
        views = [pod.view(Pod) for pod in pods]
        longest = max([v.spec.termination_grace_period_seconds or 0 for v in views if not is_terminal(v)], default=0)
        return 0 if self.sim.clock.since(namespace["metadata"]["deletionTimestamp"]) >= longest else longest

    async def _write(self, name: str, change: Change, subresource: str) -> Object:
        """Changes the Namespace if there is something to change, again when somebody wrote in between."""
        for tries_left in reversed(range(CONFLICTS_MAX)):
            before = (await self.client.get(NAMESPACES, name)).object
            after = change(before)
            if after is before:
                return before
            try:
                return (await self.client.update(NAMESPACES, after, subresource=subresource)).object
            except ConflictError:
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _changed(self, namespace: Stored) -> None:
        if "deletionTimestamp" in namespace.object["metadata"]:
            self.queue.add_after(namespace.name, SETTLE_SECONDS)


def terminating(namespace: Object) -> Object:
    """The Namespace in phase Terminating."""
    if namespace["status"].get("phase") == "Terminating":
        return namespace
    return with_fields(namespace, {"phase": "Terminating"}, "status")


def without_finalizer(namespace: Object) -> Object:
    """The Namespace without our own finalizer: the apiserver removes it when none is left."""
    finalizers = [name for name in namespace["spec"].get("finalizers") or () if name != FINALIZER]
    return with_fields(namespace, {"finalizers": finalizers}, "spec")
