"""What is wrong with a container's environment, and with references to fields of its Pod.

Upstream: ValidateEnv, ValidateEnvFrom, validateObjectFieldSelector and validateContainerResourceFieldSelector in
pkg/apis/core/validation.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.quantity import canonical, parse
from kubesim.apiserver.validation.field import each, invalid, not_supported, required
from kubesim.apiserver.validation.file_paths import not_reserved
from kubesim.apiserver.validation.names import config_key, dns_subdomain, qualified_name, variable_name

ENVIRONMENT_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
    "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
# What a reference may name at all; what is kept in volumes or in the environment are parts of it.
CONVERTED_FIELDS = (*ENVIRONMENT_FIELDS, "metadata.annotations", "metadata.labels", "spec.restartPolicy",
                    "spec.schedulerName", "status.phase", "spec.host")  # fmt: skip
RESOURCE_FIELDS = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage",
    "requests.memory",
)  # fmt: skip
HUGE_PAGES_FIELDS = ("requests.hugepages-", "limits.hugepages-")
BYTE_DIVISORS = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
NO_SOURCE = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
MANY_SOURCES = "may not have more than one field specified at a time"

_subscripted = re.compile(r"(metadata\.(?:annotations|labels)|[^\[]+)\['(.*)'\]").fullmatch

Object = dict[str, Any]


def validate_environment(variables: list[Object], path: str) -> list[FieldError]:
    """What is wrong with variables and where they come from."""
    problems: list[FieldError] = []
    for index, variable in enumerate(variables):
        at, name = f"{path}[{index}]", variable.get("name") or ""
        problems += each(f"{at}.name", name, variable_name(name)) if name else [required(f"{at}.name")]
        source = variable.get("valueFrom")
        if source is not None:
            problems += _source(source, variable.get("value") or "", f"{at}.valueFrom")
    return problems


def validate_environment_sources(sources: list[Object], path: str) -> list[FieldError]:
    """What is wrong with ConfigMaps and Secrets that become variables as a whole."""
    problems: list[FieldError] = []
    for index, source in enumerate(sources):
        at, prefix = f"{path}[{index}]", source.get("prefix") or ""
        problems += each(f"{at}.prefix", prefix, variable_name(prefix))
        given = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
        for kind in given:
            name = source[kind].get("name") or ""
            where = f"{at}.{kind}.name"
            problems += each(where, name, dns_subdomain(name)) if name else [required(where)]
        if not given:
            problems.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(given) > 1:
            problems.append(invalid(path, "", MANY_SOURCES))
    return problems


def _source(source: Object, value: str, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    given = [kind for kind in SOURCES if source.get(kind) is not None]
    for kind in given:
        part, at = source[kind], f"{path}.{kind}"
        if kind == "fieldRef":
            problems += validate_field_reference(part, at, ENVIRONMENT_FIELDS)
        elif kind == "resourceFieldRef":
            problems += validate_resource_reference(part, at, in_volume=False)
        elif kind == "fileKeyRef":
            problems += _file_key(part, at)
        else:
            problems += _key(part, at)
    if not given:
        problems.append(invalid(path, "", NO_SOURCE))
    elif value:
        problems.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        problems.append(invalid(path, "", MANY_SOURCES))
    return problems


def _key(part: Object, path: str) -> list[FieldError]:
    name, key = part.get("name") or "", part.get("key") or ""
    problems = each(f"{path}.name", name, dns_subdomain(name))
    return problems + (each(f"{path}.key", key, config_key(key)) if key else [required(f"{path}.key")])


def _file_key(part: Object, path: str) -> list[FieldError]:
    problems = [required(f"{path}.{name}") for name in ("key", "path", "volumeName") if not part.get(name)]
    return problems + (not_reserved(part["path"], f"{path}.path") if part.get("path") else [])


def validate_field_reference(part: Object, path: str, allowed: Collection[str]) -> list[FieldError]:
    """What is wrong with a reference to a field of the Pod."""
    version, field = part.get("apiVersion") or "", part.get("fieldPath") or ""
    if not version or not field:
        return [required(f"{path}.fieldPath" if version else f"{path}.apiVersion")]
    if version != "v1":
        return [invalid(f"{path}.fieldPath", field, f"error converting fieldPath: unsupported pod version: {version}")]
    match = _subscripted(field)
    if match is not None:
        name, key = match.groups()
        if name == "metadata.annotations":
            return each(path, key.lower(), qualified_name(key.lower()))
        if name == "metadata.labels":
            return each(path, key, qualified_name(key))
        words = f"error converting fieldPath: field label does not support subscript: {field}"
        return [invalid(f"{path}.fieldPath", field, words)]
    if field not in CONVERTED_FIELDS:
        words = f"error converting fieldPath: field label not supported: {field}"
        return [invalid(f"{path}.fieldPath", field, words)]
    field = "spec.nodeName" if field == "spec.host" else field
    return [] if field in allowed else [not_supported(f"{path}.fieldPath", field, sorted(allowed))]


def validate_resource_reference(part: Object, path: str, *, in_volume: bool) -> list[FieldError]:
    """What is wrong with a reference to what a container asked for."""
    problems: list[FieldError] = []
    name = part.get("resource") or ""
    if in_volume and not part.get("containerName"):
        problems.append(required(f"{path}.containerName"))
    elif not name:
        problems.append(required(f"{path}.resource"))
    elif name not in RESOURCE_FIELDS and not name.startswith(HUGE_PAGES_FIELDS):
        problems.append(not_supported(f"{path}.resource", name, RESOURCE_FIELDS))
    return problems + _divisor(name, part.get("divisor", "0"), f"{path}.divisor")


def _divisor(name: str, divisor: Any, path: str) -> list[FieldError]:
    kind = name.partition(".")[2]
    if not parse(divisor).nano:
        return []
    if kind == "cpu":
        allowed: tuple[str, ...] = ("1m", "1")
        words = "only divisor's values 1m and 1 are supported with the cpu resource"
    else:
        kinds = {"memory": "memory", "ephemeral-storage": "local ephemeral storage"}
        named = "hugepages" if kind.startswith("hugepages-") else kinds.get(kind)
        if named is None:
            return []
        allowed = BYTE_DIVISORS
        words = f"only divisor's values {', '.join(BYTE_DIVISORS)} are supported with the {named} resource"
    return [] if canonical(divisor) in allowed else [invalid(path, name, words)]
