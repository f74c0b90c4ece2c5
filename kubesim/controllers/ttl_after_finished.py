"""Deletes Jobs some time after they have ended: `spec.ttlSecondsAfterFinished` says when.

Each finished Job with such a field has a timer; before it is deleted it is read once more from the apiserver, since
its time may have been extended. Its Pods go with it. Upstream: pkg/controller/ttlafterfinished.
"""

from __future__ import annotations

from kubesim.api.errors import NotFoundError
from kubesim.api.resources import JOBS
from kubesim.api.stored import Stored
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.job_conditions import finished_condition


class TTLAfterFinishedController(Controller):
    """The queue holds keys of finished Jobs."""

    name = "ttl-after-finished-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._jobs = self.informers.of(JOBS)
        self._jobs.add_handler(on_add=self._changed, on_update=lambda _, new: self._changed(new))

    async def reconcile(self, key: str) -> None:
        """Deletes the Job if its time is up, by the cache and by the apiserver."""
        job = self._jobs.get(key)
        if job is None or not self._is_expired(job):
            return
        try:
            fresh = await self.client.get(JOBS, job.name, job.namespace)
            if fresh.uid != job.uid or not self._is_expired(fresh):
                return
            await self.client.delete(
                JOBS, job.name, job.namespace, propagation_policy="Foreground", uid=job.uid,
                resource_version=fresh.object["metadata"]["resourceVersion"],
            )  # fmt: skip
        except NotFoundError:
            return

    def _is_expired(self, job: Stored) -> bool:
        left = self._seconds_left(job)
        if left is not None and left > 0:
            self.queue.add_after(job.key, left)
        return left is not None and left <= 0

    def _changed(self, job: Stored) -> None:
        left = self._seconds_left(job)
        if left is not None:
            self.queue.add_after(job.key, left)

    def _seconds_left(self, job: Stored) -> float | None:
        """Until it expires; None if it does not, or is on its way out already."""
        seconds: int | None = job.object["spec"].get("ttlSecondsAfterFinished")
        ended = finished_condition(job.object)
        if seconds is None or ended is None or "deletionTimestamp" in job.object["metadata"]:
            return None
        return seconds - self.sim.clock.since(ended["lastTransitionTime"])
