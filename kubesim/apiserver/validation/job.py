"""What is wrong with the spec of a Job, also as a CronJob's template.

Upstream: pkg/apis/batch/validation. Left out: limits on the number and length of indexes in success policies.
"""

from __future__ import annotations

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.validation.field import IMMUTABLE, duplicate, invalid, not_supported, required
from kubesim.apiserver.validation.pod import NOT_NEGATIVE, validate_template

RESTART_POLICIES = ("OnFailure", "Never")
VALID_POLICIES = 'valid values: "OnFailure", "Never"'
COUNTS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
MODES = ("Indexed", "NonIndexed")
REPLACEMENTS = ("Failed", "TerminatingOrFailed")
ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
OPERATORS = ("In", "NotIn")
NEEDS_INDEXES = "requires indexed completion mode"
INDEXED_PARALLELISM_MAX = 100_000
FIXED = (
    "selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy",
)  # fmt: skip
# What the scheduler reads, and what may change while a Job is halted.
SCHEDULING = ("nodeSelector", "tolerations", "schedulingGates", "affinity")


def validate_job_spec(spec: Object, path: str) -> list[FieldError]:
    """What is wrong with what a Job is to do."""
    problems = [
        invalid(f"{path}.{name}", spec[name], NOT_NEGATIVE)
        for name in COUNTS
        if spec.get(name) is not None and spec[name] < 0
    ]
    problems += _indexes(spec, path)
    if spec.get("podFailurePolicy"):
        problems += _failure_policy(spec, f"{path}.podFailurePolicy")
    problems += _replacement(spec, path)
    return problems + _template(spec, path)


def validate_job_update(spec: Object, old: Object, *, path: str = "spec") -> list[FieldError]:
    """What of a Job's spec may not change any more."""
    problems = [
        invalid(f"{path}.{name}", spec.get(name), IMMUTABLE) for name in FIXED if spec.get(name) != old.get(name)
    ]
    template, before = spec.get("template") or {}, old.get("template") or {}
    if old.get("suspend"):
        template, before = without_scheduling(template), without_scheduling(before)
    if template != before:
        problems.append(invalid(f"{path}.template", spec.get("template"), IMMUTABLE))
    completions = spec.get("completions")
    if completions != old.get("completions"):
        if spec.get("completionMode") != "Indexed" or None in (completions, old.get("completions")):
            problems.append(invalid(f"{path}.completions", completions, IMMUTABLE))
        elif completions != spec.get("parallelism"):
            words = f"can only be modified in tandem with {path}.parallelism"
            problems.append(invalid(f"{path}.completions", completions, words))
    return problems


def without_scheduling(template: Object) -> Object:
    """A template without what may change while its Job is halted."""
    metadata = {
        name: value for name, value in (template.get("metadata") or {}).items() if name not in ("labels", "annotations")
    }
    spec = {name: value for name, value in (template.get("spec") or {}).items() if name not in SCHEDULING}
    for name in ("containers", "initContainers"):
        if spec.get(name):
            spec[name] = [
                {field: value for field, value in each.items() if field != "resources"} for each in spec[name]
            ]
    return {"metadata": metadata, "spec": spec}


def _indexes(spec: Object, path: str) -> list[FieldError]:
    mode = spec.get("completionMode")
    problems: list[FieldError] = []
    if mode is not None and mode not in MODES:
        problems.append(not_supported(f"{path}.completionMode", mode, MODES))
    if mode == "Indexed":
        if spec.get("completions") is None:
            problems.append(required(f"{path}.completions", "when completion mode is Indexed"))
        parallelism = spec.get("parallelism") or 0
        if parallelism > INDEXED_PARALLELISM_MAX:
            words = f"must be less than or equal to {INDEXED_PARALLELISM_MAX} when completion mode is Indexed"
            problems.append(invalid(f"{path}.parallelism", parallelism, words))
    else:
        if spec.get("backoffLimitPerIndex") is not None:
            problems.append(invalid(f"{path}.backoffLimitPerIndex", spec["backoffLimitPerIndex"], NEEDS_INDEXES))
        if spec.get("successPolicy"):
            problems.append(invalid(f"{path}.successPolicy", spec["successPolicy"], NEEDS_INDEXES))
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        problems.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    return problems


def _failure_policy(spec: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    pod: Object = (spec.get("template") or {}).get("spec") or {}
    names = {each.get("name") for field in ("containers", "initContainers") for each in pod.get(field) or ()}
    for number, rule in enumerate(spec["podFailurePolicy"].get("rules") or ()):
        where = f"{path}.rules[{number}]"
        action = rule.get("action")
        if not action:
            shown = ", ".join(f'"{each}"' for each in ACTIONS)
            problems.append(required(f"{where}.action", f"valid values: [{shown}]"))
        elif action not in ACTIONS:
            problems.append(not_supported(f"{where}.action", action, ACTIONS))
        elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            problems.append(invalid(f"{where}.action", action, "requires the backoffLimitPerIndex to be set"))
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if codes and conditions:
            words = "specifying both OnExitCodes and OnPodConditions is not supported"
            problems.append(invalid(where, rule, words))
        elif not codes and not conditions:
            problems.append(invalid(where, rule, "specifying one of OnExitCodes and OnPodConditions is required"))
        if codes:
            problems += _exit_codes(codes, f"{where}.onExitCodes", names)
    return problems


def _exit_codes(codes: Object, path: str, names: set[str | None]) -> list[FieldError]:
    problems: list[FieldError] = []
    operator, values = codes.get("operator"), codes.get("values") or []
    if operator not in OPERATORS:
        problems.append(not_supported(f"{path}.operator", operator or "", OPERATORS))
    if codes.get("containerName") is not None and codes["containerName"] not in names:
        words = "must be one of the container or initContainer names in the pod template"
        problems.append(invalid(f"{path}.containerName", codes["containerName"], words))
    if not values:
        problems.append(invalid(f"{path}.values", values, "at least one value is required"))
    seen: set[int] = set()
    for number, value in enumerate(values):
        if operator == "In" and value == 0:
            problems.append(invalid(f"{path}.values[{number}]", value, "must not be 0 for the In operator"))
        if value in seen:
            problems.append(duplicate(f"{path}.values[{number}]", value))
        seen.add(value)
    if values != sorted(values):
        problems.append(invalid(f"{path}.values", values, "must be ordered"))
    return problems


def _replacement(spec: Object, path: str) -> list[FieldError]:
    policy = spec.get("podReplacementPolicy")
    allowed = REPLACEMENTS[:1] if spec.get("podFailurePolicy") else REPLACEMENTS
    if policy is None or policy in allowed:
        return []
    return [not_supported(f"{path}.podReplacementPolicy", policy, allowed)]


def _template(spec: Object, path: str) -> list[FieldError]:
    template: Object = spec.get("template") or {}
    pod_spec: Object = template.get("spec") or {}
    policy, where = pod_spec.get("restartPolicy"), f"{path}.template.spec.restartPolicy"
    problems = validate_template(template, f"{path}.template")
    if policy in (None, "", "Always"):
        problems.append(required(where, VALID_POLICIES))
    elif policy not in RESTART_POLICIES:
        problems.append(not_supported(where, policy, RESTART_POLICIES))
    elif policy != "Never" and spec.get("podFailurePolicy"):
        problems.append(invalid(where, policy, 'only "Never" is supported when podFailurePolicy is specified'))
    return problems
