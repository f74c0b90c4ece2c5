"""When a CronJob's next Job is due, which of its Jobs are history, and what a Job of it looks like. Pure.

Only the latest of several missed times is made up for. Upstream: pkg/controller/cronjob/utils.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kubesim.api.cron import Schedule
from kubesim.api.meta import owner_reference
from kubesim.api.stored import Object, Stored
from kubesim.api.time_zones import time_zone
from kubesim.controllers.job_conditions import finished_condition

SCHEDULED_TIMESTAMP = "batch.kubernetes.io/cronjob-scheduled-timestamp"
NEXT_SCHEDULE_DELTA = timedelta(milliseconds=100)  # Looking a little late is sure to be late enough.
MISSED_MANY = 100
RFC1123Z = "%a, %d %b %Y %H:%M:%S %z"


class InvalidScheduleError(ValueError):
    """The schedule names moments that never come; the message is for the event."""


class Due(NamedTuple):
    """The latest moment that has passed since `earliest` (None: none), and how many have."""

    earliest: datetime
    latest: datetime | None
    missed: int


def most_recent(cron_job: Object, now: datetime, schedule: Schedule, *, with_deadline: bool) -> Due:
    """Counts by the distance of the first two moments, as upstream does, so that years cost no more than hours."""
    earliest = parse(cron_job["metadata"]["creationTimestamp"])
    if last := (cron_job.get("status") or {}).get("lastScheduleTime"):
        earliest = parse(last)
    deadline = cron_job["spec"].get("startingDeadlineSeconds")
    if with_deadline and deadline is not None:
        earliest = max(earliest, now - timedelta(seconds=deadline))
    first = schedule.next(earliest)
    if first is None:
        raise InvalidScheduleError("time difference between two schedules is less than 1 second")
    if now < first:
        return Due(earliest, None, 0)
    second = schedule.next(first)
    if second is None or now < second:
        return Due(earliest, first, 0)
    distance = max(1, round((second - first).total_seconds()))
    missed = int((now - first).total_seconds()) // distance + 1
    moment = schedule.next(first + timedelta(seconds=(missed - 2) * distance))
    latest = None
    while moment is not None and moment <= now:
        latest, moment = moment, schedule.next(moment)
    return Due(earliest, latest, missed)


def seconds_to_next(cron_job: Object, now: datetime, schedule: Schedule) -> float | None:
    """How long until the CronJob is to be looked at again; None if it never falls due."""
    try:
        due = most_recent(cron_job, now, schedule, with_deadline=False)
    except InvalidScheduleError:
        due = Due(now, now, 0)
    since = due.latest or (due.earliest if due.missed == 0 else now)
    following = schedule.next(since)
    return None if following is None else (following + NEXT_SCHEDULE_DELTA - now).total_seconds()


def job_name(cron_job: Object, scheduled: datetime) -> str:
    """Named by the minute, so that the same run is never started twice."""
    return f"{cron_job['metadata']['name']}-{int(scheduled.timestamp()) // 60}"


def job_for(cron_job: Object, scheduled: datetime) -> Object:
    """The Job of one run, from the template."""
    template: Object = cron_job["spec"]["jobTemplate"]
    described: Object = template.get("metadata") or {}
    local = scheduled.astimezone(time_zone(cron_job["spec"].get("timeZone") or ""))
    annotations = {**(described.get("annotations") or {}), SCHEDULED_TIMESTAMP: rfc3339(local)}
    metadata: Object = {"name": job_name(cron_job, scheduled), "annotations": annotations}
    if described.get("labels"):
        metadata["labels"] = described["labels"]
    metadata["ownerReferences"] = [owner_reference(cron_job)]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template.get("spec") or {}}


def surplus_history(cron_job: Object, jobs: Sequence[Stored]) -> list[Stored]:
    """The oldest finished Jobs beyond the limits: first successful ones, then failed ones."""
    surplus: list[Stored] = []
    for type_, limit_name in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
        limit = cron_job["spec"].get(limit_name)
        ended = [job for job in jobs if (finished_condition(job.object) or {}).get("type") == type_]
        if limit is not None and len(ended) > limit:
            surplus += sorted(ended, key=by_start)[: len(ended) - limit]
    return surplus


def by_start(job: Stored) -> tuple[bool, str, str]:
    """Jobs that never began come last."""
    started: str = (job.object.get("status") or {}).get("startTime") or ""
    return not started, started, job.name


def parse(timestamp: str) -> datetime:
    """A date of the API."""
    return datetime.fromisoformat(timestamp).astimezone(UTC)


def rfc3339(moment: datetime) -> str:
    """With Z for UTC, else with the zone's distance from it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment.tzinfo is UTC else moment.isoformat(timespec="seconds")
