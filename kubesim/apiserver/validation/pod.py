"""What is wrong with a Pod or a Pod template.

Left out: annotations of releases long gone, and what concerns Windows alone.
Upstream: ValidatePodSpec, ValidatePodTemplateSpec and ValidatePodUpdate in pkg/apis/core/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.addresses import validate_address
from kubesim.apiserver.validation.container_resources import pod_level_name_problems, validate_resources
from kubesim.apiserver.validation.containers import (
    PROTOCOLS,
    Surroundings,
    image_padding,
    validate_container,
    validate_containers,
    validate_init_containers,
)
from kubesim.apiserver.validation.field import (
    NOT_NEGATIVE,
    Struct,
    duplicate,
    each,
    forbidden,
    invalid,
    not_supported,
    required,
)
from kubesim.apiserver.validation.metadata import validate_annotations, validate_labels
from kubesim.apiserver.validation.names import (
    PORT_MAX,
    PORT_RULE,
    dns_label,
    dns_subdomain,
    dns_subdomain_with_underscore,
    qualified_name,
)
from kubesim.apiserver.validation.scheduling import validate_affinity, validate_spread, validate_tolerations
from kubesim.apiserver.validation.security_context import validate_host_users, validate_pod_security
from kubesim.apiserver.validation.volumes import validate_volumes

__all__ = ["NOT_NEGATIVE", "PORT_MAX", "PORT_RULE", "PROTOCOLS", "surroundings", "validate_container",
           "validate_only_pod", "validate_pod_spec", "validate_template"]  # fmt: skip

RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
SYSTEMS = ("linux", "windows")
NAMESERVERS_MAX, SEARCHES_MAX, SEARCH_CHARACTERS_MAX = 3, 32, 2048
DEADLINE_MAX = 2**31 - 1
DEADLINE_RULE = f"must be between 1 and {DEADLINE_MAX}, inclusive"
ACCOUNT_UNSET = "must not be specified when serviceAccountName is not set"
SAME_PORT = "must match `containerPort` when `hostNetwork` is true"

Object = dict[str, Any]


def validate_template(template: Object, path: str) -> list[FieldError]:
    """What is wrong with a template of Pods."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    problems = validate_labels(metadata.get("labels") or {}, f"{path}.labels")
    problems += validate_annotations(metadata.get("annotations") or {}, f"{path}.annotations")
    problems += validate_pod_spec(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        words = "ephemeral containers not allowed in pod template"
        problems.append(forbidden(f"{path}.spec.ephemeralContainers", words))
    return problems


def validate_only_pod(spec: Object) -> list[FieldError]:
    """What is wrong with a Pod's spec though a template might say it."""
    problems: list[FieldError] = []
    if not spec.get("serviceAccountName"):
        for index, volume in enumerate(spec.get("volumes") or ()):
            for number, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
                if source.get("serviceAccountToken") is not None:
                    at = f"spec.volumes[{index}].projected.sources[{number}].serviceAccountToken"
                    problems.append(forbidden(at, ACCOUNT_UNSET))
    problems += image_padding(spec.get("containers") or [], "spec.containers")
    return problems + image_padding(spec.get("initContainers") or [], "spec.initContainers")


def surroundings(spec: Object, volumes: dict[str, Object]) -> Surroundings:
    """What of the Pod its containers depend on."""
    claims = frozenset(claim["name"] for claim in spec.get("resourceClaims") or () if claim.get("name"))
    return Surroundings(
        volumes,
        claims,
        spec.get("restartPolicy"),
        spec.get("terminationGracePeriodSeconds"),
        host_users=spec.get("hostUsers") is not False,
        os_name=(spec.get("os") or {}).get("name") or "",
    )


def validate_pod_spec(spec: Object, path: str, pod_name: str = "") -> list[FieldError]:
    """What is wrong with a Pod's spec that lies at `path`; a Pod, unlike a template, has a name."""
    volumes, problems = validate_volumes(spec.get("volumes") or [], f"{path}.volumes", pod_name)
    pod = surroundings(spec, volumes)
    problems += _resource_claims(spec.get("resourceClaims") or (), f"{path}.resourceClaims")
    containers, first = spec.get("containers") or [], spec.get("initContainers") or []
    problems += validate_containers(containers, f"{path}.containers", pod)
    if first:
        problems += validate_init_containers(first, f"{path}.initContainers", pod, containers)
    if spec.get("resources"):
        problems += validate_resources(spec["resources"], f"{path}.resources", (), pod_level_name_problems)
    if spec.get("hostNetwork"):
        problems += _same_ports(containers, f"{path}.containers", is_pod=bool(pod_name))
    problems += _policies(spec, path)
    problems += validate_labels(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    problems += validate_pod_security(spec, path)
    if spec.get("affinity"):
        problems += validate_affinity(spec["affinity"], f"{path}.affinity")
    problems += _dns(spec, f"{path}.dnsConfig")
    problems += _gates(spec, path)
    if spec.get("topologySpreadConstraints"):
        problems += validate_spread(spec["topologySpreadConstraints"], f"{path}.topologySpreadConstraints")
    problems += validate_host_users(spec, path)
    return problems + _names(spec, path) + _last(spec, path)


def _policies(spec: Object, path: str) -> list[FieldError]:
    problems = []
    for name, allowed in (("restartPolicy", RESTART_POLICIES), ("dnsPolicy", DNS_POLICIES)):
        value = spec.get(name) or ""
        if value not in allowed:
            at = f"{path}.{name}"
            problems.append(not_supported(at, value, allowed) if value else required(at))
    return problems


def _names(spec: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    for name in ("serviceAccountName", "nodeName"):
        if value := spec.get(name):
            problems += each(f"{path}.{name}", value, dns_subdomain(value))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 0 < deadline <= DEADLINE_MAX:
        problems.append(invalid(f"{path}.activeDeadlineSeconds", deadline, DEADLINE_RULE))
    for name in ("hostname", "subdomain"):
        if value := spec.get(name):
            problems += each(f"{path}.{name}", value, dns_label(value))
    return problems


def _last(spec: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    if spec.get("tolerations"):
        problems += validate_tolerations(spec["tolerations"], f"{path}.tolerations")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        at = f"{path}.hostAliases[{index}]"
        problems += validate_address(alias.get("ip") or "", f"{at}.ip")
        for number, host in enumerate(alias.get("hostnames") or ()):
            problems += each(f"{at}.hostnames[{number}]", host, dns_subdomain(host))
    for name in ("priorityClassName", "runtimeClassName"):
        value = spec.get(name)
        if value or (value == "" and name == "runtimeClassName"):
            problems += each(f"{path}.{name}", value, dns_subdomain(value))
    policy = spec.get("preemptionPolicy")
    if policy not in (None, *PREEMPTION_POLICIES):
        problems.append(not_supported(f"{path}.preemptionPolicy", policy, PREEMPTION_POLICIES))
    if spec.get("overhead"):
        problems += validate_resources({"limits": spec["overhead"]}, f"{path}.overhead")
    return problems + _system(spec.get("os"), f"{path}.os")


def _system(system: Object | None, path: str) -> list[FieldError]:
    if system is None:
        return []
    name = system.get("name") or ""
    if not name:
        return [required(f"{path}.name", "cannot be empty")]
    return [] if name in SYSTEMS else [not_supported(path, name, SYSTEMS)]


def _dns(spec: Object, path: str) -> list[FieldError]:
    config: Object | None = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            words = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{path}.nameservers", words)]
    if config is None:
        return []
    problems: list[FieldError] = []
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if len(servers) > NAMESERVERS_MAX:
        words = f"must not have more than {NAMESERVERS_MAX} nameservers"
        problems.append(invalid(f"{path}.nameservers", servers, words))
    for index, server in enumerate(servers):
        problems += validate_address(server, f"{path}.nameservers[{index}]")
    if len(searches) > SEARCHES_MAX:
        words = f"must not have more than {SEARCHES_MAX} search paths"
        problems.append(invalid(f"{path}.searches", searches, words))
    if len(" ".join(searches)) > SEARCH_CHARACTERS_MAX:
        words = f"must not have more than {SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list"
        problems.append(invalid(f"{path}.searches", searches, words))
    for index, search in enumerate(searches):
        if search != ".":
            domain = search.removesuffix(".")
            problems += each(f"{path}.searches[{index}]", domain, dns_subdomain_with_underscore(domain))
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            problems.append(required(f"{path}.options[{index}]", "must not be empty"))
    return problems


def _gates(spec: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        kind = gate.get("conditionType") or ""
        problems += each(f"{path}.readinessGates[{index}].conditionType", kind, qualified_name(kind))
    seen: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        at, name = f"{path}.schedulingGates[{index}]", gate.get("name") or ""
        problems += each(at, name, qualified_name(name))
        if name in seen:
            problems.append(duplicate(at, name))
        seen.add(name)
    return problems


def _same_ports(containers: list[Object], path: str, *, is_pod: bool) -> list[FieldError]:
    return [
        invalid(f"{path}[{index}].ports[{number}].hostPort", port.get("hostPort", 0), SAME_PORT)
        for index, container in enumerate(containers)
        for number, port in enumerate(container.get("ports") or ())
        if (is_pod or port.get("hostPort")) and port.get("hostPort", 0) != port.get("containerPort", 0)
    ]


def _resource_claims(claims: Any, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    names: set[str] = set()
    for index, claim in enumerate(claims):
        at, name = f"{path}[{index}]", claim.get("name") or ""
        if not name:
            problems.append(required(f"{at}.name"))
        elif name in names:
            problems.append(duplicate(f"{at}.name", name))
        else:
            problems += each(f"{at}.name", name, dns_label(name))
        names.add(name)
        sources = [
            field for field in ("resourceClaimName", "resourceClaimTemplateName") if claim.get(field) is not None
        ]
        whole = Struct(
            Name=name,
            ResourceClaimName=claim.get("resourceClaimName"),
            ResourceClaimTemplateName=claim.get("resourceClaimTemplateName"),
        )
        if len(sources) == 2:
            words = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            problems.append(invalid(at, whole, words))
        if not sources:
            words = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            problems.append(invalid(at, whole, words))
        for field in sources:
            problems += each(f"{at}.{field}", claim[field], dns_subdomain(claim[field]))
    return problems
