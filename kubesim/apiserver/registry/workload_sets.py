"""The strategies of StatefulSets, DaemonSets and the ControllerRevisions that both keep.

Of a StatefulSet little can be changed once Pods and claims bear its name. A DaemonSet still counts its templates, in
an annotation that nobody but the server may change.
Upstream: pkg/registry/apps/{statefulset,daemonset,controllerrevision}/strategy.go, pkg/apis/apps/validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import orjson

from kubesim.api.errors import FieldError
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.registry.workload import (
    MISMATCH,
    TEMPLATE,
    WorkloadStrategy,
    int_or_percent,
    not_more_than_all,
    not_negative,
    validate_lasting_template,
    validate_selected_template,
)
from kubesim.apiserver.validation.field import IMMUTABLE, NOT_NEGATIVE, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.names import Problems, dns_1035_label, dns_label
from kubesim.apiserver.validation.pod_warnings import storage_warnings
from kubesim.apiserver.validation.selectors import is_empty, shown_selector, validate_label_selector

ROLLING, ON_DELETE = "RollingUpdate", "OnDelete"
POLICIES = ("Retain", "Delete")
EMPTY = "empty selector is invalid for {}"
ALL_REVISIONS = "a negative value retains all historical revisions; a value >= 0 is recommended"
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

    has_fixed_selector: ClassVar[bool] = False
    warns_of_name: ClassVar[bool] = False

    def name_problems(self, name: str) -> Problems:
        """It becomes the hostname of its Pods."""
        return dns_label(name)

    def validate(self, obj: Object) -> list[FieldError]:
        """Policies, ordinals, selector and template."""
        spec: Object = obj.get("spec") or {}
        problems = _pod_management(spec) + _stateful_strategy(spec.get("updateStrategy") or {})
        problems += _retention(spec.get("persistentVolumeClaimRetentionPolicy") or {})
        for name in ("replicas", "minReadySeconds"):
            problems += not_negative(spec, name)
        start = (spec.get("ordinals") or {}).get("start", 0)
        if start < 0:
            problems.append(invalid("spec.ordinals.start", start, NOT_NEGATIVE))
        if spec.get("serviceName"):
            problems += [
                invalid("spec.serviceName", spec["serviceName"], words) for words in dns_1035_label(spec["serviceName"])
            ]
        return problems + validate_selected_template(_with_claims(spec), "StatefulSet", EMPTY.format("statefulset"))

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """The template, the claims and the history."""
        spec: Object = obj.get("spec") or {}
        return [*super().warnings_on_create(obj), *_set_warnings(spec)]

    def warnings_on_update(self, obj: Object, old: Object) -> Sequence[str]:
        """The same, if anything that is wanted has changed."""
        if obj["metadata"].get("generation") == old["metadata"].get("generation"):
            return ()
        return self.warnings_on_create(obj)

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

    warns_of_name: ClassVar[bool] = False

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
        problems = _daemon_selector(spec) + validate_lasting_template(spec.get("template") or {}, "DaemonSet")
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


def _daemon_selector(spec: Object) -> list[FieldError]:
    selector: Object | None = spec.get("selector")
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    problems = validate_label_selector(selector, "spec.selector")
    try:
        if not label_selector(selector).matches(labels):
            problems.append(invalid(f"{TEMPLATE}.metadata.labels", labels, MISMATCH))
    except ValueError:
        pass  # What is wrong with it has been said.
    if selector is not None and is_empty(selector):
        problems.append(invalid("spec.selector", shown_selector(selector), EMPTY.format("daemonset")))
    return problems


def _with_claims(spec: Object) -> Object:
    """The spec as its Pods will have it: each claim is a volume."""
    claims = [(claim.get("metadata") or {}).get("name") for claim in spec.get("volumeClaimTemplates") or ()]
    if not claims:
        return spec
    template: Object = spec.get("template") or {}
    pod: Object = template.get("spec") or {}
    volumes = [volume for volume in pod.get("volumes") or () if volume.get("name") not in claims]
    volumes += [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    return {**spec, "template": {**template, "spec": {**pod, "volumes": volumes}}}


def _set_warnings(spec: Object) -> list[str]:
    found = []
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        resources = (claim.get("spec") or {}).get("resources") or {}
        found += storage_warnings(resources, f"spec.volumeClaimTemplates[{index}]")
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        found.append(f"spec.revisionHistoryLimit: {ALL_REVISIONS}")
    return found


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
        problems += int_or_percent(unavailable, f"{path}.rollingUpdate.maxUnavailable")
        if unavailable in (0, "0%"):
            problems.append(invalid(f"{path}.rollingUpdate.maxUnavailable", unavailable, "cannot be 0"))
        problems += not_more_than_all(unavailable, f"{path}.rollingUpdate.maxUnavailable")
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
    for check in (int_or_percent, not_more_than_all):
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


def _in_order(problem: FieldError, shown: Object) -> FieldError:
    """The problem about a struct, whose fields Go shows in the order in which they are declared."""
    return problem._replace(message=problem.message.replace('""', orjson.dumps(shown).decode(), 1))
