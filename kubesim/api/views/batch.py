"""Jobs, and CronJobs that make them.

Upstream: k8s.io/api/batch/v1/types.go.
"""

from __future__ import annotations

from kubesim.api.views.base import View
from kubesim.api.views.core_event import ObjectReference
from kubesim.api.views.core_pod import PodTemplateSpec
from kubesim.api.views.meta import LabelSelector, ObjectMeta


class PodFailurePolicyOnExitCodesRequirement(View, frozen=True):
    """Exit codes that a rule is about."""

    container_name: str = ""
    operator: str = ""
    values: tuple[int, ...] = ()


class PodFailurePolicyOnPodConditionsPattern(View, frozen=True):
    """A Pod condition that a rule is about."""

    type: str = ""
    status: str = ""


class PodFailurePolicyRule(View, frozen=True):
    """What a certain failure means for the Job."""

    action: str = ""
    on_exit_codes: PodFailurePolicyOnExitCodesRequirement | None = None
    on_pod_conditions: tuple[PodFailurePolicyOnPodConditionsPattern, ...] = ()


class PodFailurePolicy(View, frozen=True):
    """Rules, of which the first that fits decides."""

    rules: tuple[PodFailurePolicyRule, ...] = ()


class SuccessPolicyRule(View, frozen=True):
    """Which indexes suffice."""

    succeeded_count: int | None = None
    succeeded_indexes: str = ""


class SuccessPolicy(View, frozen=True):
    """Rules, of which one suffices."""

    rules: tuple[SuccessPolicyRule, ...] = ()


class JobSpec(View, frozen=True):
    """How often a Pod must succeed, and how long to try."""

    active_deadline_seconds: int | None = None
    backoff_limit: int | None = None
    backoff_limit_per_index: int | None = None
    completion_mode: str = ""
    completions: int | None = None
    managed_by: str = ""
    manual_selector: bool | None = None
    max_failed_indexes: int | None = None
    parallelism: int | None = None
    pod_failure_policy: PodFailurePolicy | None = None
    pod_replacement_policy: str = ""
    selector: LabelSelector | None = None
    success_policy: SuccessPolicy | None = None
    suspend: bool | None = None
    template: PodTemplateSpec | None = None
    ttl_seconds_after_finished: int | None = None


class JobCondition(View, frozen=True):
    """Complete, Failed, Suspended and what leads there."""

    type: str = ""
    last_probe_time: str = ""
    last_transition_time: str = ""
    message: str = ""
    reason: str = ""
    status: str = ""


class UncountedTerminatedPods(View, frozen=True):
    """Pods that ended but are not in the counts yet."""

    failed: tuple[str, ...] = ()
    succeeded: tuple[str, ...] = ()


class JobStatus(View, frozen=True):
    """How far it got."""

    active: int = 0
    completed_indexes: str = ""
    completion_time: str = ""
    conditions: tuple[JobCondition, ...] = ()
    failed: int = 0
    failed_indexes: str = ""
    ready: int | None = None
    start_time: str = ""
    succeeded: int = 0
    terminating: int | None = None
    uncounted_terminated_pods: UncountedTerminatedPods | None = None


class Job(View, frozen=True):
    """Runs Pods to their end."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class JobTemplateSpec(View, frozen=True):
    """What Jobs are made from."""

    metadata: ObjectMeta = ObjectMeta()
    spec: JobSpec = JobSpec()


class CronJobSpec(View, frozen=True):
    """When to make which Job."""

    concurrency_policy: str = ""
    failed_jobs_history_limit: int | None = None
    job_template: JobTemplateSpec | None = None
    schedule: str = ""
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: int | None = None
    suspend: bool | None = None
    time_zone: str = ""


class CronJobStatus(View, frozen=True):
    """The Jobs that run now, and when the last was due."""

    active: tuple[ObjectReference, ...] = ()
    last_schedule_time: str = ""
    last_successful_time: str = ""


class CronJob(View, frozen=True):
    """Makes Jobs by the clock."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()
