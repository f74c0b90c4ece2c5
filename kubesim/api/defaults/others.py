"""Defaults of the smaller groups: autoscaling, discovery, networking, rbac, scheduling, storage.

Upstream: defaults.go under pkg/apis/{autoscaling/v2,discovery/v1,networking/v1,rbac/v1,scheduling/v1,storage/v1}.
"""

from __future__ import annotations

from kubesim.api.defaults.copying import at, completed, each_at, filled, made_at
from kubesim.api.stored import Object

RBAC_GROUP = "rbac.authorization.k8s.io"

_CPU_METRIC = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
_SCALE_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def horizontal_pod_autoscaler(obj: Object) -> Object:
    """A HorizontalPodAutoscaler: without metrics it aims at 80 % of the requested cpu."""

    def spec(part: Object) -> Object:
        part = filled(part, {"minReplicas": 1})
        if not part.get("metrics"):
            part = {**part, "metrics": [_CPU_METRIC]}
        return at(part, "behavior", _behavior)

    return made_at(obj, "spec", spec)


def _behavior(behavior: Object) -> Object:
    behavior = made_at(behavior, "scaleUp", lambda rules: filled(rules, _SCALE_UP))
    return made_at(behavior, "scaleDown", lambda rules: filled(rules, _SCALE_DOWN))


def custom_resource_definition(obj: Object) -> Object:
    """A CustomResourceDefinition: singular and list kind come from the kind, versions are not converted."""

    def spec(part: Object) -> Object:
        part = at(part, "names", names)
        part = filled(part, {"conversion": {"strategy": "None"}})
        return at(part, "conversion", conversion)

    def names(part: Object) -> Object:
        kind = part.get("kind")
        return filled(part, {"singular": kind.lower(), "listKind": f"{kind}List"}) if kind else part

    def conversion(part: Object) -> Object:
        service = ((part.get("webhook") or {}).get("clientConfig") or {}).get("service")
        if not service or "port" in service:
            return part
        return at(part, "webhook", lambda webhook: at(webhook, "clientConfig", lambda config: at(
            config, "service", lambda found: filled(found, {"port": 443}))))  # fmt: skip

    return at(obj, "spec", spec)


def endpoint_slice(obj: Object) -> Object:
    """An EndpointSlice."""
    obj = completed(obj, {"endpoints": None, "ports": None})
    obj = each_at(obj, "ports", lambda port: completed(filled(port, {"protocol": "TCP"}), {"name": ""}))
    return each_at(obj, "endpoints", lambda endpoint: completed(endpoint, {"conditions": {}}))


def network_policy(obj: Object) -> Object:
    """A NetworkPolicy: it is about ingress, and about egress if it has rules for it."""

    def spec(part: Object) -> Object:
        for direction in ("ingress", "egress"):
            part = each_at(part, direction, _network_rule)
        if not part.get("policyTypes"):
            part = {**part, "policyTypes": ["Ingress", "Egress"] if part.get("egress") else ["Ingress"]}
        return part

    return made_at(obj, "spec", spec)


def _network_rule(rule: Object) -> Object:
    return each_at(rule, "ports", lambda port: filled(port, {"protocol": "TCP"}))


def role_binding(obj: Object) -> Object:
    """A RoleBinding."""
    obj = made_at(obj, "roleRef", lambda reference: filled(reference, {"apiGroup": RBAC_GROUP}))
    return each_at(obj, "subjects", _subject)


cluster_role_binding = role_binding


def _subject(subject: Object) -> Object:
    """Users and groups are of the rbac group, service accounts of the core group."""
    return filled(subject, {"apiGroup": RBAC_GROUP}) if subject.get("kind") in ("User", "Group") else subject


def priority_class(obj: Object) -> Object:
    """A PriorityClass."""
    return filled(obj, {"preemptionPolicy": "PreemptLowerPriority"})


def storage_class(obj: Object) -> Object:
    """A StorageClass."""
    return filled(obj, {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"})
