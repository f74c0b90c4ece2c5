"""Defaults of the batch group. Upstream: pkg/apis/batch/v1/defaults.go."""

from __future__ import annotations

from typing import Any

from kubesim.api.defaults.copying import at, completed, each_at, filled, made_at
from kubesim.api.defaults.pods import template
from kubesim.api.stored import Object

INT32_MAX = 2**31 - 1
_CRON_JOB = {
    "concurrencyPolicy": "Allow",
    "suspend": False,
    "successfulJobsHistoryLimit": 3,
    "failedJobsHistoryLimit": 1,
}


def job(obj: Object) -> Object:
    """A Job; one without labels takes those of its template."""
    obj = made_at(completed(obj, {"status": {}}), "spec", job_spec)
    labels = obj["spec"]["template"]["metadata"].get("labels")
    metadata = obj.get("metadata") or {}
    return obj if metadata.get("labels") or not labels else {**obj, "metadata": {**metadata, "labels": labels}}


def job_spec(spec: Object) -> Object:
    """The spec of a Job. With neither completions nor parallelism it is one run of one Pod."""
    defaults: dict[str, Any] = {"parallelism": 1, "completionMode": "NonIndexed", "suspend": False}
    if spec.get("completions") is None and spec.get("parallelism") is None:
        defaults["completions"] = 1
    defaults["backoffLimit"] = 6 if spec.get("backoffLimitPerIndex") is None else INT32_MAX
    defaults["podReplacementPolicy"] = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    spec = made_at(filled(spec, defaults), "template", template)
    return at(spec, "podFailurePolicy", lambda policy: each_at(policy, "rules", _failure_rule))


def _failure_rule(rule: Object) -> Object:
    return each_at(rule, "onPodConditions", lambda pattern: filled(pattern, {"status": "True"}))


def cron_job(obj: Object) -> Object:
    """A CronJob. The Jobs that it will make get their own defaults when they are made."""

    def spec(part: Object) -> Object:
        return made_at(filled(part, _CRON_JOB), "jobTemplate", _job_template)

    return made_at(completed(obj, {"status": {}}), "spec", spec)


def _job_template(part: Object) -> Object:
    part = completed(part, {"metadata": {}})
    return made_at(part, "spec", lambda spec: made_at(spec, "template", template))
