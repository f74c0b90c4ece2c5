"""Jobs, CronJobs and autoscalers. Upstream: printJob, printCronJob, printHorizontalPodAutoscaler."""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    Column,
    Moment,
    Printer,
    age_of,
    containers_and_images,
    duration,
    name_of,
    since,
    spec_of,
    status_of,
    wide,
)
from kubesim.apiserver.http.table.workloads import selector_text
from kubesim.sim.clock import parse_timestamp_ns

# The first of these conditions that holds is the status; between the two, a Job that is being deleted is Terminating.
FINISHED = ("Complete", "Failed")
UNFINISHED = ("Suspended", "FailureTarget", "SuccessCriteriaMet")
METRICS_SHOWN_MAX = 2


def _job(job: Object, now: Moment) -> list[Any]:
    spec, status = spec_of(job), status_of(job)
    started, ended = status.get("startTime"), status.get("completionTime")
    lasted = ""
    if started:
        end = parse_timestamp_ns(ended) if ended else now
        lasted = duration(end - parse_timestamp_ns(started))
    names, images = containers_and_images((spec.get("template") or {}).get("spec") or {})
    return [
        name_of(job),
        _job_status(job),
        _completions(spec, status.get("succeeded", 0)),
        lasted,
        age_of(job, now),
        names,
        images,
        selector_text(spec.get("selector")),
    ]


def _job_status(job: Object) -> str:
    conditions = status_of(job).get("conditions") or ()
    holding = {c["type"] for c in conditions if c["status"] == "True"}
    if finished := next((words for words in FINISHED if words in holding), ""):
        return finished
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((words for words in UNFINISHED if words in holding), "Running")


def _completions(spec: Object, succeeded: int) -> str:
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _cron_job(cron_job: Object, now: Moment) -> list[Any]:
    spec, status = spec_of(cron_job), status_of(cron_job)
    last = status.get("lastScheduleTime")
    job_spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    names, images = containers_and_images((job_spec.get("template") or {}).get("spec") or {})
    return [
        name_of(cron_job),
        spec.get("schedule", ""),
        spec.get("timeZone") or NONE,
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        since(last, now) if last else NONE,
        age_of(cron_job, now),
        names,
        images,
        selector_text(job_spec.get("selector")),
    ]


def _autoscaler(autoscaler: Object, now: Moment) -> list[Any]:
    spec, status = spec_of(autoscaler), status_of(autoscaler)
    target = spec.get("scaleTargetRef") or {}
    minimum = spec.get("minReplicas")
    return [
        name_of(autoscaler),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(spec.get("metrics") or [], status.get("currentMetrics") or []),
        "<unset>" if minimum is None else str(minimum),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        age_of(autoscaler, now),
    ]


def _metrics(wanted: list[Object], current: list[Object]) -> str:
    if not wanted:
        return NONE
    texts = [_metric(metric, current[i] if i < len(current) else {}) for i, metric in enumerate(wanted)]
    shown = ", ".join(texts[:METRICS_SHOWN_MAX])
    more = len(texts) - METRICS_SHOWN_MAX
    return f"{shown} + {more} more..." if more > 0 else shown


def _metric(metric: Object, current: Object) -> str:
    """`cpu: <unknown>/80%`."""
    source = metric["type"][0].lower() + metric["type"][1:]
    wanted, seen = metric.get(source) or {}, (current.get(source) or {}).get("current") or {}
    target = wanted.get("target") or {}
    prefix = f"{wanted['name']}: " if source in ("resource", "containerResource") else ""
    if target.get("averageUtilization") is not None:
        now = f"{seen['averageUtilization']}%" if seen.get("averageUtilization") is not None else UNKNOWN
        return f"{prefix}{now}/{target['averageUtilization']}%"
    if target.get("averageValue") is not None:
        average = " (avg)" if source in ("object", "external") else ""
        return f"{prefix}{seen.get('averageValue', UNKNOWN)}/{target['averageValue']}{average}"
    return f"{prefix}{seen.get('value', UNKNOWN)}/{target.get('value', '<auto>')}"


_CONTAINERS = (wide("Containers"), wide("Images"), wide("Selector"))
PRINTERS = {
    ("batch", "Job"): Printer(
        (NAME, Column("Status"), Column("Completions"), Column("Duration"), AGE, *_CONTAINERS), _job
    ),
    ("batch", "CronJob"): Printer(
        (
            NAME,
            Column("Schedule"),
            Column("Timezone"),
            Column("Suspend", "boolean"),
            Column("Active", "integer"),
            Column("Last Schedule"),
            AGE,
            *_CONTAINERS,
        ),
        _cron_job,
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): Printer(
        (
            NAME,
            Column("Reference"),
            Column("Targets"),
            Column("MinPods"),
            Column("MaxPods"),
            Column("Replicas"),
            AGE,
        ),
        _autoscaler,
    ),
}
