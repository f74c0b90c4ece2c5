"""The strategies of Jobs and CronJobs.

A Job finds its Pods by its own uid: the server writes labels and a selector with it into every new Job.
Upstream: pkg/registry/batch/{job,cronjob}, pkg/apis/batch/validation.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.api.cron import CronError, parse_schedule
from kubesim.api.errors import FieldError
from kubesim.api.meta import with_fields
from kubesim.api.stored import Object
from kubesim.api.time_zones import time_zone
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.registry.workload import POD_NAMES, TEMPLATE, not_negative
from kubesim.apiserver.validation.field import invalid, not_supported, required
from kubesim.apiserver.validation.job import validate_job_spec, validate_job_update
from kubesim.apiserver.validation.pod_warnings import name_warnings, template_warnings

UID_LABELS = ("batch.kubernetes.io/controller-uid", "controller-uid")
NAME_LABELS = ("batch.kubernetes.io/job-name", "job-name")
CONCURRENCY = ("Allow", "Forbid", "Replace")
CRON_JOB_NAME_MAX = 52


class JobStrategy(Strategy):
    """A Job's Pods run to their end."""

    def prepare_for_create(self, obj: Object) -> None:
        """Labels and selector, unless the user wants to choose them."""
        super().prepare_for_create(obj)
        spec: Object = obj.get("spec") or {}
        if spec.get("manualSelector"):
            return
        metadata = obj["metadata"]
        uid, name = metadata["uid"], metadata.get("name", "")
        labels = {**dict.fromkeys(UID_LABELS, uid), **dict.fromkeys(NAME_LABELS, name)}
        template: Object = spec.get("template") or {}
        given = (template.get("metadata") or {}).get("labels") or {}
        made = with_fields(template, {"labels": {**given, **labels}}, "metadata")
        own = ((spec.get("selector") or {}).get("matchLabels")) or {}
        selector = {**(spec.get("selector") or {}), "matchLabels": {**own, UID_LABELS[0]: uid}}
        obj["spec"] = {**spec, "manualSelector": False, "template": made, "selector": selector}

    def canonicalize(self, obj: Object) -> None:
        """A Job without labels is read with those of its template."""
        labels = obj["spec"]["template"]["metadata"].get("labels")
        if labels and not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = labels

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """The name and the template."""
        found = name_warnings(obj["metadata"]["name"], POD_NAMES)
        return found + template_warnings(obj["spec"]["template"], TEMPLATE)

    def warnings_on_update(self, obj: Object, old: Object) -> Sequence[str]:
        """The template, if the Job is another."""
        if obj["metadata"].get("generation") == old["metadata"].get("generation"):
            return ()
        return template_warnings(obj["spec"]["template"], TEMPLATE)

    def validate(self, obj: Object) -> list[FieldError]:
        """Counts, and a template whose Pods may end."""
        return validate_job_spec(obj.get("spec") or {}, "spec")

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The template is for life, but for what the scheduler reads while the Job is suspended."""
        problems = super().validate_update(obj, old)
        return problems + validate_job_update(obj.get("spec") or {}, old.get("spec") or {})


class CronJobStrategy(Strategy):
    """Makes Jobs by the clock."""

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """The name, and the Jobs to come."""
        return name_warnings(obj["metadata"]["name"], POD_NAMES) + _job_template_warnings(obj)

    def warnings_on_update(self, obj: Object, old: Object) -> Sequence[str]:
        """The Jobs to come, if they will be others."""
        if obj["metadata"].get("generation") == old["metadata"].get("generation"):
            return ()
        return _job_template_warnings(obj)

    def validate(self, obj: Object) -> list[FieldError]:
        """Schedule, time zone, and the Job that it makes."""
        spec: Object = obj.get("spec") or {}
        problems: list[FieldError] = []
        schedule = spec.get("schedule", "")
        if not schedule:
            problems.append(required("spec.schedule"))
        problems += [invalid("spec.schedule", schedule, problem) for problem in schedule_problems(schedule)]
        problems += not_negative(spec, "startingDeadlineSeconds")
        zone = spec.get("timeZone")
        if zone is not None and (problem := zone_problem(zone)):
            problems.append(invalid("spec.timeZone", zone, problem))
        policy = spec.get("concurrencyPolicy")
        if policy not in (None, *CONCURRENCY):
            problems.append(not_supported("spec.concurrencyPolicy", policy, CONCURRENCY))
        problems += validate_job_spec((spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec")
        for field in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
            problems += not_negative(spec, field)
        name = obj["metadata"].get("name", "")
        if len(name) > CRON_JOB_NAME_MAX:
            problems.append(invalid("metadata.name", name, f"must be no more than {CRON_JOB_NAME_MAX} characters"))
        return problems


def _job_template_warnings(obj: Object) -> list[str]:
    template = obj["spec"]["jobTemplate"]["spec"]["template"]
    return template_warnings(template, "spec.jobTemplate.spec.template")


def zone_problem(zone: str) -> str:
    """What is wrong with the name of a time zone; "" if nothing is."""
    if not zone:
        return "timeZone must be nil or non-empty string"
    if zone.lower() == "local":
        return "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
    try:
        time_zone(zone)
    except ValueError as error:
        return str(error)
    return ""


def schedule_problems(schedule: str) -> list[str]:
    """What is wrong with a schedule, in the parser's words; a time zone has a field of its own."""
    problems = []
    try:
        if schedule:
            parse_schedule(schedule)
    except CronError as error:
        problems.append(str(error))
    if "TZ" in schedule:
        problems.append("cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    return problems
