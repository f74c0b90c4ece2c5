"""Starts Jobs by the clock.

Each CronJob has one timer, for its next moment; nothing is polled. The name of a Job is made from the moment that it
is for, which makes starting it twice impossible.
Upstream: pkg/controller/cronjob/cronjob_controllerv2.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from kubesim.api.cron import CronError, Schedule, parse_schedule
from kubesim.api.errors import AlreadyExistsError, ApiError, NotFoundError, TransportError
from kubesim.api.meta import controller_of, with_fields
from kubesim.api.resources import CRON_JOBS, JOBS
from kubesim.api.stored import Object, Stored
from kubesim.api.time_zones import time_zone
from kubesim.client.events import reference_to
from kubesim.controllers.controller import Controller, ControllerContext, RetryLaterError
from kubesim.controllers.cron_job_plan import (
    MISSED_MANY,
    RFC1123Z,
    InvalidScheduleError,
    job_for,
    job_name,
    most_recent,
    parse,
    seconds_to_next,
    surplus_history,
)
from kubesim.controllers.job_conditions import finished_condition
from kubesim.controllers.ownership import is_namespace_terminating, owner_in

ALREADY_ACTIVE = "Not starting job because prior execution is running and concurrency policy is Forbid"
MANY_MISSED = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"


class CronJobController(Controller):
    """The queue holds keys of CronJobs."""

    name = "cronjob-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._cron_jobs = self.informers.of(CRON_JOBS)
        self._jobs = self.informers.of(JOBS)
        self._cron_jobs.add_handler(on_add=self.enqueue, on_update=self._updated, on_delete=self.enqueue)
        self._jobs.add_handler(
            on_add=self._job_changed, on_update=lambda _, new: self._job_changed(new), on_delete=self._job_changed
        )

    async def reconcile(self, key: str) -> None:
        """Clears up history, takes in what has ended, and starts what is due."""
        cron_job = self._cron_jobs.get(key)
        if cron_job is None:
            return
        jobs = self._jobs.by_index("controller", cron_job.uid)
        run = _Run(self, cron_job, self._now())
        error: Exception | None = None
        try:
            await run.clear_history(jobs)
            if await run.note_jobs(jobs):
                await run.start_if_due()
        except (ApiError, TransportError, RetryLaterError) as raised:
            error = raised
        if run.is_changed:
            await self.client.update_status(CRON_JOBS, with_fields(cron_job.object, {"status": run.written()}))
        if error is not None:
            raise error
        if run.requeue_seconds is not None:
            self.queue.add_after(key, run.requeue_seconds)

    def _updated(self, old: Stored, new: Stored) -> None:
        """A new schedule moves the timer; everything else is looked at now."""
        before, after = old.object["spec"], new.object["spec"]
        names = ("schedule", "timeZone")
        if all(before.get(name) == after.get(name) for name in names):
            self.enqueue(new)
            return
        try:
            schedule = parse_schedule(after["schedule"], after.get("timeZone") or "")
        except ValueError:
            words = f"unparseable schedule for cronjob: {after['schedule']}"
            self.recorder.event(new, "Warning", "UnParseableCronJobSchedule", words)
            return
        seconds = seconds_to_next(new.object, self._now(), schedule)
        if seconds is not None:
            self.queue.add_after(new.key, seconds)

    def _job_changed(self, job: Stored) -> None:
        owner = owner_in(self._cron_jobs, job.namespace, controller_of(job.object))
        if owner is not None:
            self.enqueue(owner)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.sim.clock.unix_ns() / 1e9, UTC)


class _Run:
    """One sync of one CronJob: its status as it becomes, and when to come back."""

    def __init__(self, controller: CronJobController, cron_job: Stored, now: datetime) -> None:
        self._client = controller.client
        self._recorder = controller.recorder
        self._cron_job = cron_job
        self._now = now
        self._spec: Object = cron_job.object["spec"]
        self._status: Object = dict(cron_job.object.get("status") or {})
        self._active: list[Object] = list(self._status.get("active") or ())
        self.is_changed = False
        self.requeue_seconds: float | None = None

    def written(self) -> Object:
        """The status as it is to be written."""
        return with_fields(self._status, {"active": self._active or None})

    async def clear_history(self, jobs: Sequence[Stored]) -> None:
        """Deletes the oldest finished Jobs beyond the limits."""
        for job in surplus_history(self._cron_job.object, jobs):
            await self._delete(job)

    async def note_jobs(self, jobs: Sequence[Stored]) -> bool:
        """Takes finished and lost Jobs out of `active`; whether the CronJob may start one."""
        for job in jobs:
            ended = finished_condition(job.object)
            if ended is not None:
                self._note_end(job, ended["type"])
            elif not self._is_active(job.uid) and not await self._was_added(job):
                words = f"Saw a job that the controller did not create or forgot: {job.name}"
                self._event("Warning", "UnexpectedJob", words)
        present = {job.uid for job in jobs}
        for reference in [each for each in self._active if each["uid"] not in present]:
            try:
                await self._client.get(JOBS, reference["name"], reference["namespace"])
            except NotFoundError:
                self._event("Normal", "MissingJob", f"Active job went missing: {reference['name']}")
                self._forget(reference["uid"])
        return "deletionTimestamp" not in self._cron_job.object["metadata"]

    async def start_if_due(self) -> None:
        """Starts the Job of the latest moment that has passed, if nothing speaks against it."""
        schedule = self._schedule()
        if schedule is None:
            return
        cron_job = self._cron_job.object
        try:
            due = most_recent(cron_job, self._now, schedule, with_deadline=True)
        except InvalidScheduleError as error:
            self._event("Warning", "InvalidSchedule", f"invalid schedule: {self._spec['schedule']} : {error}")
            return
        if due.latest is not None and due.missed > MISSED_MANY:
            self._event("Warning", "TooManyMissedTimes", MANY_MISSED)
        if due.latest is not None and not self._is_in_the_way(due.latest):
            if self._spec.get("concurrencyPolicy") == "Replace":
                await self._replace()
            if not await self._start(due.latest):
                return
        current = with_fields(cron_job, {"status": self._status})
        self.requeue_seconds = seconds_to_next(current, self._now, schedule)

    # -- details --------------------------------------------------------------------------------------

    def _schedule(self) -> Schedule | None:
        zone = self._spec.get("timeZone")
        if zone is not None:
            try:
                time_zone(zone)
            except ValueError as error:
                self._event("Warning", "UnknownTimeZone", f'invalid timeZone: "{zone}": {error}')
                return None
        if self._spec.get("suspend"):
            return None
        text: str = self._spec["schedule"]
        if "TZ" in text:
            words = (
                "CRON_TZ or TZ used in schedule {} is not officially supported, see https://kubernetes.io/docs/concepts"
                "/workloads/controllers/cron-jobs/ for more details"
            )
            self._event("Warning", "UnsupportedSchedule", words.format(f'"{text}"'))
        try:
            return parse_schedule(text, zone or "")
        except CronError as error:
            self._event("Warning", "UnparseableSchedule", f'unparseable schedule: "{text}" : {error}')
            return None

    def _is_in_the_way(self, scheduled: datetime) -> bool:
        deadline = self._spec.get("startingDeadlineSeconds")
        if deadline is not None and scheduled.timestamp() + deadline < self._now.timestamp():
            self._event(
                "Warning", "MissSchedule", f"Missed scheduled time to start a job: {scheduled.strftime(RFC1123Z)}"
            )
            return True
        name = job_name(self._cron_job.object, scheduled)
        last = self._status.get("lastScheduleTime")
        if any(each["name"] == name for each in self._active) or (last and parse(last) == scheduled):
            return True
        if self._spec.get("concurrencyPolicy") == "Forbid" and self._active:
            self._event("Normal", "JobAlreadyActive", ALREADY_ACTIVE)
            return True
        return False

    async def _replace(self) -> None:
        for reference in list(self._active):
            try:
                job = await self._client.get(JOBS, reference["name"], reference["namespace"])
            except (ApiError, TransportError) as error:
                self._event("Warning", "FailedGet", f"Get job: {error}")
                raise
            if not await self._delete(job):
                raise RetryLaterError(f"could not replace job {job.key}")

    async def _start(self, scheduled: datetime) -> bool:
        """Creates the Job and puts it into the status; False if there is nothing more to do."""
        cron_job = self._cron_job
        wanted = job_for(cron_job.object, scheduled)
        name = wanted["metadata"]["name"]
        try:
            job = await self._client.create(JOBS, wanted, cron_job.namespace)
        except AlreadyExistsError:
            job = await self._client.get(JOBS, name, cron_job.namespace)
            if (controller_of(job.object) or {}).get("uid") != cron_job.uid or self._is_active(job.uid):
                return False
        except (ApiError, TransportError) as error:
            if not is_namespace_terminating(error):
                self._event("Warning", "FailedCreate", f"Error creating job: {error}")
            raise
        else:
            self._event("Normal", "SuccessfulCreate", f"Created job {name}")
        self._active.append(reference_to(job))
        self._status["lastScheduleTime"] = scheduled.strftime("%Y-%m-%dT%H:%M:%SZ")
        self.is_changed = True
        return True

    async def _delete(self, job: Stored) -> bool:
        try:
            await self._client.delete(JOBS, job.name, job.namespace, propagation_policy="Background")
        except (ApiError, TransportError) as error:
            self._event("Warning", "FailedDelete", f"Deleted job: {error}")
            return False
        self._forget(job.uid)
        self._event("Normal", "SuccessfulDelete", f"Deleted job {job.name}")
        self.is_changed = True
        return True

    async def _was_added(self, job: Stored) -> bool:
        """Whether the apiserver's CronJob knows an active Job that the cache's does not."""
        fresh = await self._client.get(CRON_JOBS, self._cron_job.name, self._cron_job.namespace)
        active = (fresh.object.get("status") or {}).get("active") or ()
        if not any(each["uid"] == job.uid for each in active):
            return False
        self._cron_job = fresh
        self._status = dict(fresh.object["status"])
        self._active = list(active)
        return True

    def _note_end(self, job: Stored, how: str) -> None:
        if self._is_active(job.uid):
            self._forget(job.uid)
            self._event("Normal", "SawCompletedJob", f"Saw completed job: {job.name}, condition: {how}")
        completed = (job.object.get("status") or {}).get("completionTime")
        if how == "Complete" and completed and completed > self._status.get("lastSuccessfulTime", ""):
            self._status["lastSuccessfulTime"] = completed
            self.is_changed = True

    def _is_active(self, uid: str) -> bool:
        return any(each["uid"] == uid for each in self._active)

    def _forget(self, uid: str) -> None:
        left = [each for each in self._active if each["uid"] != uid]
        self.is_changed = self.is_changed or len(left) < len(self._active)
        self._active = left

    def _event(self, type_: str, reason: str, message: str) -> None:
        self._recorder.event(self._cron_job, type_, reason, message)
