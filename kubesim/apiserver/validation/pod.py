"""What is wrong with a Pod or a Pod template.

The rules that people run into are here; those of exotic volumes, security contexts and affinity terms are
left out. Upstream: pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.quantity import milli
from kubesim.apiserver.validation.field import duplicate, forbidden, invalid, missing, not_supported, required
from kubesim.apiserver.validation.go_diff import diff
from kubesim.apiserver.validation.go_pod import pod_spec
from kubesim.apiserver.validation.names import dns_label, dns_subdomain

RESTART_POLICIES = ("Always", "OnFailure", "Never")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
PROTOCOLS = ("SCTP", "TCP", "UDP")
TOLERATION_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
PORT_MAX = 65535
PORT_RULE = f"must be between 1 and {PORT_MAX}, inclusive"
NOT_NEGATIVE = "must be greater than or equal to 0"
UPDATES_MAY_NOT = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)

Object = dict[str, Any]


def validate_pod_spec(spec: Object, path: str, restart_policies: Iterable[str] = RESTART_POLICIES) -> list[FieldError]:
    """What is wrong with a Pod's spec that lies at `path`."""
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    problems = _volumes(spec.get("volumes") or [], f"{path}.volumes")
    names: set[str] = set()
    containers = spec.get("containers") or []
    if not containers:
        problems.append(required(f"{path}.containers"))
    for index, container in enumerate(containers):
        problems += validate_container(container, f"{path}.containers[{index}]", names, volumes)
    for index, container in enumerate(spec.get("initContainers") or ()):
        problems += validate_container(container, f"{path}.initContainers[{index}]", names, volumes)
    policy = spec.get("restartPolicy")
    if not policy:
        problems.append(required(f"{path}.restartPolicy"))
    elif policy not in restart_policies:
        problems.append(not_supported(f"{path}.restartPolicy", policy, restart_policies))
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0:
        problems.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, NOT_NEGATIVE))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 0 < deadline < 2**31:
        words = "must be between 1 and 2147483647, inclusive"
        problems.append(invalid(f"{path}.activeDeadlineSeconds", deadline, words))
    if name := spec.get("nodeName"):
        problems += [invalid(f"{path}.nodeName", name, problem) for problem in dns_subdomain(name)]
    return problems + _tolerations(spec.get("tolerations") or [], f"{path}.tolerations")


def validate_pod_update(spec: Object, old: Object) -> list[FieldError]:
    """What is wrong with changing a Pod's spec: nearly every change is."""
    munged = {**spec}
    for name in ("tolerations", "activeDeadlineSeconds", "schedulingGates"):
        keep(munged, old, name)
    for name in ("containers", "initContainers"):
        new_list, old_list = spec.get(name) or [], old.get(name) or []
        if len(new_list) != len(old_list):
            return [forbidden(f"spec.{name}", "pod updates may not add or remove containers")]
        pairs = zip(new_list, old_list, strict=True)
        if new_list:
            munged[name] = [{**container, "image": before.get("image", "")} for container, before in pairs]
    if old.get("terminationGracePeriodSeconds", 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = old["terminationGracePeriodSeconds"]
    problems = []
    if munged != old:
        problems.append(forbidden("spec", f"{UPDATES_MAY_NOT}\n{diff(pod_spec(old), pod_spec(munged))}"))
    if any(toleration not in (spec.get("tolerations") or []) for toleration in old.get("tolerations") or ()):
        words = "existing toleration can not be modified except its tolerationSeconds"
        if not _only_seconds_changed(spec.get("tolerations") or [], old["tolerations"]):
            problems.append(forbidden("spec.tolerations", words))
    return problems


def keep(spec: Object, old: Object, name: str) -> None:
    """Gives a field the value that it had."""
    if name in old:
        spec[name] = old[name]
    else:
        spec.pop(name, None)


def _only_seconds_changed(tolerations: list[Object], old: list[Object]) -> bool:
    kept = [{**toleration, "tolerationSeconds": None} for toleration in tolerations]
    return all({**toleration, "tolerationSeconds": None} in kept for toleration in old)


def _volumes(volumes: list[Object], path: str) -> list[FieldError]:
    problems = []
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        name = volume.get("name") or ""
        at = f"{path}[{index}].name"
        if not name:
            problems.append(required(at))
            continue
        problems += [invalid(at, name, problem) for problem in dns_label(name)]
        if name in seen:
            problems.append(duplicate(at, name))
        seen.add(name)
        sources = [key for key in volume if key != "name"]
        if len(sources) > 1:
            problems.append(forbidden(f"{path}[{index}].{sources[1]}", "may not specify more than 1 volume type"))
    return problems


def validate_container(container: Object, path: str, names: set[str], volumes: set[Any]) -> list[FieldError]:
    """What is wrong with a container of any kind; its name joins `names`."""
    problems = []
    name = container.get("name") or ""
    if not name:
        problems.append(required(f"{path}.name"))
    elif name in names:
        problems.append(duplicate(f"{path}.name", name))
    else:
        problems += [invalid(f"{path}.name", name, problem) for problem in dns_label(name)]
    names.add(name)
    image = container.get("image") or ""
    if not image:
        problems.append(required(f"{path}.image"))
    elif image != image.strip():
        problems.append(invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))
    problems += _ports(container.get("ports") or [], f"{path}.ports")
    problems += _environment(container.get("env") or [], f"{path}.env")
    problems += _mounts(container.get("volumeMounts") or [], f"{path}.volumeMounts", volumes)
    policy = container.get("imagePullPolicy")
    if not policy:
        problems.append(required(f"{path}.imagePullPolicy"))
    elif policy not in PULL_POLICIES:
        problems.append(not_supported(f"{path}.imagePullPolicy", policy, PULL_POLICIES))
    return problems + _resources(container.get("resources") or {}, f"{path}.resources")


def _ports(ports: list[Object], path: str) -> list[FieldError]:
    problems = []
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        number = port.get("containerPort", 0)
        if not number:
            problems.append(required(f"{at}.containerPort"))
        elif not 0 < number <= PORT_MAX:
            problems.append(invalid(f"{at}.containerPort", number, PORT_RULE))
        if port.get("hostPort") and not 0 < port["hostPort"] <= PORT_MAX:
            problems.append(invalid(f"{at}.hostPort", port["hostPort"], PORT_RULE))
        if (protocol := port.get("protocol", "TCP")) not in PROTOCOLS:
            problems.append(not_supported(f"{at}.protocol", protocol, PROTOCOLS))
    return problems


def _environment(variables: list[Object], path: str) -> list[FieldError]:
    problems = []
    for index, variable in enumerate(variables):
        if not variable.get("name"):
            problems.append(required(f"{path}[{index}].name"))
        if variable.get("value") and variable.get("valueFrom"):
            words = "may not be specified when `value` is not empty"
            problems.append(invalid(f"{path}[{index}].valueFrom", "", words))
    return problems


def _mounts(mounts: list[Object], path: str, volumes: set[Any]) -> list[FieldError]:
    problems = []
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        name, mount_path = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            problems.append(required(f"{path}[{index}].name"))
        elif name not in volumes:
            problems.append(missing(f"{path}[{index}].name", name))
        if not mount_path:
            problems.append(required(f"{path}[{index}].mountPath"))
        elif mount_path in paths:
            problems.append(invalid(f"{path}[{index}].mountPath", mount_path, "must be unique"))
        paths.add(mount_path)
    return problems


def _resources(resources: Object, path: str) -> list[FieldError]:
    problems = []
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for kind, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if milli(amount) < 0:
                problems.append(invalid(f"{path}.{kind}.{name}", str(amount), NOT_NEGATIVE))
    for name, amount in requests.items():
        limit = limits.get(name)
        if limit is not None and milli(amount) > milli(limit):
            words = f"must be less than or equal to {name} limit of {limit}"
            problems.append(invalid(f"{path}.requests", str(amount), words))
    return problems


def _tolerations(tolerations: list[Object], path: str) -> list[FieldError]:
    problems = []
    for index, toleration in enumerate(tolerations):
        at = f"{path}[{index}]"
        operator, effect = toleration.get("operator", "Equal"), toleration.get("effect", "")
        if not toleration.get("key") and operator != "Exists":
            words = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            problems.append(invalid(f"{at}.operator", operator, words))
        if effect and effect not in TOLERATION_EFFECTS:
            problems.append(not_supported(f"{at}.effect", effect, TOLERATION_EFFECTS))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            words = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            problems.append(invalid(f"{at}.effect", effect, words))
    return problems
