"""Creates, deletes and releases the Pods of Jobs.

Upstream: deleteActivePods, deleteJobPods and removeTrackingFinalizerFromPods in pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.meta import with_fields
from kubesim.api.resources import PODS
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.controllers.expectations import Expectations
from kubesim.controllers.job_indexes import indexed_pod
from kubesim.controllers.job_plan import counts_for_index
from kubesim.controllers.job_state import FINALIZER, JobState
from kubesim.controllers.ownership import is_namespace_terminating
from kubesim.controllers.pod_control import PodControl, pod_from_template
from kubesim.controllers.pods import is_ready
from kubesim.controllers.replica_plan import slow_start_batches

REMOVE_FINALIZER = {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}


class Done(NamedTuple):
    """What came of it: how many Pods, how many of them were ready, and the first error."""

    pods: int = 0
    ready: int = 0
    error: Exception | None = None


class JobPods:
    """The Pods' side of the Job controller."""

    def __init__(self, client: Client, recorder: EventRecorder, expectations: Expectations) -> None:
        self._client = client
        self._control = PodControl(client, recorder)
        self._expectations = expectations

    async def create(self, state: JobState, indexes: Sequence[int | None]) -> Done:
        """Makes Pods, a few at first: when all would fail alike, few are tried in vain."""
        job = state.job
        self._expectations.expect_creations(job.key, len(indexes))
        base = tracked(pod_from_template(job.object))
        left = list(indexes)
        made = tried = 0
        first_error: Exception | None = None
        for batch in slow_start_batches(len(indexes)):
            for _ in range(batch):
                index = left.pop(0)
                tried += 1
                pod = base if index is None else indexed_pod(base, job.name, index, counts_for_index(state, index))
                try:
                    await self._control.create(job, pod)
                    made += 1
                except (ApiError, TransportError) as error:
                    if not is_namespace_terminating(error):
                        first_error = first_error or error
                    self._expectations.creation_observed(job.key)
            if first_error is not None:
                break
        self._expectations.creation_observed(job.key, len(indexes) - tried)
        return Done(made, 0, first_error)

    async def delete(self, job: Stored, pods: Sequence[Stored], *, release: bool) -> Done:
        """Deletes Pods; with `release` their finalizer goes first, so that they count neither way."""
        self._expectations.expect_deletions(job.key, [pod.key for pod in pods])
        deleted = ready = 0
        first_error: Exception | None = None
        for pod in pods:
            try:
                if release:
                    await self.release(pod)
                await self._control.delete(job, pod)
            except NotFoundError:
                self._expectations.deletion_observed(job.key, pod.key)
            except (ApiError, TransportError) as error:
                self._expectations.deletion_observed(job.key, pod.key)
                first_error = first_error or error
                continue
            deleted += 1
            ready += is_ready(pod.view(Pod))
        return Done(deleted, ready, first_error)

    async def release(self, pod: Stored) -> None:
        """Takes the finalizer away; nothing if the Pod has none or is gone."""
        if FINALIZER not in (pod.object["metadata"].get("finalizers") or ()):
            return
        try:
            await self._client.patch(PODS, pod.name, {"metadata": {**REMOVE_FINALIZER, "uid": pod.uid}}, pod.namespace)
        except NotFoundError:
            return


def tracked(pod: Object) -> Object:
    """A Pod with the finalizer, behind those of its template."""
    finalizers = pod["metadata"].get("finalizers") or []
    if FINALIZER in finalizers:
        return pod
    return with_fields(pod, {"finalizers": [*finalizers, FINALIZER]}, "metadata")
