"""The strategies of Deployments, ReplicaSets and ReplicationControllers: a number, a selector and a template.

Upstream: pkg/registry/apps/{deployment,replicaset}/strategy.go, pkg/apis/apps/validation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from kubesim.api.errors import FieldError
from kubesim.api.selectors import equality_selector, label_selector
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy, keep
from kubesim.apiserver.validation.field import (
    IMMUTABLE,
    NOT_NEGATIVE,
    Struct,
    forbidden,
    invalid,
    not_supported,
    required,
)
from kubesim.apiserver.validation.pod import validate_template
from kubesim.apiserver.validation.pod_warnings import name_warnings, template_warnings
from kubesim.apiserver.validation.selectors import is_empty, shown_selector, validate_label_selector

TEMPLATE = "spec.template"
POD_NAMES = "Pod names and hostnames"
PERCENT = re.compile("[0-9]+%")
NOT_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)
MISMATCH = "`selector` does not match template `labels`"
SELECTOR_EMPTY = "empty selector is invalid for deployment"
STRATEGY_TYPES = ("Recreate", "RollingUpdate")


class WorkloadStrategy(Strategy):
    """What they have in common; by itself it serves ReplicaSets."""

    has_fixed_selector: ClassVar[bool] = True
    # Whether the name becomes part of the names of hosts, so that a warning is due if it has dots.
    warns_of_name: ClassVar[bool] = True
    kind_in_messages: ClassVar[str] = "ReplicaSet"

    def prepare_for_status_update(self, obj: Object, old: Object) -> None:
        """A controller's word on the status changes no labels."""
        super().prepare_for_status_update(obj, old)
        keep(obj["metadata"], old["metadata"], "labels")

    def validate(self, obj: Object) -> list[FieldError]:
        """Replicas, selector and template, and that they belong together."""
        spec: Object = obj.get("spec") or {}
        problems = not_negative(spec, "replicas")
        if type(self) is WorkloadStrategy:
            problems += not_negative(spec, "minReadySeconds")
        return problems + validate_selected_template(spec, self.kind_in_messages)

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The selector is for life."""
        problems = super().validate_update(obj, old)
        selector, before = ((each.get("spec") or {}).get("selector") for each in (obj, old))
        if self.has_fixed_selector and selector != before:
            problems.append(invalid("spec.selector", shown_selector(selector), IMMUTABLE))
        return problems

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """The name and the template."""
        found = name_warnings(obj["metadata"]["name"], POD_NAMES) if self.warns_of_name else []
        return found + template_warnings((obj.get("spec") or {}).get("template") or {}, TEMPLATE)

    def warnings_on_update(self, obj: Object, old: Object) -> Sequence[str]:
        """The template, if anything that is wanted has changed."""
        if obj["metadata"].get("generation") == old["metadata"].get("generation"):
            return ()
        return template_warnings((obj.get("spec") or {}).get("template") or {}, TEMPLATE)


def validate_selected_template(spec: Object, kind: str, empty: str = SELECTOR_EMPTY) -> list[FieldError]:
    """What is wrong with a required selector and with the template that it must match."""
    problems = []
    selector: Object | None = spec.get("selector")
    template: Object = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    if selector is None:
        problems.append(required("spec.selector"))
        problems.append(invalid(f"{TEMPLATE}.metadata.labels", labels, MISMATCH))
    else:
        problems += validate_label_selector(selector, "spec.selector")
        if is_empty(selector):
            problems.append(invalid("spec.selector", shown_selector(selector), empty))
        try:
            if not is_empty(selector) and not label_selector(selector).matches(labels):
                problems.append(invalid(f"{TEMPLATE}.metadata.labels", labels, MISMATCH))
        except ValueError:
            return [*problems, invalid("spec.selector", shown_selector(selector), "invalid label selector")]
    return problems + validate_lasting_template(template, kind)


def validate_lasting_template(template: Object, kind: str) -> list[FieldError]:
    """What is wrong with a template whose Pods never end by themselves."""
    problems = validate_template(template, TEMPLATE)
    spec: Object = template.get("spec") or {}
    policy = spec.get("restartPolicy", "")
    if policy != "Always":
        problems.append(not_supported(f"{TEMPLATE}.spec.restartPolicy", policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        words = f"activeDeadlineSeconds in {kind} is not Supported"
        problems.append(forbidden(f"{TEMPLATE}.spec.activeDeadlineSeconds", words))
    return problems


class DeploymentStrategy(WorkloadStrategy):
    """A Deployment is newer also when its annotations are."""

    def is_new_generation(self, obj: Object, old: Object) -> bool:
        """Annotations count: the controller copies them to the ReplicaSets."""
        annotations, before = (o["metadata"].get("annotations") or {} for o in (obj, old))
        return super().is_new_generation(obj, old) or annotations != before

    def validate(self, obj: Object) -> list[FieldError]:
        """The strategy of rollouts too."""
        spec: Object = obj.get("spec") or {}
        problems = super().validate(obj)
        problems += _rollout(spec.get("strategy") or {}, "spec.strategy")
        for name in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
            problems += not_negative(spec, name)
        deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds", 0)
        if deadline is not None and deadline <= ready:
            words = "must be greater than minReadySeconds"
            problems.append(invalid("spec.progressDeadlineSeconds", deadline, words))
        return problems


class ReplicationControllerStrategy(WorkloadStrategy):
    """Selects by a plain map, which may change."""

    has_fixed_selector: ClassVar[bool] = False
    orphans_by_default: ClassVar[bool] = True

    def validate(self, obj: Object) -> list[FieldError]:
        """The same, in an order of its own."""
        spec: Object = obj.get("spec") or {}
        selector: Mapping[str, str] = spec.get("selector") or {}
        problems = not_negative(spec, "minReadySeconds")
        if not selector:
            problems.append(required("spec.selector"))
        problems += not_negative(spec, "replicas")
        template: Object | None = spec.get("template")
        if template is None:
            return [*problems, required(TEMPLATE)]
        labels = (template.get("metadata") or {}).get("labels")
        if selector and not equality_selector(selector).matches(labels):
            problems.append(invalid(f"{TEMPLATE}.metadata.labels", labels, MISMATCH))
        return problems + validate_lasting_template(template, "ReplicationController")


def not_negative(spec: Object, name: str) -> list[FieldError]:
    """A number of `spec` that may be absent, but not below zero."""
    value = spec.get(name)
    return [invalid(f"spec.{name}", value, NOT_NEGATIVE)] if value is not None and value < 0 else []


def _rollout(strategy: Object, path: str) -> list[FieldError]:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "Recreate":
        words = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden(f"{path}.rollingUpdate", words)] if rolling is not None else []
    if kind != "RollingUpdate":
        shown = Struct(Type=kind or "", RollingUpdate=_shown_rolling(rolling))
        return [not_supported(path, shown, STRATEGY_TYPES)]
    if rolling is None:
        return [required(f"{path}.rollingUpdate", "this should be defaulted and never be nil")]
    return _rolling_update(rolling, f"{path}.rollingUpdate")


def _shown_rolling(rolling: Object | None) -> Object | None:
    if rolling is None:
        return None
    return {"MaxUnavailable": rolling.get("maxUnavailable", 0), "MaxSurge": rolling.get("maxSurge", 0)}


def int_or_percent(value: Any, path: str) -> list[FieldError]:
    """What is wrong with a number that may be a share."""
    if isinstance(value, str):
        return [] if PERCENT.fullmatch(value) else [invalid(path, value, NOT_PERCENT)]
    return [invalid(path, value, NOT_NEGATIVE)] if value < 0 else []


def not_more_than_all(value: Any, path: str) -> list[FieldError]:
    """A share ends at a hundred percent."""
    if isinstance(value, str) and PERCENT.fullmatch(value) and int(value[:-1]) > 100:
        return [invalid(path, value, "must not be greater than 100%")]
    return []


def is_nothing(value: Any) -> bool:
    """Whether a number or share comes to nothing; so does what is neither."""
    return value == 0 or (isinstance(value, str) and (not PERCENT.fullmatch(value) or not int(value[:-1])))


def _rolling_update(rolling: Object, path: str) -> list[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    problems = int_or_percent(unavailable, f"{path}.maxUnavailable") + int_or_percent(surge, f"{path}.maxSurge")
    if is_nothing(unavailable) and is_nothing(surge):
        words = "may not be 0 when `maxSurge` is 0"
        problems.append(invalid(f"{path}.maxUnavailable", unavailable, words))
    return problems + not_more_than_all(unavailable, f"{path}.maxUnavailable")
