"""One sync of one Deployment: what is known of it and its ReplicaSets, and the writes that change them.

It holds objects as they were last read or written by this very sync, so that one step sees the result of the
step before. What to write is decided in `deployment_plan`, `deployment_revision` and `deployment_status`.
Upstream: sync.go and progress.go in pkg/controller/deployment. There the second status write of a sync fails with
a conflict and the next sync makes up for it; here it goes through.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.api.meta import with_fields
from kubesim.api.resources import DEPLOYMENTS, REPLICA_SETS
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Deployment, ReplicaSet
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.controllers import deployment_plan as plan
from kubesim.controllers import deployment_revision as revision
from kubesim.controllers import deployment_status as progress
from kubesim.sim import Clock


class Rollout:
    """A Deployment, its ReplicaSets (oldest first), and how to change them. `new` is the set of its template."""

    def __init__(
        self, client: Client, recorder: EventRecorder, clock: Clock, deployment: Stored, sets: Sequence[Stored]
    ) -> None:
        self.client = client
        self.recorder = recorder
        self.clock = clock
        self.deployment = deployment
        self._sets = {stored.name: stored for stored in sorted(sets, key=revision.by_creation)}
        self._sets_as_read = dict(self._sets)
        new = revision.find_new_set(self.spec["template"], self._sets.values())
        self._new_name = new.name if new is not None else ""

    # -- reading --------------------------------------------------------------------------------------

    @property
    def spec(self) -> Object:
        """The Deployment's spec."""
        spec: Object = self.deployment.object["spec"]
        return spec

    @property
    def status(self) -> Object:
        """The Deployment's status."""
        status: Object = self.deployment.object.get("status") or {}
        return status

    @property
    def replicas(self) -> int:
        """How many Pods are wanted."""
        replicas: int = self.spec.get("replicas", 1)
        return replicas

    @property
    def is_rolling(self) -> bool:
        """Whether the strategy is RollingUpdate, not Recreate."""
        return bool((self.spec.get("strategy") or {}).get("type", "RollingUpdate") == "RollingUpdate")

    @property
    def limits(self) -> plan.Limits:
        """How far a rolling update may go; Recreate allows nothing beyond `replicas`."""
        if not self.is_rolling:
            return plan.Limits(self.replicas)
        rolling = (self.spec.get("strategy") or {}).get("rollingUpdate") or {}
        return plan.resolve_limits(self.replicas, rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"))

    @property
    def new(self) -> Stored | None:
        """The ReplicaSet of the present template, if it exists."""
        return self._sets.get(self._new_name)

    @property
    def old(self) -> list[Stored]:
        """All the others, oldest first."""
        return [stored for stored in self._sets.values() if stored.name != self._new_name]

    @property
    def total(self) -> int:
        """The Pods that all sets together should have."""
        return sum(size_of(stored).replicas for stored in self._sets.values())

    def is_scaling_event(self) -> bool:
        """Whether the Deployment's size was changed since its sets were sized."""
        active = [size for size in map(size_of, self._sets.values()) if size.replicas > 0]
        return any(size.desired_before not in (None, self.replicas) for size in active)

    # -- ReplicaSets ----------------------------------------------------------------------------------

    def take_new(self, stored: Stored) -> None:
        """`stored` is the set of the present template."""
        self._sets[stored.name] = self._sets_as_read[stored.name] = stored
        self._new_name = stored.name

    async def update_set(self, changed: Object) -> None:
        """Writes a ReplicaSet."""
        stored = await self.client.update(REPLICA_SETS, changed)
        self._sets[stored.name] = stored

    async def scale(self, steps: Sequence[plan.Scale]) -> bool:
        """Gives sets other sizes, in order; whether any changed."""
        changed = False
        for step in steps:
            changed |= await self._scale_one(step)
        return changed

    async def _scale_one(self, step: plan.Scale) -> bool:
        stored = self._sets[step.name]
        before = size_of(stored).replicas
        annotations = {**revision.annotations_of(stored), **self.replicas_annotations()}
        if before == step.replicas and annotations == revision.annotations_of(stored):
            return False
        changed = with_fields(stored.object, {"annotations": annotations}, "metadata")
        await self.update_set(with_fields(changed, {"replicas": step.replicas}, "spec"))
        if before != step.replicas:
            self.tell_scaled(stored, before, step.replicas)
        return before != step.replicas

    def tell_scaled(self, stored: Stored, before: int, after: int) -> None:
        """Records the event that users know rollouts by."""
        direction = "up" if after > before else "down"
        message = f"Scaled {direction} replica set {stored.name} from {before} to {after}"
        self.recorder.event(self.deployment, "Normal", "ScalingReplicaSet", message)

    def replicas_annotations(self) -> dict[str, str]:
        """What every set notes of the Deployment's size."""
        return revision.replicas_annotations(self.replicas, self.limits.total_max)

    async def clean_up_history(self) -> None:
        """Deletes the oldest sets without Pods beyond `revisionHistoryLimit`."""
        limit = self.deployment.view(Deployment).spec.revision_history_limit
        if limit is None or limit == plan.INT32_MAX:
            return
        alive = [stored for stored in self.old if "deletionTimestamp" not in stored.object["metadata"]]
        surplus = max(0, len(alive) - limit)
        for stored in sorted(alive, key=revision.revision_of)[:surplus]:
            if is_cleanable(stored):
                await self.client.delete(REPLICA_SETS, stored.name, stored.namespace)

    # -- status ---------------------------------------------------------------------------------------

    async def sync_status(self, *, judge_progress: bool) -> bool:
        """Writes counts and conditions; whether anything changed.

        Like upstream's it tells of the sets as they were before this sync scaled them.
        """
        now = self.clock.timestamp()
        sets, new = list(self._sets_as_read.values()), self._sets_as_read.get(self._new_name)
        status = progress.compute_status(self.deployment, self.limits, sets, new, now)
        if judge_progress:
            status = progress.with_progress(self.deployment, status, new, now, self.clock.unix_ns() / 1e9)
            status = progress.with_replica_failure(status, sets, new)
        return await self.write(status)

    async def set_paused(self, *, paused: bool) -> None:
        """Notes in the condition Progressing that the Deployment was paused or resumed."""
        if not progress.has_deadline(self.deployment):
            return
        current = progress.find_condition(self.status.get("conditions") or (), progress.PROGRESSING)
        reason = current["reason"] if current is not None else ""
        if reason == progress.DEADLINE_EXCEEDED:
            return  # A failed rollout stays failed.
        if paused and reason != progress.PAUSED:
            await self.write(self.with_progressing("Unknown", progress.PAUSED, "Deployment is paused"))
        elif not paused and reason == progress.PAUSED:
            await self.write(self.with_progressing("Unknown", progress.RESUMED, "Deployment is resumed"))

    async def observe_generation(self) -> None:
        """Says that this generation was seen, although nothing can be done about it."""
        generation = self.deployment.object["metadata"].get("generation", 0)
        await self.write({**self.status, "observedGeneration": generation})

    def with_progressing(self, value: str, reason: str, message: str) -> Object:
        """The status with this condition Progressing."""
        condition = progress.make_condition(progress.PROGRESSING, value, reason, message, self.clock.timestamp())
        return {**self.status, "conditions": progress.set_condition(self.status.get("conditions") or (), condition)}

    async def write(self, status: Object, number: str = "") -> bool:
        """Writes the status and, with it, the Deployment's own revision number; whether either changed."""
        annotations = revision.annotations_of(self.deployment)
        changed = with_fields(self.deployment.object, {"status": status})
        if number and annotations.get(revision.REVISION) != number:
            changed = with_fields(changed, {revision.REVISION: number}, "metadata", "annotations")
        elif status == self.status:
            return False
        self.deployment = await self.client.update_status(DEPLOYMENTS, changed)
        return True


def size_of(stored: Stored) -> plan.SetSize:
    """A ReplicaSet as the plan sees it."""
    view = stored.view(ReplicaSet)
    annotations = view.metadata.annotations
    return plan.SetSize(
        name=stored.name,
        created=view.metadata.creation_timestamp,
        replicas=view.spec.replicas if view.spec.replicas is not None else 1,
        available=view.status.available_replicas,
        desired_before=revision.number(annotations.get(revision.DESIRED_REPLICAS)),
        max_before=revision.number(annotations.get(revision.MAX_REPLICAS)) or 0,
    )


def is_cleanable(stored: Stored) -> bool:
    """Whether a set has no Pods, wants none, and its controller has seen that."""
    view = stored.view(ReplicaSet)
    is_observed = view.metadata.generation <= view.status.observed_generation
    return view.status.replicas == 0 and view.spec.replicas == 0 and is_observed
