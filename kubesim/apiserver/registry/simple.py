"""The strategies of kinds with one or two rules of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.validation.addresses import validate_range
from kubesim.apiserver.validation.config_map import validate_config_map
from kubesim.apiserver.validation.endpoints import validate_endpoints
from kubesim.apiserver.validation.field import IMMUTABLE, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.pod import validate_template
from kubesim.apiserver.validation.pod_warnings import template_warnings
from kubesim.apiserver.validation.scheduling import validate_taints

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
USER_PRIORITY_MAX = 1_000_000_000
SYSTEM_PRIORITY_CLASSES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
IMMUTABLE_WHEN_SET = "field is immutable when `immutable` is set"


class NodeStrategy(Strategy):
    """A kubelet registers its Node together with its status. Upstream: pkg/registry/core/node."""

    accepts_status: ClassVar[bool] = True

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """A Pod range, once given, stays; so does the provider's name of the machine."""
        spec, before = obj.get("spec") or {}, old.get("spec") or {}
        if spec is before:
            return []
        problems = []
        for name, shown in (("podCIDR", "podCIDRs"), ("providerID", "providerID")):
            if before.get(name) and spec.get(name) != before[name]:
                words = f'node updates may not change {name} except from "" to valid'
                problems.append(forbidden(f"spec.{shown}", words))
        return problems + validate_taints(spec.get("taints") or [], "metadata.taints")

    def validate(self, obj: Object) -> list[FieldError]:
        """Taints and ranges."""
        spec: Object = obj.get("spec") or {}
        problems = validate_taints(spec.get("taints") or [], "metadata.taints")
        for index, text in enumerate(spec.get("podCIDRs") or ()):
            problems += validate_range(text, f"spec.podCIDRs[{index}]")
        return problems


class EndpointsStrategy(Strategy):
    """The old form of EndpointSlices. Upstream: pkg/registry/core/endpoint."""

    allow_create_on_update: ClassVar[bool] = True

    def validate(self, obj: Object) -> list[FieldError]:
        """Addresses and ports."""
        return validate_endpoints(obj.get("subsets") or [])

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The same, if there are others."""
        return [] if obj.get("subsets") is old.get("subsets") else self.validate(obj)


class PodTemplateStrategy(Strategy):
    """A template by itself. Upstream: pkg/registry/core/podtemplate."""

    def validate(self, obj: Object) -> list[FieldError]:
        """As in any workload."""
        return validate_template(obj.get("template") or {}, "template")

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The same, if it is another."""
        return [] if obj.get("template") is old.get("template") else self.validate(obj)

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """As in any workload."""
        return template_warnings(obj.get("template") or {}, "template")


class LeaseStrategy(Strategy):
    """Written by every node every ten seconds. Upstream: pkg/registry/coordination/lease."""

    allow_create_on_update: ClassVar[bool] = True
    allow_unconditional_update: ClassVar[bool] = False

    def validate(self, obj: Object) -> list[FieldError]:
        """A lease lasts some time."""
        spec: Object = obj.get("spec") or {}
        problems = []
        duration = spec.get("leaseDurationSeconds")
        if duration is not None and duration <= 0:
            problems.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
        transitions = spec.get("leaseTransitions")
        if transitions is not None and transitions < 0:
            problems.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
        return problems


class EventStrategy(Strategy):
    """Events may be written to any name, and are forgotten after an hour. Upstream: pkg/registry/core/event."""

    allow_create_on_update: ClassVar[bool] = True
    lifetime_seconds: ClassVar[int | None] = 3600


class EndpointSliceStrategy(Strategy):
    """Has no spec: everything beside metadata counts as wanted. Upstream: pkg/registry/discovery/endpointslice."""

    def is_new_generation(self, obj: Object, old: Object) -> bool:
        """Endpoints, ports or labels changed."""
        labels, before = (o["metadata"].get("labels") or {} for o in (obj, old))
        return {**obj, "metadata": None} != {**old, "metadata": None} or labels != before

    def validate(self, obj: Object) -> list[FieldError]:
        """One kind of address."""
        address_type = obj.get("addressType")
        if not address_type:
            return [required("addressType")]
        if address_type not in ADDRESS_TYPES:
            return [not_supported("addressType", address_type, ADDRESS_TYPES)]
        return []

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The kind of address is for life."""
        problems = self.validate(obj)
        if obj.get("addressType") != old.get("addressType"):
            problems.append(invalid("addressType", obj.get("addressType"), IMMUTABLE))
        return problems


class ConfigStrategy(Strategy):
    """ConfigMaps and Secrets may be declared unchangeable. Upstream: pkg/registry/core/{configmap,secret}."""

    def validate(self, obj: Object) -> list[FieldError]:
        """Keys and size."""
        return validate_config_map(obj.get("data") or {}, obj.get("binaryData") or {})

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """An immutable one keeps its data and cannot be made mutable again."""
        problems = []
        if "type" in old and obj.get("type") != old["type"]:
            problems.append(invalid("type", obj.get("type"), IMMUTABLE))
        if old.get("immutable"):
            if not obj.get("immutable"):
                problems.append(forbidden("immutable", IMMUTABLE_WHEN_SET))
            problems += [
                forbidden(name, IMMUTABLE_WHEN_SET) for name in ("data", "binaryData") if obj.get(name) != old.get(name)
            ]
        if any(obj.get(name) is not old.get(name) for name in ("data", "binaryData")):
            problems += self.validate(obj)
        return problems


class PriorityClassStrategy(Strategy):
    """Names with `system-` and very high values are the cluster's own. Upstream: pkg/apis/scheduling/validation."""

    def validate(self, obj: Object) -> list[FieldError]:
        """Users stay below the system's classes."""
        name, value = obj["metadata"].get("name", ""), obj.get("value", 0)
        problems = []
        if name.startswith("system-"):
            words = "priority class names with 'system-' prefix are reserved for system use only."
            if wrong := _not_the_systems(name, value, is_default=bool(obj.get("globalDefault"))):
                problems.append(forbidden("metadata.name", f"{words} error: {wrong}"))
        elif value > USER_PRIORITY_MAX:
            words = f"maximum allowed value of a user defined priority is {USER_PRIORITY_MAX}"
            problems.append(forbidden("value", words))
        policy = obj.get("preemptionPolicy")
        if policy is not None and policy not in PREEMPTION_POLICIES:
            problems.append(not_supported("preemptionPolicy", policy, PREEMPTION_POLICIES))
        return problems

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The value is for life: Pods carry copies of it."""
        problems = []
        if obj.get("value", 0) != old.get("value", 0):
            problems.append(forbidden("value", "may not be changed in an update."))
        policy = obj.get("preemptionPolicy")
        if policy != old.get("preemptionPolicy"):
            problems.append(invalid("preemptionPolicy", policy, IMMUTABLE))
        return problems


def _not_the_systems(name: str, value: int, *, is_default: bool) -> str:
    """Why a class with such a name is none of the system's own; "" if it is."""
    if name not in SYSTEM_PRIORITY_CLASSES:
        return f"{name} is not a known system priority class"
    if value != SYSTEM_PRIORITY_CLASSES[name]:
        return f"value of {name} PriorityClass must be {SYSTEM_PRIORITY_CLASSES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""
