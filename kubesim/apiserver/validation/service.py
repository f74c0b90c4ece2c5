"""What is wrong with a Service, or with changing one; what is only odd.

Left out: annotations of releases long gone. Upstream: ValidateService and ValidateServiceUpdate in
pkg/apis/core/validation, initIPFamilyFields in pkg/registry/core/service/storage, pkg/api/service/warnings.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.addresses import (
    address_warnings,
    validate_address,
    validate_ordinary_address,
    validate_range,
)
from kubesim.apiserver.validation.containers import PROTOCOLS
from kubesim.apiserver.validation.field import Struct, duplicate, each, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.metadata import validate_labels
from kubesim.apiserver.validation.names import dns_label, dns_subdomain, port, port_number, qualified_name

NONE = "None"
CLUSTER_IP, NODE_PORT, LOAD_BALANCER, EXTERNAL_NAME = "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"
TYPES = (CLUSTER_IP, EXTERNAL_NAME, LOAD_BALANCER, NODE_PORT)
AFFINITIES = ("ClientIP", NONE)
TRAFFIC_POLICIES = ("Cluster", "Local")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
FAMILIES = ("IPv4", "IPv6")
FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
AFFINITY_SECONDS_MAX = 86400
ONLY_LOAD_BALANCER = f"may only be used when `type` is '{LOAD_BALANCER}'"
NOT_EXTERNAL_NAME = "may not be set for ExternalName services"
NOT_ONCE_SET = "may not change once set"
HEALTH = f"may only be set when `type` is '{LOAD_BALANCER}' and `externalTrafficPolicy` is 'Local'"

Object = dict[str, Any]


def is_headless(spec: Object) -> bool:
    """Whether it wants no address."""
    return cluster_ips(spec) == [NONE]


def cluster_ips(spec: Object) -> list[str]:
    """The addresses; before the first one is known, the single field speaks for both."""
    return list(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else []))


def needs_health_check(spec: Object) -> bool:
    """Whether a load balancer must ask every node for endpoints of its own."""
    return spec.get("type") == LOAD_BALANCER and spec.get("externalTrafficPolicy") == "Local"


def validate_addresses(spec: Object) -> list[FieldError]:
    """Addresses and families: looked at first, before anything is allocated."""
    if spec.get("type") == EXTERNAL_NAME:
        return []
    problems: list[FieldError] = []
    given, first = cluster_ips(spec), spec.get("clusterIP") or ""
    if spec.get("clusterIPs") and first != given[0]:
        words = "first value must match `clusterIP`" if first else "must be empty when `clusterIP` is not specified"
        problems.append(invalid("spec.clusterIPs", given, words))
    families = spec.get("ipFamilies") or []
    for index, family in enumerate(families):
        at = f"spec.ipFamilies[{index}]"
        if family not in FAMILIES:
            problems.append(not_supported(at, family, FAMILIES))
        if family in families[:index]:
            problems.append(duplicate(at, family))
    policy = spec.get("ipFamilyPolicy")
    if policy not in (None, *FAMILY_POLICIES):
        problems.append(not_supported("spec.ipFamilyPolicy", policy, FAMILY_POLICIES))
    wrong = []
    for index, address in enumerate(given):
        if index == 0 and address == NONE:
            if len(given) > 1:
                wrong.append(invalid("spec.clusterIPs", given, "'None' must be the first and only value"))
        else:
            wrong += validate_address(address, f"spec.clusterIPs[{index}]")
    problems += wrong
    if len(given) > 2:
        problems.append(invalid("spec.clusterIPs", given, "may only hold up to 2 values"))
    if not wrong:
        problems += _families_of(given, families)
    return problems or _one_family(spec, families)


def _families_of(given: list[str], families: list[str]) -> list[FieldError]:
    problems = []
    kinds = ["IPv6" if ":" in address else "IPv4" for address in given]
    if len(given) > 1 and len(set(kinds)) == 1:
        words = "may specify no more than one IP for each IP family"
        problems.append(invalid("spec.clusterIPs", given, words))
    if given == [NONE]:
        return problems
    for index, (address, kind, family) in enumerate(zip(given, kinds, families, strict=False)):
        if kind != family:
            words = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            problems.append(invalid(f"spec.clusterIPs[{index}]", address, words))
    return problems


def _one_family(spec: Object, families: list[str]) -> list[FieldError]:
    """This cluster has IPv4 alone."""
    if is_headless(spec) and not spec.get("selector"):
        return []
    problems = []
    policy = spec.get("ipFamilyPolicy")
    if policy == "RequireDualStack":
        words = "this cluster is not configured for dual-stack services"
        problems.append(invalid("spec.ipFamilyPolicy", policy, words))
    for index, family in enumerate(families):
        if family != FAMILIES[0]:
            problems.append(invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster"))
    return problems


def validate_service(spec: Object) -> list[FieldError]:
    """What is wrong with a Service."""
    kind, headless, ports = spec.get("type") or "", is_headless(spec), spec.get("ports") or []
    problems: list[FieldError] = []
    if not ports and not headless and kind != EXTERNAL_NAME:
        problems.append(required("spec.ports"))
    problems += _type(spec, kind, headless=headless)
    names: set[str] = set()
    for index, entry in enumerate(ports):
        problems += _port(entry, f"spec.ports[{index}]", names, needs_name=len(ports) > 1)
    problems += validate_labels(spec.get("selector") or {}, "spec.selector")
    problems += _affinity(spec) + validate_addresses(spec)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        at = f"spec.externalIPs[{index}]"
        problems += validate_address(address, at) or validate_ordinary_address(address, at)
    if kind not in TYPES:
        problems.append(not_supported("spec.type", kind, TYPES) if kind else required("spec.type"))
    problems += _ports_together(ports, kind) + _ranges(spec, kind)
    if spec.get("allocateLoadBalancerNodePorts") is not None and kind != LOAD_BALANCER:
        problems.append(forbidden("spec.allocateLoadBalancerNodePorts", ONLY_LOAD_BALANCER))
    if (balancer := spec.get("loadBalancerClass")) is not None:
        at = "spec.loadBalancerClass"
        problems += each(at, balancer, qualified_name(balancer)) if kind == LOAD_BALANCER else [
            forbidden(at, ONLY_LOAD_BALANCER)
        ]  # fmt: skip
    return problems + _traffic(spec, kind)


def _type(spec: Object, kind: str, *, headless: bool) -> list[FieldError]:
    if kind in (LOAD_BALANCER, NODE_PORT):
        words = f"may not be set to 'None' for {kind} services"
        return [invalid("spec.clusterIPs[0]", NONE, words)] if headless else []
    if kind != EXTERNAL_NAME:
        return []
    problems = []
    for name, value in (("clusterIPs", cluster_ips(spec)), ("ipFamilies", spec.get("ipFamilies")),
                        ("ipFamilyPolicy", spec.get("ipFamilyPolicy"))):  # fmt: skip
        if value:
            problems.append(forbidden(f"spec.{name}", NOT_EXTERNAL_NAME))
    domain = (spec.get("externalName") or "").removesuffix(".")
    at = "spec.externalName"
    return problems + (each(at, domain, dns_subdomain(domain)) if domain else [required(at)])


def _port(entry: Object, at: str, names: set[str], *, needs_name: bool) -> list[FieldError]:
    problems: list[FieldError] = []
    name, number, protocol = entry.get("name") or "", entry.get("port") or 0, entry.get("protocol") or ""
    if name:
        problems += each(f"{at}.name", name, dns_label(name))
        if name in names:
            problems.append(duplicate(f"{at}.name", name))
        names.add(name)
    elif needs_name:
        problems.append(required(f"{at}.name"))
    problems += each(f"{at}.port", number, port_number(number))
    if protocol not in PROTOCOLS:
        where = f"{at}.protocol"
        problems.append(not_supported(where, protocol, PROTOCOLS) if protocol else required(where))
    target = entry.get("targetPort") or number
    problems += each(f"{at}.targetPort", target, port(target))
    if (application := entry.get("appProtocol")) is not None:
        problems += each(f"{at}.appProtocol", application, qualified_name(application))
    return problems


def _ports_together(ports: list[Object], kind: str) -> list[FieldError]:
    problems = []
    node_ports = [(index, entry) for index, entry in enumerate(ports) if entry.get("nodePort")]
    if kind == CLUSTER_IP:
        words = f"may not be used when `type` is '{CLUSTER_IP}'"
        problems += [forbidden(f"spec.ports[{index}].nodePort", words) for index, _ in node_ports]
    seen: set[tuple[Any, ...]] = set()
    for index, entry in node_ports:
        key: tuple[Any, ...] = (entry.get("protocol"), entry["nodePort"])
        if key in seen:
            problems.append(duplicate(f"spec.ports[{index}].nodePort", entry["nodePort"]))
        seen.add(key)
    seen = set()
    for index, entry in enumerate(ports):
        key = (entry.get("protocol", ""), entry.get("port", 0))
        if key in seen:
            shown = Struct(Name="", Protocol=key[0], AppProtocol=None, Port=key[1], TargetPort=0, NodePort=0)
            problems.append(duplicate(f"spec.ports[{index}]", shown))
        seen.add(key)
    return problems


def _affinity(spec: Object) -> list[FieldError]:
    affinity, config = spec.get("sessionAffinity") or "", spec.get("sessionAffinityConfig")
    at = "spec.sessionAffinityConfig"
    if affinity not in AFFINITIES:
        where = "spec.sessionAffinity"
        return [not_supported(where, affinity, AFFINITIES) if affinity else required(where)]
    if affinity == NONE:
        words = "must not be set when session affinity is None"
        return [forbidden(at, words)] if config is not None else []
    words = "when session affinity type is ClientIP"
    if config is None:
        return [required(at, words)]
    if config.get("clientIP") is None:
        return [required(f"{at}.clientIP", words)]
    seconds, where = config["clientIP"].get("timeoutSeconds"), f"{at}.clientIP.timeoutSeconds"
    if seconds is None:
        return [required(where, words)]
    if 0 < seconds <= AFFINITY_SECONDS_MAX:
        return []
    return [invalid(where, seconds, f"must be greater than 0 and less than {AFFINITY_SECONDS_MAX}")]


def _ranges(spec: Object, kind: str) -> list[FieldError]:
    ranges = spec.get("loadBalancerSourceRanges") or ()
    at = "spec.LoadBalancerSourceRanges"
    problems = [forbidden(at, ONLY_LOAD_BALANCER)] if ranges and kind != LOAD_BALANCER else []
    for index, text in enumerate(ranges):
        problems += validate_range(text.strip(), f"{at}[{index}]")
    return problems


def _traffic(spec: Object, kind: str) -> list[FieldError]:
    problems: list[FieldError] = []
    external, at = spec.get("externalTrafficPolicy") or "", "spec.externalTrafficPolicy"
    if kind not in (NODE_PORT, LOAD_BALANCER) and not (kind == CLUSTER_IP and spec.get("externalIPs")):
        if external:
            problems.append(invalid(at, external, "may only be set for externally-accessible services"))
    elif external not in TRAFFIC_POLICIES:
        problems.append(not_supported(at, external, TRAFFIC_POLICIES) if external else required(at))
    if check := spec.get("healthCheckNodePort"):
        at = "spec.healthCheckNodePort"
        problems += each(at, check, port_number(check)) if needs_health_check(spec) else [invalid(at, check, HEALTH)]
    internal, at = spec.get("internalTrafficPolicy"), "spec.internalTrafficPolicy"
    if internal not in (None, *TRAFFIC_POLICIES):
        problems.append(not_supported(at, internal, TRAFFIC_POLICIES))
    distribution = spec.get("trafficDistribution")
    if distribution not in (None, *DISTRIBUTIONS):
        problems.append(not_supported("spec.trafficDistribution", distribution, DISTRIBUTIONS))
    return problems


def validate_service_update(spec: Object, old: Object) -> list[FieldError]:
    """What is wrong with making `spec` of `old`: addresses are for life."""
    problems: list[FieldError] = []
    kinds = [each_.get("type") for each_ in (spec, old)]
    if EXTERNAL_NAME not in kinds and not (is_headless(spec) and is_headless(old)):
        problems += _kept("clusterIPs", cluster_ips(spec), cluster_ips(old), "primary clusterIP can not be unset")
        if is_headless(spec) == is_headless(old):
            families, before = (each_.get("ipFamilies") or [] for each_ in (spec, old))
            problems += _kept("ipFamilies", families, before, "primary ipFamily can not be unset")
    if kinds == [LOAD_BALANCER, LOAD_BALANCER] and spec.get("loadBalancerClass") != old.get("loadBalancerClass"):
        problems.append(invalid("spec.loadBalancerClass", spec.get("loadBalancerClass"), NOT_ONCE_SET))
    ports = [each_.get("healthCheckNodePort") for each_ in (spec, old)]
    if needs_health_check(spec) and needs_health_check(old) and ports[0] != ports[1]:
        problems.append(forbidden("spec.healthCheckNodePort", "field is immutable"))
    return problems + validate_service(spec)


def _kept(name: str, now: list[str], before: list[str], unset: str) -> list[FieldError]:
    if before and not now:
        return [invalid(f"spec.{name}[0]", None, unset)]
    changed = [index for index, (old, new) in enumerate(zip(before, now, strict=False)) if old != new]
    return [invalid(f"spec.{name}[{index}]", now, NOT_ONCE_SET) for index in changed]


def service_warnings(obj: Object) -> list[str]:
    """What is odd about a Service that is none the less accepted."""
    spec: Object = obj.get("spec") or {}
    kind, headless = spec.get("type"), is_headless(spec) and spec.get("type") == CLUSTER_IP
    external = spec.get("externalIPs") or ()
    found = []
    if "service.kubernetes.io/topology-aware-hints" in (obj["metadata"].get("annotations") or {}):
        found.append(
            "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
            "service.kubernetes.io/topology-mode instead"
        )
    if headless:
        if spec.get("loadBalancerIP"):
            found.append("spec.loadBalancerIP is ignored for headless services")
        if external:
            found.append("spec.externalIPs is ignored for headless services")
        if spec.get("sessionAffinity") != NONE:
            found.append("spec.SessionAffinity is ignored for headless services")
    for index, address in enumerate(external):
        found += address_warnings(address, f"spec.externalIPs[{index}]")
    if external and not headless and kind != EXTERNAL_NAME:
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        found += address_warnings(spec["loadBalancerIP"], "spec.loadBalancerIP")
    if kind == EXTERNAL_NAME and external:
        found.append(f'spec.externalIPs is ignored when spec.type is "{EXTERNAL_NAME}"')
    if kind != EXTERNAL_NAME and spec.get("externalName"):
        found.append(f'spec.externalName is ignored when spec.type is not "{EXTERNAL_NAME}"')
    if spec.get("trafficDistribution") == DISTRIBUTIONS[0]:
        found.append(f'spec.trafficDistribution: "{DISTRIBUTIONS[0]}" is deprecated; use "{DISTRIBUTIONS[1]}"')
    return found
