"""One sync of a StatefulSet: first its Pods in order, then those that are too many, then a step of its update.

With OrderedReady nothing goes on past a Pod that is not available: the next one is made when all before it are there,
and Pods go from the highest number down, one after another. With Parallel nobody waits.
A terminating Pod keeps its name until it is gone, however long that takes: on a dead node until somebody forces it.
Upstream: updateStatefulSet in pkg/controller/statefulset/stateful_set_control.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from kubesim.api.errors import AlreadyExistsError, ApiError, NotFoundError, TransportError
from kubesim.api.meta import with_fields
from kubesim.api.resources import PODS
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.controllers import replica_plan
from kubesim.controllers import stateful_set_pods as identity
from kubesim.controllers.controller import RetryLaterError
from kubesim.controllers.deployment_plan import scaled
from kubesim.controllers.stateful_set_claims import StatefulClaims
from kubesim.controllers.stateful_set_status import Revisions, counted

Failure = Exception | None
Item = TypeVar("Item")
ERRORS = (ApiError, TransportError, RetryLaterError)


class StatefulSync:
    """The state of one sync. `replicas` has a place for every number, `condemned` are too many, highest first."""

    def __init__(
        self, client: Client, recorder: EventRecorder, claims: StatefulClaims, owner: Stored, revisions: Revisions,
        templates: tuple[Object, Object], pods: Sequence[Stored], now: float,
    ) -> None:  # fmt: skip
        self._client = client
        self._recorder = recorder
        self._claims = claims
        self.owner = owner
        self.revisions = revisions
        self._templates = templates  # Of the current revision and of the one to update to.
        self._now = now
        self.spec: Object = owner.object["spec"]
        self.minimum: int = self.spec.get("minReadySeconds", 0)
        self.ordered: bool = self.spec.get("podManagementPolicy") != "Parallel"
        self.wrote: list[Stored] = []  # Pods that this sync created or deleted, as they are now.
        self.deleted_for_update = 0
        wanted = identity.ordinals(self.spec)
        numbered = [(identity.ordinal_of(pod.name), pod) for pod in pods]
        known = {number: pod for number, pod in numbered if number in wanted}
        self.replicas = [(number, known.get(number)) for number in wanted]
        self.condemned = [
            pod for number, pod in sorted(numbered, key=lambda each: -each[0]) if number not in wanted and number >= 0
        ]

    def status(self) -> Object:
        """The counts, as far as the caches show them."""
        pods = [pod for _, pod in self.replicas if pod is not None]
        generation = self.owner.object["metadata"].get("generation", 0)
        status = counted([*pods, *self.condemned], self.revisions, generation, self.minimum, self._now)
        status["currentReplicas"] -= self.deleted_for_update
        return status

    async def run(self) -> Failure:
        """Takes as many steps as may be taken now; the first error if there was one."""
        if "deletionTimestamp" in self.owner.object["metadata"]:
            return None
        try:
            if await self._for_all(self.replicas, self._replica):
                return None
            if await self._for_all(self.condemned, self._fix_claims):
                return None
            if await self._for_all(self.condemned, self._condemn):
                return None
            await self._update()
        except ERRORS as error:
            return error
        return None

    async def _for_all(self, items: Sequence[Item], work: Callable[[Item], Awaitable[bool]]) -> bool:
        """Whether to stop: at the first that says so with OrderedReady, else never."""
        if self.ordered:
            for item in items:
                if await work(item):
                    return True
            return False
        first: Failure = None
        position = 0
        for batch in replica_plan.slow_start_batches(len(items)):
            for item in items[position : position + batch]:
                try:
                    await work(item)
                except ERRORS as error:
                    first = first or error
            if first is not None:
                raise first
            position += batch
        return False

    # -- wanted Pods ----------------------------------------------------------------------------------

    async def _replica(self, place: tuple[int, Stored | None]) -> bool:
        number, pod = place
        if pod is None:
            return await self._create(number)
        if identity.is_ended(pod):
            if not identity.is_leaving(pod):
                await self._delete(pod)
            return True  # It comes again when the apiserver has forgotten this one.
        if pod.object["status"].get("phase") == "Pending":
            await self._claims.create_missing(self.owner, self.owner.object, pod.object)
        if self.ordered and (identity.is_leaving(pod) or not self._available(pod)):
            return True
        await self._fix(pod)
        return False

    async def _create(self, number: int) -> bool:
        pod = self._new_pod(number)
        if self._claims.are_stale(self.owner.object, pod):
            return True
        try:
            await self._claims.create_missing(self.owner, self.owner.object, pod)
            made = await self._client.create(PODS, pod, self.owner.namespace)
        except AlreadyExistsError:
            raise
        except ERRORS as error:
            self._tell("Create", pod["metadata"]["name"], error)
            raise
        self.wrote.append(made)
        self._tell("Create", made.name)
        return self.ordered

    def _new_pod(self, number: int) -> Object:
        strategy = self.spec.get("updateStrategy") or {}
        current, update = self._templates
        is_old = False
        if strategy.get("type") == "RollingUpdate":
            start = identity.ordinals(self.spec).start
            rolling = strategy.get("rollingUpdate")
            kept = (self.owner.object.get("status") or {}).get("currentReplicas", 0)
            is_old = number < (start + kept if rolling is None else start + (rolling.get("partition") or 0))
        template, revision = (current, self.revisions.current) if is_old else (update, self.revisions.update)
        return identity.new_pod(self.owner.object, template, revision, number)

    async def _fix(self, pod: Stored) -> None:
        """Gives a Pod back the labels and the storage of its identity, and its claims their owner."""
        owner, changed = self.owner.object, pod.object
        if not identity.identity_matches(owner, changed):
            labels = {**(changed["metadata"].get("labels") or {}), **identity.identity_labels(pod.name)}
            changed = with_fields(changed, {"labels": labels}, "metadata")
        if not identity.storage_matches(owner, changed):
            changed = identity.with_storage(owner, changed)
            await self._claims.create_missing(self.owner, owner, changed)
        if not self._claims.owners_match(owner, changed):
            await self._claims.set_owners(owner, changed)
        if changed is pod.object:
            return
        try:
            await self._client.update(PODS, changed)
        except (ApiError, TransportError) as error:
            self._tell("Update", pod.name, error)
            raise
        self._tell("Update", pod.name)

    # -- Pods that are too many, and those that are old ----------------------------------------------------

    async def _fix_claims(self, pod: Stored) -> bool:
        if not self._claims.owners_match(self.owner.object, pod.object):
            await self._claims.set_owners(self.owner.object, pod.object)
        return False

    async def _condemn(self, pod: Stored) -> bool:
        if identity.is_leaving(pod):
            return self.ordered
        if self.ordered and not self._available(pod) and pod is not self._first_unavailable():
            return True
        await self._delete(pod)
        return True

    def _first_unavailable(self) -> Stored | None:
        pods = [pod for _, pod in self.replicas] + self.condemned[::-1]
        return next((pod for pod in pods if pod is None or self._unavailable(pod)), None)

    async def _update(self) -> None:
        strategy = self.spec.get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        rolling = strategy.get("rollingUpdate") or {}
        unavailable = sum(pod is None or self._unavailable(pod) for _, pod in self.replicas)
        allowed = max_unavailable(rolling.get("maxUnavailable"), len(self.replicas)) - unavailable
        for _, pod in reversed(self.replicas[rolling.get("partition") or 0 :]):
            if self.deleted_for_update >= allowed:
                return
            is_new = pod is None or identity.revision_of(pod.object) == self.revisions.update
            if pod is None or is_new or identity.is_leaving(pod):
                continue
            await self._delete(pod)
            self.deleted_for_update += 1

    async def _delete(self, pod: Stored) -> None:
        try:
            remaining = await self._client.delete(PODS, pod.name, pod.namespace)
        except NotFoundError:
            return
        except (ApiError, TransportError) as error:
            self._tell("Delete", pod.name, error)
            raise
        if remaining is not None:
            self.wrote.append(remaining)
        self._tell("Delete", pod.name)

    def _available(self, pod: Stored) -> bool:
        return identity.is_available(pod, self.minimum, self._now)

    def _unavailable(self, pod: Stored) -> bool:
        return identity.is_leaving(pod) or not self._available(pod)

    def _tell(self, verb: str, name: str, error: Exception | None = None) -> None:
        words = f"{verb} Pod {name} in StatefulSet {self.owner.name}"
        if error is None:
            self._recorder.event(self.owner, "Normal", f"Successful{verb}", f"{words} successful")
        else:
            self._recorder.event(self.owner, "Warning", f"Failed{verb}", f"{words} failed error: {error}")


def max_unavailable(value: int | str | None, replicas: int) -> int:
    """How many Pods an update may take away at once: at least one."""
    return max(1, scaled(1 if value is None else value, replicas, round_up=False))
