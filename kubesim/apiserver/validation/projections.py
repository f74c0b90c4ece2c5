"""What is wrong with volumes whose files are made of API objects.

Upstream: validateProjectionSources and its kin in pkg/apis/core/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.environment import validate_field_reference, validate_resource_reference
from kubesim.apiserver.validation.field import forbidden, invalid, required
from kubesim.apiserver.validation.file_paths import not_reserved

MODE_MAX = 0o777
MODE_RULE = "must be a number between 0 and 0777 (octal), both inclusive"
VOLUME_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
TOKEN_SECONDS_MIN, TOKEN_SECONDS_MAX = 600, 1 << 32
CONFLICT = "conflicting duplicate paths"

Object = dict[str, Any]

# One hour and seven seconds: a token that gives away that nobody chose its lifetime.
MOUNTED_TOKEN_SECONDS = 3607
# What the server itself mounts into Pods. It is the same in every Pod, so they all share it; and it is fine.
_NAMESPACE = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
TOKEN_PROJECTION: Object = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": MOUNTED_TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [_NAMESPACE]}},
    ],
    "defaultMode": 420,
}


def validate_secret(source: Object, path: str) -> list[FieldError]:
    """A Secret as files."""
    problems = [] if source.get("secretName") else [required(f"{path}.secretName")]
    return problems + _mode(source, "defaultMode", path) + _items(source, path)


def validate_config_map(source: Object, path: str) -> list[FieldError]:
    """A ConfigMap as files."""
    problems = [] if source.get("name") else [required(f"{path}.name")]
    return problems + _mode(source, "defaultMode", path) + _items(source, path)


def validate_downward(source: Object, path: str) -> list[FieldError]:
    """The Pod's own fields as files."""
    problems = _mode(source, "defaultMode", path)
    for item in source.get("items") or ():
        problems += _downward_file(item, path)
    return problems


def validate_projected(source: Object, path: str) -> list[FieldError]:
    """Several of them in one directory."""
    if source is TOKEN_PROJECTION:  # Nearly every Pod has it, and nothing else.
        return []
    problems = _mode(source, "defaultMode", path)
    taken: set[str] = set()
    for index, part in enumerate(source.get("sources") or ()):
        at = f"{path}.sources[{index}]"
        given = [kind for kind in ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle",
                                   "podCertificate") if part.get(kind) is not None]  # fmt: skip
        for kind in given:
            problems += _projection(kind, part[kind], path, f"{at}.{kind}", taken)
        if len(given) > 1:
            problems.append(forbidden(at, "may not specify more than 1 volume type per source"))
    return problems


def _projection(kind: str, part: Object, path: str, at: str, taken: set[str]) -> list[FieldError]:
    problems: list[FieldError] = []
    if kind in ("secret", "configMap"):
        problems += [] if part.get("name") else [required(f"{at}.name")]
        for index, item in enumerate(part.get("items") or ()):
            problems += _item(item, f"{at}.items[{index}]")
            problems += _take(item.get("path"), taken, path, part.get("name") or "")
    elif kind == "downwardAPI":
        for item in part.get("items") or ():
            problems += _downward_file(item, at)
            problems += _take(item.get("path"), taken, path, item.get("path") or "")
    elif kind == "serviceAccountToken":
        problems += _token(part, path, at)
    elif kind == "clusterTrustBundle":
        if part.get("name") is None and part.get("signerName") is None:
            problems.append(required(at, "either name or signerName must be specified"))
        problems += [] if part.get("path") else [required(f"{at}.path")]
        problems += not_reserved(part.get("path") or "", f"{at}.path")
        problems += _take(part.get("path"), taken, path, part.get("path") or "")
    return problems


def _token(part: Object, path: str, at: str) -> list[FieldError]:
    problems: list[FieldError] = []
    seconds = part.get("expirationSeconds", 0)
    if seconds < TOKEN_SECONDS_MIN:
        words = "may not specify a duration less than 10 minutes"
        problems.append(invalid(f"{at}.expirationSeconds", seconds, words))
    if seconds > TOKEN_SECONDS_MAX:
        words = "may not specify a duration larger than 2^32 seconds"
        problems.append(invalid(f"{at}.expirationSeconds", seconds, words))
    if not part.get("path"):
        return [*problems, required(f"{path}.path")]
    return problems + not_reserved(part["path"], f"{path}.path")


def _take(file_path: str | None, taken: set[str], path: str, shown: str) -> list[FieldError]:
    if not file_path:
        return []
    if file_path in taken:
        return [invalid(path, shown, CONFLICT)]
    taken.add(file_path)
    return []


def _items(source: Object, path: str) -> list[FieldError]:
    return [
        problem
        for index, item in enumerate(source.get("items") or ())
        for problem in _item(item, f"{path}.items[{index}]")
    ]


def _item(item: Object, path: str) -> list[FieldError]:
    problems = [required(f"{path}.{name}") for name in ("key", "path") if not item.get(name)]
    return problems + not_reserved(item.get("path") or "", f"{path}.path") + _mode(item, "mode", path)


def _downward_file(item: Object, path: str) -> list[FieldError]:
    problems = [] if item.get("path") else [required(f"{path}.path")]
    problems += not_reserved(item.get("path") or "", f"{path}.path")
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if field is not None:
        problems += validate_field_reference(field, f"{path}.fieldRef", VOLUME_FIELDS)
        if resource is not None:
            words = "fieldRef and resourceFieldRef can not be specified simultaneously"
            problems.append(invalid(path, "resource", words))
    elif resource is not None:
        problems += validate_resource_reference(resource, f"{path}.resourceFieldRef", in_volume=True)
    else:
        problems.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return problems + _mode(item, "mode", path)


def _mode(source: Object, name: str, path: str) -> list[FieldError]:
    mode = source.get(name)
    return [invalid(f"{path}.{name}", mode, MODE_RULE)] if mode is not None and not 0 <= mode <= MODE_MAX else []
