"""What is wrong with the containers of a Pod.

Upstream: validateContainers, validateInitContainers and validateContainerCommon in pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.container_resources import validate_resize_policy, validate_resources
from kubesim.apiserver.validation.environment import validate_environment, validate_environment_sources
from kubesim.apiserver.validation.field import duplicate, each, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.mounts import validate_mounts
from kubesim.apiserver.validation.names import dns_label, port_name, port_number
from kubesim.apiserver.validation.probes import PROBES, validate_lifecycle, validate_probes
from kubesim.apiserver.validation.security_context import validate_container_security

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
PROTOCOLS = ("SCTP", "TCP", "UDP")
MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
RESTART_POLICIES = ("Always", "Never", "OnFailure")
ONLY_SIDECARS = "may not be set for init containers without restartPolicy=Always"
PADDED = "must not have leading or trailing whitespace"

Object = dict[str, Any]


class Surroundings(NamedTuple):
    """What of the Pod its containers depend on."""

    volumes: Mapping[str, Object]
    claim_names: frozenset[str] = frozenset()
    restart_policy: str | None = None
    grace_seconds: int | None = None
    host_users: bool = True
    os_name: str = ""


def validate_containers(containers: list[Object], path: str, pod: Surroundings) -> list[FieldError]:
    """The containers proper."""
    if not containers:
        return [required(path)]
    problems: list[FieldError] = []
    names: set[str] = set()
    for index, container in enumerate(containers):
        at, name = f"{path}[{index}]", container.get("name") or ""
        problems += validate_container(container, at, pod)
        if name in names:
            problems.append(duplicate(f"{at}.name", name))
        names.add(name)
        if container.get("lifecycle") is not None:
            problems += validate_lifecycle(container["lifecycle"], f"{at}.lifecycle", pod.grace_seconds, pod.os_name)
        problems += validate_probes(container, at, pod.grace_seconds)
        problems += _restart_policy(container, at)
    return problems + _host_ports(containers, path)


def validate_init_containers(
    containers: list[Object], path: str, pod: Surroundings, regular: list[Object]
) -> list[FieldError]:
    """Those that run before, and sidecars."""
    problems: list[FieldError] = []
    names = {container.get("name") or "" for container in regular}
    for index, container in enumerate(containers):
        at, name = f"{path}[{index}]", container.get("name") or ""
        problems += validate_container(container, at, pod) + _restart_policy(container, at)
        if name in names:
            problems.append(duplicate(f"{at}.name", name))
        elif name:
            names.add(name)
        problems += _host_ports([container], path)
        if container.get("restartPolicy") == "Always":
            if container.get("lifecycle") is not None:
                where = f"{at}.lifecycle"
                problems += validate_lifecycle(container["lifecycle"], where, pod.grace_seconds, pod.os_name)
            problems += validate_probes(container, at, pod.grace_seconds)
        else:
            fields = ("lifecycle", *PROBES)
            problems += [
                forbidden(f"{at}.{each_}", ONLY_SIDECARS) for each_ in fields if container.get(each_) is not None
            ]
    return problems


def validate_container(container: Object, path: str, pod: Surroundings) -> list[FieldError]:
    """What holds for every kind of container."""
    name, image = container.get("name") or "", container.get("image") or ""
    problems = each(f"{path}.name", name, dns_label(name)) if name else [required(f"{path}.name")]
    if not image:
        problems.append(required(f"{path}.image"))
    problems += _one_of(container, "terminationMessagePolicy", path, MESSAGE_POLICIES)
    if container.get("ports"):
        problems += _ports(container["ports"], f"{path}.ports")
    if container.get("env"):
        problems += validate_environment(container["env"], f"{path}.env")
    if container.get("envFrom"):
        problems += validate_environment_sources(container["envFrom"], f"{path}.envFrom")
    problems += validate_mounts(container, path, pod.volumes)
    problems += _one_of(container, "imagePullPolicy", path, PULL_POLICIES)
    if container.get("resources"):
        problems += validate_resources(container["resources"], f"{path}.resources", pod.claim_names)
    if container.get("resizePolicy"):
        problems += validate_resize_policy(container["resizePolicy"], f"{path}.resizePolicy", pod.restart_policy)
    context = container.get("securityContext")
    if context:
        at = f"{path}.securityContext"
        problems += validate_container_security(context, at, host_users=pod.host_users)
    return problems


def image_padding(containers: list[Object], path: str) -> list[FieldError]:
    """Images with blanks around them, which templates may have and Pods may not."""
    return [
        invalid(f"{path}[{index}].image", container["image"], PADDED)
        for index, container in enumerate(containers)
        if (container.get("image") or "") != (container.get("image") or "").strip()
    ]


RULE_ACTIONS = ("Restart", "RestartAllContainers")
RULE_OPERATORS = ("In", "NotIn")


def _one_of(container: Object, name: str, path: str, allowed: tuple[str, ...]) -> list[FieldError]:
    value = container.get(name) or ""
    if value in allowed:
        return []
    return [not_supported(f"{path}.{name}", value, allowed) if value else required(f"{path}.{name}")]


def _restart_policy(container: Object, path: str) -> list[FieldError]:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    problems: list[FieldError] = []
    if policy not in (None, *RESTART_POLICIES):
        problems.append(not_supported(f"{path}.restartPolicy", policy, RESTART_POLICIES))
    if rules and policy is None:
        words = "must specify restartPolicy when restart rules are used"
        problems.append(required(f"{path}.restartPolicy", words))
    for index, rule in enumerate(rules):
        at, exit_codes = f"{path}.restartPolicyRules[{index}]", rule.get("exitCodes")
        problems += _one_of(rule, "action", at, RULE_ACTIONS)
        if exit_codes is None:
            problems.append(required(f"{at}.exitCodes", "must be specified"))
        else:
            problems += _one_of(exit_codes, "operator", f"{at}.exitCodes", RULE_OPERATORS)
    return problems


def _ports(ports: list[Object], path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        at, name, number = f"{path}[{index}]", port.get("name") or "", port.get("containerPort") or 0
        if name:
            wrong = each(f"{at}.name", name, port_name(name))
            problems += wrong or ([duplicate(f"{at}.name", name)] if name in names else [])
            names.add(name)
        if not number:
            problems.append(required(f"{at}.containerPort"))
        else:
            problems += each(f"{at}.containerPort", number, port_number(number))
        if host_port := port.get("hostPort"):
            problems += each(f"{at}.hostPort", host_port, port_number(host_port))
        problems += _one_of(port, "protocol", at, PROTOCOLS)
    return problems


def _host_ports(containers: list[Object], path: str) -> list[FieldError]:
    """One port of the node for each."""
    problems: list[FieldError] = []
    taken: set[str] = set()
    for index, container in enumerate(containers):
        for number, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol', 'TCP')}/{port.get('hostIP') or ''}/{port['hostPort']}"
            if key in taken:
                problems.append(duplicate(f"{path}[{index}].ports[{number}].hostPort", key))
            taken.add(key)
    return problems
