"""The strategies of StatefulSets, DaemonSets and the ControllerRevisions that both keep.

Of a StatefulSet little can be changed once Pods and claims bear its name. A DaemonSet still counts its templates, in
an annotation that nobody but the server may change.
Upstream: pkg/registry/apps/{statefulset,daemonset,controllerrevision}/strategy.go, pkg/apis/apps/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from kubesim.api.errors import FieldError
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.registry.workload import MISMATCH, NOT_PERCENT, PERCENT, TEMPLATE, WorkloadStrategy, not_negative
from kubesim.apiserver.validation.field import IMMUTABLE, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.metadata import validate_labels
from kubesim.apiserver.validation.names import Problems, dns_1035_label, dns_label
from kubesim.apiserver.validation.pod import NOT_NEGATIVE, validate_pod_spec

ROLLING, ON_DELETE = "RollingUpdate", "OnDelete"
POLICIES = ("Retain", "Delete")
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
CHANGEABLE = ("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
              "persistentVolumeClaimRetentionPolicy", "minReadySeconds")  # fmt: skip
STATEFUL_SET_FIXED = (
    "updates to statefulset spec for fields other than "
    + ", ".join(f"'{name}'" for name in CHANGEABLE[:-1])
    + f" and '{CHANGEABLE[-1]}' are forbidden"
)


class StatefulSetStrategy(WorkloadStrategy):
    """Pods with names: so its own name must be one that a host can have."""

    immutable_spec_fields: ClassVar[tuple[str, ...]] = ()

    def name_problems(self, name: str) -> Problems:
        """It becomes the hostname of its Pods."""
        return dns_label(name)

    def validate(self, obj: Object) -> list[FieldError]:
        """Policies, ordinals, selector and template."""
        spec: Object = obj.get("spec") or {}
        problems = _pod_management(spec) + _stateful_strategy(spec.get("updateStrategy") or {})
        problems += _retention(spec.get("persistentVolumeClaimRetentionPolicy") or {})
        for name in ("replicas", "minReadySeconds", "revisionHistoryLimit"):
            problems += not_negative(spec, name)
        start = (spec.get("ordinals") or {}).get("start", 0)
        if start < 0:
            problems.append(invalid("spec.ordinals.start", start, NOT_NEGATIVE))
        if spec.get("serviceName"):
            problems += [
                invalid("spec.serviceName", spec["serviceName"], words) for words in dns_1035_label(spec["serviceName"])
            ]
        if not spec.get("selector"):
            problems.append(required("spec.selector"))
        return problems + self._validate_pods(spec, "StatefulSet")

    def _validate_pods(self, spec: Object, kind: str) -> list[FieldError]:
        template: Object = spec.get("template") or {}
        labels = (template.get("metadata") or {}).get("labels")
        problems = _selector(spec.get("selector"), labels, kind) if spec.get("selector") else []
        return problems + _template(template, kind)

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """Few fields may change."""
        spec, before = obj.get("spec") or {}, old.get("spec") or {}
        if spec is before:
            return []
        problems = self.validate(obj)
        fixed = [name for name in {**before, **spec} if name not in CHANGEABLE and spec.get(name) != before.get(name)]
        return [*problems, forbidden("spec", STATEFUL_SET_FIXED)] if fixed else problems


class DaemonSetStrategy(WorkloadStrategy):
    """Counts its templates in an annotation, as extensions/v1beta1 did in a field."""

    def prepare_for_create(self, obj: Object) -> None:
        """The first template, unless the client says which."""
        super().prepare_for_create(obj)
        _keep_generation(obj, str(max(1, _generation_of(obj))))

    def prepare_for_update(self, obj: Object, old: Object) -> None:
        """One more when the template changed; what the client says counts for nothing."""
        super().prepare_for_update(obj, old)
        before, after = ((o.get("spec") or {}).get("template") for o in (old, obj))
        _keep_generation(obj, str(_generation_of(old) + (before != after)))

    def validate(self, obj: Object) -> list[FieldError]:
        """Selector, template and the strategy of updates."""
        spec: Object = obj.get("spec") or {}
        template: Object = spec.get("template") or {}
        labels = (template.get("metadata") or {}).get("labels")
        problems = _selector(spec.get("selector"), labels, "DaemonSet") + _template(template, "DaemonSet")
        problems += not_negative(spec, "minReadySeconds")
        problems += _daemon_strategy(spec.get("updateStrategy") or {})
        return problems + not_negative(spec, "revisionHistoryLimit")


class ControllerRevisionStrategy(Strategy):
    """Data that never changes, under a number that may."""

    def validate(self, obj: Object) -> list[FieldError]:
        """A number and data."""
        number = obj.get("revision", 0)
        problems = [invalid("revision", number, NOT_NEGATIVE)] if number < 0 else []
        return problems if obj.get("data") is not None else [*problems, required("data", "data is mandatory")]

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """What was, was."""
        problems = self.validate(obj)
        if obj.get("data") != old.get("data"):
            problems.append(invalid("data", obj.get("data"), IMMUTABLE))
        return problems


def _generation_of(obj: Object) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    return int(text) if text.isdecimal() else 0


def _keep_generation(obj: Object, generation: str) -> None:
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {**annotations, TEMPLATE_GENERATION: generation}


def _selector(selector: Any, labels: Mapping[str, str] | None, kind: str) -> list[FieldError]:
    try:
        parsed = label_selector(selector)
    except ValueError as error:
        return [invalid("spec.selector", selector, str(error))]
    problems = []
    if not parsed.matches(labels):
        problems.append(invalid(f"{TEMPLATE}.metadata.labels", labels, MISMATCH))
    if selector is not None and parsed.empty:
        problems.append(invalid("spec.selector", selector, f"empty selector is invalid for {kind.lower()}"))
    return problems


def _template(template: Object, kind: str) -> list[FieldError]:
    spec = template.get("spec") or {}
    problems = validate_labels((template.get("metadata") or {}).get("labels") or {}, f"{TEMPLATE}.labels")
    problems += validate_pod_spec(spec, f"{TEMPLATE}.spec", ("Always",))
    if spec.get("activeDeadlineSeconds") is not None:
        words = f"activeDeadlineSeconds in {kind} is not Supported"
        problems.append(forbidden(f"{TEMPLATE}.spec.activeDeadlineSeconds", words))
    return problems


def _pod_management(spec: Object) -> list[FieldError]:
    policy = spec.get("podManagementPolicy", "")
    if policy in ("OrderedReady", "Parallel"):
        return []
    if not policy:
        return [required("spec.podManagementPolicy")]
    return [invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")]


def _stateful_strategy(strategy: Object) -> list[FieldError]:
    path, kind, rolling = "spec.updateStrategy", strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == ON_DELETE:
        words = f"only allowed for updateStrategy '{ROLLING}'"
        shown = {
            "Partition": (rolling or {}).get("partition", 0),
            "MaxUnavailable": (rolling or {}).get("maxUnavailable"),
        }
        return [_in_order(invalid(f"{path}.rollingUpdate", "", words), shown)] if rolling is not None else []
    if kind != ROLLING:
        problem = invalid(path, "", f"must be '{ROLLING}' or '{ON_DELETE}'")
        return [_in_order(problem, {"Type": kind, "RollingUpdate": None})] if kind else [required(path)]
    if rolling is None:
        return []
    partition, unavailable = rolling.get("partition", 0), rolling.get("maxUnavailable")
    problems = [invalid(f"{path}.rollingUpdate.partition", partition, NOT_NEGATIVE)] if partition < 0 else []
    if unavailable is not None:
        problems += _int_or_percent(unavailable, f"{path}.rollingUpdate.maxUnavailable")
        if unavailable in (0, "0%"):
            problems.append(invalid(f"{path}.rollingUpdate.maxUnavailable", unavailable, "cannot be 0"))
        problems += _not_more_than_all(unavailable, f"{path}.rollingUpdate.maxUnavailable")
    return problems


def _daemon_strategy(strategy: Object) -> list[FieldError]:
    path, kind, rolling = "spec.updateStrategy", strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == ON_DELETE:
        return []
    if kind != ROLLING:
        problem = not_supported(path, "", (ROLLING, ON_DELETE))
        return [_in_order(problem, {"Type": kind, "RollingUpdate": None})]
    if rolling is None:
        return [required(f"{path}.rollingUpdate")]
    values = {name: rolling.get(name, 0) for name in ("maxUnavailable", "maxSurge")}
    problems = []
    for check in (_int_or_percent, _not_more_than_all):
        for name, value in values.items():
            problems += check(value, f"{path}.rollingUpdate.{name}")
    zeros = [value in (0, "0%") for value in values.values()]
    if not any(zeros):
        words = "may not be set when maxUnavailable is non-zero"
        problems.append(invalid(f"{path}.rollingUpdate.maxSurge", values["maxSurge"], words))
    if all(zeros):
        problems.append(required(f"{path}.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return problems


def _retention(policy: Object) -> list[FieldError]:
    path = "spec.persistentVolumeClaimRetentionPolicy"
    return [
        not_supported(f"{path}.{name}", policy[name], sorted(POLICIES))
        for name in ("whenDeleted", "whenScaled")
        if name in policy and policy[name] not in POLICIES
    ]


def _int_or_percent(value: int | str, path: str) -> list[FieldError]:
    if isinstance(value, str):
        return [] if PERCENT.fullmatch(value) else [invalid(path, value, NOT_PERCENT)]
    return [invalid(path, value, NOT_NEGATIVE)] if value < 0 else []


def _not_more_than_all(value: int | str, path: str) -> list[FieldError]:
    if isinstance(value, str) and PERCENT.fullmatch(value) and int(value[:-1]) > 100:
        return [invalid(path, value, "must not be greater than 100%")]
    return []


def _in_order(problem: FieldError, shown: Object) -> FieldError:
    """The problem about a struct, whose fields Go shows in the order in which they are declared."""
    return problem._replace(message=problem.message.replace('""', orjson.dumps(shown).decode(), 1))
