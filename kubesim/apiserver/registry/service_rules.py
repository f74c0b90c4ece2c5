"""What the type of a Service allows in its spec, and what of it never changes.

Upstream: ValidateService and ValidateServiceUpdate in pkg/apis/core/validation/validation.go. Left out: IPv6.
"""

from __future__ import annotations

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.registry.service_types import (
    CLUSTER_IP,
    EXTERNAL_NAME,
    LOAD_BALANCER,
    NODE_PORT,
    NONE,
    is_externally_accessible,
    needs_address,
    needs_health_check,
    type_of,
)
from kubesim.apiserver.validation.field import IMMUTABLE, duplicate, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.names import dns_subdomain, qualified_name

KUBELET_PORT = 10250
TRAFFIC_POLICIES = ("Cluster", "Local")
FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
ONLY_LOAD_BALANCERS = "may only be used when `type` is 'LoadBalancer'"
NOT_EXTERNAL = "may not be set for ExternalName services"
# A port of Go's internal type, of which only these two are compared.
PORT_IN_GO = '{{"Name":"","Protocol":"{protocol}","AppProtocol":null,"Port":{port},"TargetPort":0,"NodePort":0}}'
HEALTH_CHECK = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"


def validate_type(spec: Object) -> list[FieldError]:
    """What a type forbids of addresses and of the name outside."""
    kind = type_of(spec)
    problems = []
    if kind == LOAD_BALANCER:
        words = f"may not expose port {KUBELET_PORT} externally since it is used by kubelet"
        problems += [
            invalid(f"spec.ports[{index}].port", KUBELET_PORT, words)
            for index, port in enumerate(spec.get("ports") or ())
            if port.get("port") == KUBELET_PORT
        ]
    if kind in (LOAD_BALANCER, NODE_PORT) and spec.get("clusterIP") == NONE:
        problems.append(invalid("spec.clusterIPs[0]", NONE, f"may not be set to 'None' for {kind} services"))
    if kind == EXTERNAL_NAME:
        present = {"clusterIPs": spec.get("clusterIPs") or spec.get("clusterIP")}
        present |= {name: spec.get(name) for name in ("ipFamilies", "ipFamilyPolicy")}
        problems += [forbidden(f"spec.{name}", NOT_EXTERNAL) for name, value in present.items() if value]
        name = (spec.get("externalName") or "").removesuffix(".")
        problems += [invalid("spec.externalName", name, problem) for problem in dns_subdomain(name)] if name else [
            required("spec.externalName")
        ]  # fmt: skip
    return problems


def validate_addresses(spec: Object) -> list[FieldError]:
    """The families of addresses: this cluster has one."""
    policy = spec.get("ipFamilyPolicy")
    if policy and policy not in FAMILY_POLICIES:
        return [not_supported("spec.ipFamilyPolicy", policy, FAMILY_POLICIES)]
    if policy == "RequireDualStack":
        return [invalid("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services")]
    return []


def validate_ports(spec: Object) -> list[FieldError]:
    """Node ports where the type has none, and numbers that occur twice."""
    ports = spec.get("ports") or ()
    problems = []
    if type_of(spec) == CLUSTER_IP:
        words = "may not be used when `type` is 'ClusterIP'"
        problems += [forbidden(f"spec.ports[{index}].nodePort", words)
                     for index, port in enumerate(ports) if port.get("nodePort")]  # fmt: skip
    node_ports, numbers = set(), set()
    for index, port in enumerate(ports):
        protocol, number = port.get("protocol", "TCP"), port.get("nodePort")
        if number and (protocol, number) in node_ports:
            problems.append(duplicate(f"spec.ports[{index}].nodePort", number))
        node_ports.add((protocol, number))
    for index, port in enumerate(ports):
        key = (port.get("protocol", "TCP"), port.get("port", 0))
        if key in numbers:
            shown = PORT_IN_GO.format(protocol=key[0], port=key[1])
            problems.append(FieldError("FieldValueDuplicate", f"spec.ports[{index}]", f"Duplicate value: {shown}"))
        numbers.add(key)
    return problems


def validate_balancing(spec: Object) -> list[FieldError]:
    """What only load balancers have, and what comes from outside."""
    kind = type_of(spec)
    problems = []
    if kind != LOAD_BALANCER:
        fields = {"loadBalancerSourceRanges": "LoadBalancerSourceRanges"}
        problems += [forbidden(f"spec.{fields.get(name, name)}", ONLY_LOAD_BALANCERS)
                     for name in ("loadBalancerSourceRanges", "allocateLoadBalancerNodePorts", "loadBalancerClass")
                     if spec.get(name) not in (None, [])]  # fmt: skip
    elif balancer := spec.get("loadBalancerClass"):
        problems += [invalid("spec.loadBalancerClass", balancer, problem) for problem in qualified_name(balancer)]
    return problems + _validate_traffic(spec)


def _validate_traffic(spec: Object) -> list[FieldError]:
    policy, health_port = spec.get("externalTrafficPolicy"), spec.get("healthCheckNodePort")
    problems = []
    if is_externally_accessible(spec):
        if policy not in TRAFFIC_POLICIES:
            field = "spec.externalTrafficPolicy"
            problems.append(not_supported(field, policy, TRAFFIC_POLICIES) if policy else required(field))
    elif policy:
        words = "may only be set for externally-accessible services"
        problems.append(invalid("spec.externalTrafficPolicy", policy, words))
    if health_port and not needs_health_check(spec):
        problems.append(invalid("spec.healthCheckNodePort", health_port, HEALTH_CHECK))
    internal = spec.get("internalTrafficPolicy")
    if internal and internal not in TRAFFIC_POLICIES:
        problems.append(not_supported("spec.internalTrafficPolicy", internal, TRAFFIC_POLICIES))
    return problems


def validate_lasting(spec: Object, old: Object) -> list[FieldError]:
    """The address is for life, unless the Service ceases to have one; so is the class of a load balancer."""
    problems = []
    before, address = old.get("clusterIP"), spec.get("clusterIP")
    if needs_address(old) and needs_address(spec) and before and before != address:
        problems.append(invalid("spec.clusterIPs[0]", [address], IMMUTABLE))
    if type_of(old) == LOAD_BALANCER == type_of(spec):
        balancer = spec.get("loadBalancerClass")
        if balancer != old.get("loadBalancerClass"):
            problems.append(invalid("spec.loadBalancerClass", balancer, "may not change once set"))
    return problems
