"""What is wrong with the security contexts of a Pod and its containers.

Left out: names of Windows users, sysctls of the host's namespaces, annotations of old releases.
Upstream: ValidateSecurityContext and validatePodSpecSecurityContext in pkg/apis/core/validation.
"""

from __future__ import annotations

import re
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import Struct, duplicate, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.file_paths import descending
from kubesim.apiserver.validation.go_pod import shown

ID_MAX = 0xFFFFFFFF
ID_RULE = f"must be between 0 and {ID_MAX}, inclusive"
PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
PROC_MOUNTS = ("Default", "Unmasked")
CHANGE_POLICIES = ("Always", "OnRootMismatch")
GROUPS_POLICIES = ("Merge", "Strict")
SELINUX_POLICIES = ("MountOption", "Recursive")
SYSCTL = "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
SYSCTL_LENGTH_MAX = 253
SYSCTL_RULE = f"must have at most {SYSCTL_LENGTH_MAX} characters and match regex ^{SYSCTL}$"
WITHOUT_HOST_USERS = "when `pod.Spec.HostUsers` is false"

_sysctl_match = re.compile(SYSCTL).fullmatch

Object = dict[str, Any]


def validate_pod_security(spec: Object, path: str) -> list[FieldError]:
    """What holds for the whole Pod; `path` is that of the spec."""
    context: Object = spec.get("securityContext") or {}
    at = f"{path}.securityContext"
    problems = _ids(context, at, ("fsGroup", "runAsUser", "runAsGroup"))
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        problems += [] if 0 <= group <= ID_MAX else [invalid(f"{at}.supplementalGroups[{index}]", group, ID_RULE)]
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        words = "ShareProcessNamespace and HostPID cannot both be enabled"
        problems.append(invalid(f"{at}.shareProcessNamespace", True, words))
    problems += _sysctls(context.get("sysctls") or (), f"{at}.sysctls")
    problems += _choice(context, "fsGroupChangePolicy", at, CHANGE_POLICIES)
    problems += _seccomp(context, at) + _app_armor(context, at)
    problems += _choice(context, "supplementalGroupsPolicy", at, GROUPS_POLICIES)
    return problems + _choice(context, "seLinuxChangePolicy", at, SELINUX_POLICIES)


def validate_host_users(spec: Object, path: str) -> list[FieldError]:
    """Users of its own and namespaces of the host do not go together."""
    if spec.get("hostUsers") is not False:
        return []
    fields = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
    return [forbidden(f"{path}.{shown_as}", WITHOUT_HOST_USERS) for name, shown_as in fields if spec.get(name)]


def validate_container_security(context: Object, path: str, *, host_users: bool) -> list[FieldError]:
    """What holds for one container."""
    problems = _ids(context, path, ("runAsUser", "runAsGroup"))
    mount = context.get("procMount")
    problems += [] if mount in (None, *PROC_MOUNTS) else [not_supported(f"{path}.procMount", mount, PROC_MOUNTS)]
    if host_users and mount == "Unmasked":
        problems.append(invalid(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`"))
    problems += _seccomp(context, path)
    if context.get("allowPrivilegeEscalation") is False:
        whole = Struct(shown(context, "SecurityContext"))
        words = "cannot set `allowPrivilegeEscalation` to false and "
        if context.get("privileged"):
            problems.append(invalid(path, whole, words + "`privileged` to true"))
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            problems.append(invalid(path, whole, words + "`capabilities.Add` CAP_SYS_ADMIN"))
    return problems + _app_armor(context, path)


def _ids(context: Object, path: str, names: tuple[str, ...]) -> list[FieldError]:
    return [
        invalid(f"{path}.{name}", context[name], ID_RULE)
        for name in names
        if context.get(name) is not None and not 0 <= context[name] <= ID_MAX
    ]


def _choice(context: Object, name: str, path: str, allowed: tuple[str, ...]) -> list[FieldError]:
    value = context.get(name)
    return [] if value in (None, *allowed) else [not_supported(f"{path}.{name}", value, allowed)]


def _seccomp(context: Object, path: str) -> list[FieldError]:
    profile = context.get("seccompProfile")
    if profile is None:
        return []
    at, kind, local = f"{path}.seccompProfile", profile.get("type") or "", profile.get("localhostProfile")
    problems: list[FieldError] = []
    if not kind:
        problems.append(required(f"{at}.type", "type is required when seccompProfile is set"))
    elif kind not in PROFILE_TYPES:
        problems.append(not_supported(f"{at}.type", kind, PROFILE_TYPES))
    if kind == "Localhost":
        if local is None:
            words = "must be set when seccomp type is Localhost"
            return [*problems, required(f"{at}.localhostProfile", words)]
        return problems + descending(local, f"{at}.localhostProfile")
    if local is not None:
        whole = Struct({"Type": kind, "LocalhostProfile": local})
        words = "can only be set when seccomp type is Localhost"
        problems.append(invalid(f"{at}.localhostProfile", whole, words))
    return problems


def _app_armor(context: Object, path: str) -> list[FieldError]:
    profile = context.get("appArmorProfile")
    if profile is None:
        return []
    at, kind, local = f"{path}.appArmorProfile", profile.get("type") or "", profile.get("localhostProfile")
    if kind == "Localhost":
        if local is not None and local != local.strip():
            return [invalid(f"{at}.localhostProfile", local, "must not be padded with whitespace")]
        return [] if local else [required(f"{at}.localhostProfile", "must be set when AppArmor type is Localhost")]
    if kind in PROFILE_TYPES:
        words = "can only be set when AppArmor type is Localhost"
        return [] if local is None else [invalid(f"{at}.localhostProfile", local, words)]
    if not kind:
        return [required(f"{at}.type", "type is required when appArmorProfile is set")]
    return [not_supported(f"{at}.type", kind, PROFILE_TYPES)]


def _sysctls(sysctls: Any, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    seen: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        at, name = f"{path}[{index}].name", sysctl.get("name") or ""
        if not name:
            problems.append(required(at))
        elif len(name) > SYSCTL_LENGTH_MAX or not _sysctl_match(name):
            problems.append(invalid(at, name, SYSCTL_RULE))
        elif name in seen:
            problems.append(duplicate(at, name))
        seen.add(name)
    return problems
