"""The strategies of Deployments, ReplicaSets and ReplicationControllers: a number, a selector and a template.

Upstream: pkg/registry/apps/{deployment,replicaset}/strategy.go, pkg/apis/apps/validation.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from kubesim.api.errors import FieldError
from kubesim.api.selectors import equality_selector, label_selector
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy, keep
from kubesim.apiserver.validation.field import forbidden, invalid, required
from kubesim.apiserver.validation.metadata import validate_labels
from kubesim.apiserver.validation.pod import NOT_NEGATIVE, validate_pod_spec

TEMPLATE = "spec.template"
PERCENT = re.compile("[0-9]+%")
NOT_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)
MISMATCH = "`selector` does not match template `labels`"
SELECTOR_EMPTY = "empty selector is invalid for deployment"


class WorkloadStrategy(Strategy):
    """What they have in common; by itself it serves ReplicaSets."""

    immutable_spec_fields: ClassVar[tuple[str, ...]] = ("selector",)

    def prepare_for_status_update(self, obj: Object, old: Object) -> None:
        """A controller's word on the status changes no labels."""
        super().prepare_for_status_update(obj, old)
        keep(obj["metadata"], old["metadata"], "labels")

    def validate(self, obj: Object) -> list[FieldError]:
        """Replicas, selector and template, and that they belong together."""
        spec: Object = obj.get("spec") or {}
        problems = not_negative(spec, "replicas")
        template: Object = spec.get("template") or {}
        labels = (template.get("metadata") or {}).get("labels")
        if not spec.get("selector"):
            problems.append(required("spec.selector"))
            problems.append(invalid(f"{TEMPLATE}.metadata.labels", labels, MISMATCH))
        else:
            problems += self._validate_selector(spec["selector"], labels)
        problems += validate_labels(labels or {}, f"{TEMPLATE}.labels")
        return problems + validate_pod_spec(template.get("spec") or {}, f"{TEMPLATE}.spec", ("Always",))

    def _validate_selector(self, selector: Any, labels: Object | None) -> list[FieldError]:
        try:
            parsed = label_selector(selector)
        except ValueError as error:
            return [invalid("spec.selector", selector, str(error))]
        if parsed.empty:
            kind = self.resource.singular
            return [invalid("spec.selector", selector, f"empty selector is invalid for {kind}")]
        return [] if parsed.matches(labels) else [invalid(f"{TEMPLATE}.metadata.labels", labels, MISMATCH)]


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
        strategy = spec.get("strategy") or {}
        if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate"):
            words = "may not be specified when strategy `type` is 'Recreate'"
            problems.append(forbidden("spec.strategy.rollingUpdate", words))
        if strategy.get("type") == "RollingUpdate":
            problems += _rolling_update(strategy.get("rollingUpdate") or {}, "spec.strategy.rollingUpdate")
        for name in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
            problems += not_negative(spec, name)
        deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds", 0)
        if deadline is not None and deadline <= ready:
            words = "must be greater than minReadySeconds"
            problems.append(invalid("spec.progressDeadlineSeconds", deadline, words))
        return problems


class ReplicationControllerStrategy(WorkloadStrategy):
    """Selects by a plain map, which may change."""

    immutable_spec_fields: ClassVar[tuple[str, ...]] = ()
    orphans_by_default: ClassVar[bool] = True

    def _validate_selector(self, selector: Any, labels: Object | None) -> list[FieldError]:
        if equality_selector(selector).matches(labels):
            return []
        return [invalid(f"{TEMPLATE}.metadata.labels", labels, MISMATCH)]


def not_negative(spec: Object, name: str) -> list[FieldError]:
    """A number of `spec` that may be absent, but not below zero."""
    value = spec.get(name)
    return [invalid(f"spec.{name}", value, NOT_NEGATIVE)] if value is not None and value < 0 else []


def _rolling_update(rolling: Object, path: str) -> list[FieldError]:
    problems = []
    for name in ("maxUnavailable", "maxSurge"):
        value = rolling.get(name, 0)
        if isinstance(value, str) and not PERCENT.fullmatch(value):
            problems.append(invalid(f"{path}.{name}", value, NOT_PERCENT))
        elif isinstance(value, int) and value < 0:
            problems.append(invalid(f"{path}.{name}", value, NOT_NEGATIVE))
    unavailable = rolling.get("maxUnavailable")
    if all(rolling.get(name) in (0, "0%") for name in ("maxUnavailable", "maxSurge")):
        words = "may not be 0 when `maxSurge` is 0"
        problems.append(invalid(f"{path}.maxUnavailable", unavailable, words))
    if isinstance(unavailable, str) and PERCENT.fullmatch(unavailable) and int(unavailable[:-1]) > 100:
        problems.append(invalid(f"{path}.maxUnavailable", unavailable, "must not be greater than 100%"))
    return problems
