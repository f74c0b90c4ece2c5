"""The strategies of kinds that state rules: disruption budgets, autoscalers, Ingresses, NetworkPolicies, RBAC.

Upstream: validation.go of pkg/apis/{policy,autoscaling,networking,rbac}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.registry.workload import NOT_PERCENT, PERCENT
from kubesim.apiserver.validation.autoscaler import validate_autoscaler
from kubesim.apiserver.validation.field import IMMUTABLE, NOT_NEGATIVE, invalid, not_supported, required
from kubesim.apiserver.validation.ingress import ingress_annotation_problems, validate_ingress, validate_ingress_class
from kubesim.apiserver.validation.names import Problems
from kubesim.apiserver.validation.network_policy import validate_network_policy
from kubesim.apiserver.validation.selectors import shown_selector, validate_label_selector

INGRESS_CLASS = "kubernetes.io/ingress.class"
EVICTION_POLICIES = ("AlwaysAllow", "IfHealthyBudget")
ROLE_KINDS = ("Role", "ClusterRole")
RBAC_GROUP = "rbac.authorization.k8s.io"
# kind of a subject → the apiGroup that it belongs to.
SUBJECT_GROUPS = {"ServiceAccount": "", "User": RBAC_GROUP, "Group": RBAC_GROUP}


class DisruptionBudgetStrategy(Strategy):
    """Either a minimum or a maximum, as a number or a share."""

    def validate(self, obj: Object) -> list[FieldError]:
        """Not both, and what each may be."""
        spec: Object = obj.get("spec") or {}
        problems = _share(spec, "minAvailable") + _share(spec, "maxUnavailable")
        problems += validate_label_selector(spec.get("selector"), "spec.selector")
        policy = spec.get("unhealthyPodEvictionPolicy")
        if policy is not None and policy not in EVICTION_POLICIES:
            problems.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, EVICTION_POLICIES))
        if spec.get("minAvailable") is None or spec.get("maxUnavailable") is None:
            return problems
        shown = {
            "MinAvailable": spec["minAvailable"],
            "Selector": shown_selector(spec.get("selector")),
            "MaxUnavailable": spec["maxUnavailable"],
            "UnhealthyPodEvictionPolicy": policy,
        }
        problem = invalid("spec", "", "minAvailable and maxUnavailable cannot be both set")
        return [problem._replace(message=problem.message.replace('""', _in_order(shown), 1)), *problems]


def _share(spec: Object, name: str) -> list[FieldError]:
    """A number that is not negative, or a percentage up to a hundred."""
    value, path = spec.get(name), f"spec.{name}"
    if isinstance(value, int):
        return [invalid(path, value, NOT_NEGATIVE)] if value < 0 else []
    if not isinstance(value, str):
        return []
    if not PERCENT.fullmatch(value):
        return [invalid(path, value, NOT_PERCENT)]
    return [invalid(path, value, "must not be greater than 100%")] if int(value[:-1]) > 100 else []


class AutoscalerStrategy(Strategy):
    """Between a minimum and a maximum."""

    def prepare_for_create(self, obj: Object) -> None:
        """A new one wants nothing yet, and says so."""
        super().prepare_for_create(obj)
        obj["status"] = {"desiredReplicas": 0, "currentMetrics": None}

    def validate(self, obj: Object) -> list[FieldError]:
        """The bounds, and what is scaled."""
        return validate_autoscaler(obj.get("spec") or {})


class IngressStrategy(Strategy):
    """Hosts and paths."""

    def validate(self, obj: Object) -> list[FieldError]:
        """Something must be said, and hosts must be hosts."""
        return validate_ingress(obj.get("spec") or {})

    def validate_create(self, obj: Object) -> list[FieldError]:
        """Two names of one class must agree."""
        annotation = (obj["metadata"].get("annotations") or {}).get(INGRESS_CLASS)
        return ingress_annotation_problems(annotation, (obj.get("spec") or {}).get("ingressClassName"))

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """There is a field for the class."""
        if INGRESS_CLASS not in (obj["metadata"].get("annotations") or {}):
            return ()
        return (f"annotation \"{INGRESS_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead",)


class IngressClassStrategy(Strategy):
    """Who serves Ingresses."""

    def validate(self, obj: Object) -> list[FieldError]:
        """A controller, and perhaps parameters."""
        return validate_ingress_class(obj.get("spec") or {})

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The controller is for life."""
        controller, before = ((each.get("spec") or {}).get("controller") for each in (obj, old))
        problems = [invalid("spec.controller", controller or "", IMMUTABLE)] if controller != before else []
        return problems + self.validate(obj)


class NetworkPolicyStrategy(Strategy):
    """Which traffic is let through."""

    def validate(self, obj: Object) -> list[FieldError]:
        """Whom it is about, peers, ports and directions."""
        return validate_network_policy(obj.get("spec") or {})


class RoleStrategy(Strategy):
    """Its name may be nearly anything: `system:node`."""

    def name_problems(self, name: str) -> Problems:
        """What fits into a path."""
        return path_segment(name)

    def validate(self, obj: Object) -> list[FieldError]:
        """Every rule says what may be done with what."""
        problems: list[FieldError] = []
        aggregation: Object | None = obj.get("aggregationRule")
        if aggregation is not None and not aggregation.get("clusterRoleSelectors"):
            words = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            problems.append(required("aggregationRule.clusterRoleSelectors", words))
        for index, rule in enumerate(obj.get("rules") or ()):
            path = f"rules[{index}]"
            if not rule.get("verbs"):
                problems.append(required(f"{path}.verbs", "verbs must contain at least one value"))
            if rule.get("nonResourceURLs"):
                if self.resource.namespaced:
                    words = "namespaced rules cannot apply to non-resource URLs"
                    problems.append(invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], words))
                if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                    words = "rules cannot apply to both regular resources and non-resource URLs"
                    problems.append(invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], words))
                continue
            if not rule.get("apiGroups"):
                words = "resource rules must supply at least one api group"
                problems.append(required(f"{path}.apiGroups", words))
            if not rule.get("resources"):
                problems.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
        return problems


class RoleBindingStrategy(Strategy):
    """Who gets a role."""

    def name_problems(self, name: str) -> Problems:
        """What fits into a path."""
        return path_segment(name)

    def validate(self, obj: Object) -> list[FieldError]:
        """A role that can be, and subjects with names."""
        role: Object = obj.get("roleRef") or {}
        problems = []
        if role.get("apiGroup", RBAC_GROUP) not in ("", RBAC_GROUP):
            problems.append(not_supported("roleRef.apiGroup", role["apiGroup"], (RBAC_GROUP,)))
        kinds = ROLE_KINDS if self.resource.namespaced else ROLE_KINDS[1:]
        if role.get("kind") not in kinds:
            problems.append(not_supported("roleRef.kind", role.get("kind", ""), kinds))
        if not role.get("name"):
            problems.append(required("roleRef.name"))
        for index, subject in enumerate(obj.get("subjects") or ()):
            problems += _subject(subject, f"subjects[{index}]")
        return problems

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """A binding is for one role."""
        problems = self.validate(obj)
        if obj.get("roleRef") != old.get("roleRef"):
            reference: Object = obj.get("roleRef") or {}
            # The server's own form has no JSON names: the message shows Go's.
            shown = {"APIGroup": "apiGroup", "Kind": "kind", "Name": "name"}
            value = {name: reference.get(field, "") for name, field in shown.items()}
            problems.append(invalid("roleRef", value, "cannot change roleRef"))
        return problems


def _subject(subject: Object, path: str) -> list[FieldError]:
    kind = subject.get("kind", "")
    problems = []
    if not subject.get("name"):
        problems.append(required(f"{path}.name"))
    if kind not in SUBJECT_GROUPS:
        problems.append(not_supported(f"{path}.kind", kind, tuple(SUBJECT_GROUPS)))
    elif kind == "ServiceAccount" and not subject.get("namespace"):
        problems.append(required(f"{path}.namespace"))
    elif subject.get("apiGroup") and subject["apiGroup"] != SUBJECT_GROUPS[kind]:
        problems.append(not_supported(f"{path}.apiGroup", subject["apiGroup"], (SUBJECT_GROUPS[kind],)))
    return problems


def path_segment(name: str) -> Problems:
    """The rule for names that only have to fit into a path."""
    if name in (".", ".."):
        return (f"may not be '{name}'",)
    return tuple(f"may not contain '{sign}'" for sign in ("/", "%") if sign in name)


def _in_order(value: Any) -> str:
    """JSON with the fields in the order of Go's struct."""
    return orjson.dumps(value).decode()
