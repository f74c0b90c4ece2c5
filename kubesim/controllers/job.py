"""Runs the Pods of Jobs until enough of them have succeeded, or too many have failed.

What to do is decided in `job_state` (does it end?), `job_plan` (which Pods?) and `job_status` (what has been counted?);
this file listens, asks them, and carries out. What happens to Pods is gathered for a second before a Job is looked at.
Upstream: pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

import asyncio

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.meta import controller_of, with_fields
from kubesim.api.resources import JOBS, PODS
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Stored
from kubesim.client.rate_limit import ItemExponentialFailureRateLimiter
from kubesim.client.workqueue import WorkQueue
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.expectations import Expectations
from kubesim.controllers.job_backoff import BackOff
from kubesim.controllers.job_conditions import COMPLETE, SUCCESS_CRITERIA_MET, SUSPENDED, Ending, finished_condition
from kubesim.controllers.job_conditions import with_condition as with_job_condition
from kubesim.controllers.job_plan import plan_pods
from kubesim.controllers.job_pods import JobPods
from kubesim.controllers.job_state import FINALIZER, JobState
from kubesim.controllers.job_status import Tracker
from kubesim.controllers.ownership import (
    ORPHANS,
    Claimer,
    index_orphans,
    is_same_controller,
    labels_of,
    owner_in,
    plan_claims,
)
from kubesim.sim import Tasks

BATCH_SECONDS = 1.0
RETRY_SECONDS_MIN = 1.0
RETRY_SECONDS_MAX = 60.0
OWN_NAME = "kubernetes.io/job-controller"


class JobController(Controller):
    """The queue holds keys of Jobs."""

    name = "job-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        limiter = ItemExponentialFailureRateLimiter(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX)
        self.queue = WorkQueue(self.sim, self.name, rate_limiter=limiter)
        self._jobs = self.informers.of(JOBS)
        self._pods = self.informers.of(PODS)
        self._expectations = Expectations(self.sim.clock.now)
        self._job_pods = JobPods(self.client, self.recorder, self._expectations)
        self._claimer = Claimer(self.client, JOBS, PODS, finalizers=(FINALIZER,))
        self._back_offs: dict[str, BackOff] = {}
        self._removing: dict[str, dict[str, None]] = {}  # Per Job: uids of Pods whose lost finalizer the cache shows.
        self._orphans: WorkQueue[str] = WorkQueue(self.sim, f"{self.name}/orphans")  # Pods that lost their Job.
        index_orphans(self._pods)
        self._jobs.add_handler(on_add=self.enqueue, on_update=self._job_updated, on_delete=self._job_deleted)
        self._pods.add_handler(on_add=self._pod_added, on_update=self._pod_updated, on_delete=self._pod_deleted)

    def background(self, tasks: Tasks) -> None:
        """A worker that frees Pods whose Job is gone."""
        tasks.spawn(self._free_orphans(), "orphans")

    # -- one sync -------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> None:
        """Claims Pods, decides whether the Job ends, closes the gap, and counts what has ended."""
        job = self._jobs.get(key)
        if job is None:
            self._forget(key)
            return
        if is_managed_elsewhere(job):
            return
        if finished_condition(job.object) is not None:
            self._back_offs.pop(key, None)
            return
        satisfied = self._expectations.satisfied(key)
        pods = await self._claim(job)
        removing = tuple(self._removing.get(key, ()))
        state = JobState(job, pods, removing, self._back_offs.get(key, BackOff()))
        was = dict(state.status)
        if not state.status.get("startTime") and not state.is_suspended:
            state.status["startTime"] = self.sim.clock.timestamp()
        state.decide(self._now())
        if state.ending is None and (left := state.seconds_to_deadline(self._now())) is not None:
            self.queue.add_after(key, left)
        tracker = Tracker(state)
        active, error = await self._manage(state, tracker, satisfied=satisfied)
        state.status.update(active=active, ready=state.ready, terminating=state.terminating)
        if any(state.status[name] != was.get(name, default) for name, default in COUNTED):
            tracker.is_changed = True
        await self._track(tracker)
        if error is not None:
            raise error

    async def _claim(self, job: Stored) -> list[Stored]:
        selector = label_selector(job.object["spec"].get("selector"))
        orphans = [pod for pod in self._pods.by_index(ORPHANS, job.namespace) if not is_ended(pod)]
        return await self._claimer.claim(
            job, plan_claims(job, selector, self._pods.by_index("controller", job.uid), orphans)
        )

    async def _manage(self, state: JobState, tracker: Tracker, *, satisfied: bool) -> tuple[int, Exception | None]:
        """Deletes what is left of a Job that ends, else creates or deletes; how many Pods are active then."""
        job, active = state.job, len(state.active)
        if state.ending is not None:
            done = await self._job_pods.delete(job, state.active, release=False) if state.active else None
            if done is not None:
                active -= done.pods
                state.ready -= done.ready
                state.terminating += done.pods
            if active or not satisfied:
                state.ending = None  # There may be more Pods than the cache shows: later.
            return active, done.error if done is not None else None
        may_act = satisfied and "deletionTimestamp" not in job.object["metadata"]
        error = None
        if may_act:
            active, error = await self._close_gap(state)
        if state.is_complete(active):
            message = "Reached expected number of succeeded pods"
            state.ending = Ending(SUCCESS_CRITERIA_MET, "CompletionsReached", message)
        elif may_act:
            self._note_suspension(state, tracker)
        return active, error

    async def _close_gap(self, state: JobState) -> tuple[int, Exception | None]:
        active = len(state.active)
        plan = plan_pods(state, self._now())
        if plan.wait_seconds > 0:
            self.queue.add_after(state.job.key, plan.wait_seconds)
            return 0, None
        if plan.delete:
            done = await self._job_pods.delete(state.job, plan.delete, release=True)
            state.ready -= done.ready
            state.terminating += done.pods
            return active - done.pods, done.error
        if plan.create:
            done = await self._job_pods.create(state, plan.create)
            return active + done.pods, done.error
        return active, None

    def _note_suspension(self, state: JobState, tracker: Tracker) -> None:
        now = self.sim.clock.timestamp()
        suspended = state.is_suspended
        status, reason = ("True", "JobSuspended") if suspended else ("False", "JobResumed")
        message = "Job suspended" if suspended else "Job resumed"
        known = state.status.get("conditions") or ()
        conditions, is_news = with_job_condition(known, SUSPENDED, status, reason, message, now)
        if is_news:
            state.status["conditions"] = conditions
            tracker.is_changed = True
            self.recorder.event(state.job, "Normal", "Suspended" if suspended else "Resumed", message)
            if not suspended:
                state.status["startTime"] = now  # The time that it was halted does not count as active.

    async def _track(self, tracker: Tracker) -> None:
        """Writes what is to be counted, takes the finalizers away, and then writes the counts."""
        state, key = tracker.state, tracker.state.job.key
        now = self.sim.clock.timestamp()
        tracker.count(now)
        if tracker.is_changed:
            await self._write(tracker)
            self._back_offs[key] = state.back_off
        waiting = {pod.uid for pod in state.pods if state.is_tracked(pod)}
        error = await self._release(tracker, waiting)
        tracker.settle(waiting)
        if error is not None:
            if tracker.is_changed:
                await self._write(tracker)
            raise error
        finished = tracker.finish(self.sim.clock.timestamp())
        if tracker.is_changed:
            await self._write(tracker)
        if finished and state.ending is not None:
            self._tell_end(state, state.ending)

    async def _release(self, tracker: Tracker, waiting: set[str]) -> Exception | None:
        key = tracker.state.job.key
        removing = self._removing.setdefault(key, {})
        first_error: Exception | None = None
        for pod in tracker.to_release:
            removing[pod.uid] = None
            try:
                await self._job_pods.release(pod)
            except (ApiError, TransportError) as error:
                removing.pop(pod.uid, None)
                first_error = first_error or error
            else:
                waiting.discard(pod.uid)
        return first_error

    async def _write(self, tracker: Tracker) -> None:
        state = tracker.state
        obj = with_fields(state.job.object, {"status": tracker.written()})
        state.job = await self.client.update_status(JOBS, obj)
        tracker.is_changed = False

    def _tell_end(self, state: JobState, ending: Ending) -> None:
        if ending.final != COMPLETE:
            self.recorder.event(state.job, "Warning", ending.reason, ending.message)
            return
        if state.completions is not None and state.status.get("succeeded", 0) > state.completions:
            self.recorder.event(state.job, "Warning", "TooManySucceededPods", "Too many succeeded pods exist")
        self.recorder.event(state.job, "Normal", "Completed", "Job completed")

    # -- Pods without a Job ---------------------------------------------------------------------------

    async def _free_orphans(self) -> None:
        while True:
            key = await self._orphans.get()
            await asyncio.sleep(0)
            try:
                pod = self._pods.get(key)
                if pod is not None and self._is_abandoned(pod):
                    await self._job_pods.release(pod)
            except (ApiError, TransportError):
                self._orphans.add_rate_limited(key)
            else:
                self._orphans.forget(key)
            finally:
                self._orphans.done(key)

    def _is_abandoned(self, pod: Stored) -> bool:
        reference = controller_of(pod.object)
        if reference is None:
            return True
        if reference["kind"] != JOBS.kind:
            return False
        job = owner_in(self._jobs, pod.namespace, reference)
        return job is None or (finished_condition(job.object) is not None and not is_managed_elsewhere(job))

    def _abandon(self, pod: Stored) -> None:
        if FINALIZER in (pod.object["metadata"].get("finalizers") or ()):
            self._orphans.add(pod.key)

    # -- what the caches tell -------------------------------------------------------------------------

    def _job_updated(self, old: Stored, job: Stored) -> None:
        if job.object["metadata"].get("generation") == old.object["metadata"].get("generation"):
            self.queue.add_after(job.key, BATCH_SECONDS)
        else:
            self.enqueue(job)
        if finished_condition(job.object) is not None:
            for pod in self._pods.by_index("controller", job.uid):
                self._abandon(pod)
        limit, started = (
            job.object["spec"].get("activeDeadlineSeconds"),
            (job.object.get("status") or {}).get("startTime"),
        )
        if started and limit is not None and limit != old.object["spec"].get("activeDeadlineSeconds"):
            self.queue.add_after(job.key, limit - self.sim.clock.since(started))

    def _job_deleted(self, job: Stored) -> None:
        self.enqueue(job)
        for pod in self._pods.by_index("controller", job.uid):
            self._abandon(pod)

    def _pod_added(self, pod: Stored) -> None:
        if "deletionTimestamp" in pod.object["metadata"]:
            self._pod_leaving(pod, is_gone=False)
            return
        reference = controller_of(pod.object)
        job = owner_in(self._jobs, pod.namespace, reference)
        if job is not None:
            self._expectations.creation_observed(job.key)
            self._enqueue_later(job)
        elif reference is None or reference["kind"] == JOBS.kind:
            self._orphaned(pod)

    def _pod_updated(self, old: Stored, pod: Stored) -> None:
        if "deletionTimestamp" in pod.object["metadata"]:
            self._pod_leaving(pod, is_gone=False)
            return
        before, reference = controller_of(old.object), controller_of(pod.object)
        if (
            not is_same_controller(before, reference)
            and (left := owner_in(self._jobs, old.namespace, before)) is not None
        ):
            self._finalizer_gone(left.key, pod)
            self._enqueue_later(left)
        job = owner_in(self._jobs, pod.namespace, reference)
        if job is not None:
            if FINALIZER not in (pod.object["metadata"].get("finalizers") or ()):
                self._finalizer_gone(job.key, pod)
            self._enqueue_later(job)
        elif reference is None or reference["kind"] == JOBS.kind:
            self._orphaned(pod)

    def _pod_deleted(self, pod: Stored) -> None:
        self._pod_leaving(pod, is_gone=True)

    def _pod_leaving(self, pod: Stored, *, is_gone: bool) -> None:
        reference = controller_of(pod.object)
        job = owner_in(self._jobs, pod.namespace, reference)
        if job is None:
            if not is_gone and (reference is None or reference["kind"] == JOBS.kind):
                self._abandon(pod)
            return
        self._expectations.deletion_observed(job.key, pod.key)
        if is_gone or FINALIZER not in (pod.object["metadata"].get("finalizers") or ()):
            self._finalizer_gone(job.key, pod)
        self._enqueue_later(job)

    def _orphaned(self, pod: Stored) -> None:
        """A Pod that nobody (any more) owns: it may fit a Job, and must not be kept by our finalizer."""
        self._abandon(pod)
        if controller_of(pod.object) is None:
            for job in self._jobs.list(pod.namespace):
                if label_selector(job.object["spec"].get("selector")).matches(labels_of(pod)):
                    self._enqueue_later(job)

    def _finalizer_gone(self, key: str, pod: Stored) -> None:
        self._removing.get(key, {}).pop(pod.uid, None)

    def _enqueue_later(self, job: Stored) -> None:
        self.queue.add_after(job.key, BATCH_SECONDS)

    def _forget(self, key: str) -> None:
        self._expectations.forget(key)
        self._removing.pop(key, None)
        self._back_offs.pop(key, None)

    def _now(self) -> float:
        return self.sim.clock.unix_ns() / 1e9


COUNTED = (("active", 0), ("ready", None), ("terminating", None))


def is_managed_elsewhere(job: Stored) -> bool:
    """Whether `spec.managedBy` gives it to another controller."""
    return job.object["spec"].get("managedBy") not in (None, OWN_NAME)


def is_ended(pod: Stored) -> bool:
    """Whether its containers have ended for good: such a Pod is not worth adopting."""
    return (pod.object.get("status") or {}).get("phase") in ("Succeeded", "Failed")
