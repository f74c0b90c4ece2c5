"""What is wrong with where a container mounts its volumes.

Upstream: ValidateVolumeMounts and ValidateVolumeDevices in pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import forbidden, invalid, missing, not_supported, required
from kubesim.apiserver.validation.file_paths import descending, no_backsteps

PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
RECURSIVE = ("Disabled", "Enabled", "IfPossible")
BLOCK_SOURCES = ("persistentVolumeClaim", "ephemeral")
ONLY_PRIVILEGED = "Bidirectional mount propagation is available only to privileged containers"
NOT_BLOCK = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"

Object = dict[str, Any]
Volumes = Mapping[str, Object]


def validate_mounts(container: Object, path: str, volumes: Volumes) -> list[FieldError]:
    """What is wrong with mounts and devices of a container; `path` is the container's."""
    mounts, devices = container.get("volumeMounts") or (), container.get("volumeDevices") or ()
    if not mounts and not devices:
        return []
    device_paths = {device.get("name") or "": device.get("devicePath") or "" for device in devices}
    mount_paths = {mount.get("name") or "": mount.get("mountPath") or "" for mount in mounts}
    problems: list[FieldError] = []
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        problems += _mount(mount, f"{path}.volumeMounts[{index}]", volumes, seen, device_paths)
        problems += _options(mount, container, f"{path}.volumeMounts")
    return problems + _devices(devices, f"{path}.volumeDevices", volumes, mount_paths)


def _mount(mount: Object, at: str, volumes: Volumes, seen: set[str], devices: dict[str, str]) -> list[FieldError]:
    name, mount_path = mount.get("name") or "", mount.get("mountPath") or ""
    problems = [] if name else [required(f"{at}.name")]
    if name not in volumes:
        problems.append(missing(f"{at}.name", name))
    if not mount_path:
        problems.append(required(f"{at}.mountPath"))
    if mount_path in seen:
        problems.append(invalid(f"{at}.mountPath", mount_path, "must be unique"))
    seen.add(mount_path)
    if name in devices:
        problems.append(invalid(f"{at}.name", name, "must not already exist in volumeDevices"))
    if mount_path in devices.values():
        words = "must not already exist as a path in volumeDevices"
        problems.append(invalid(f"{at}.mountPath", mount_path, words))
    return problems


def _options(mount: Object, container: Object, path: str) -> list[FieldError]:
    """Upstream leaves the index out of these paths."""
    problems: list[FieldError] = []
    sub_path, expression = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    problems += descending(sub_path, f"{path}.subPath")
    if expression:
        if sub_path:
            words = "subPathExpr and subPath are mutually exclusive"
            problems.append(invalid(f"{path}.subPathExpr", expression, words))
        problems += descending(expression, f"{path}.subPathExpr")
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        at = f"{path}.mountPropagation"
        if propagation not in PROPAGATIONS:
            problems.append(not_supported(at, propagation, PROPAGATIONS))
        if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
            problems.append(forbidden(at, ONLY_PRIVILEGED))
    recursive = mount.get("recursiveReadOnly")
    if recursive is not None:
        problems += _recursive(recursive, mount, f"{path}.recursiveReadOnly")
    return problems


def _recursive(mode: str, mount: Object, path: str) -> list[FieldError]:
    if mode not in RECURSIVE:
        return [not_supported(path, mode, RECURSIVE)]
    problems = []
    if mode != "Disabled":
        if not mount.get("readOnly"):
            problems.append(forbidden(path, "may only be specified when readOnly is true"))
        if mount.get("mountPropagation") not in (None, "None"):
            words = "may only be specified when mountPropagation is None or not specified"
            problems.append(forbidden(path, words))
    return problems


def _devices(devices: Any, path: str, volumes: Volumes, mounts: dict[str, str]) -> list[FieldError]:
    problems: list[FieldError] = []
    names: set[str] = set()
    paths: set[str] = set()
    for index, device in enumerate(devices):
        at, name, device_path = f"{path}[{index}]", device.get("name") or "", device.get("devicePath") or ""
        if not name:
            problems.append(required(f"{at}.name"))
        if name in names:
            problems.append(invalid(f"{at}.name", name, "must be unique"))
        if name not in volumes:
            problems.append(missing(f"{at}.name", name))
        elif not any(volumes[name].get(kind) is not None for kind in BLOCK_SOURCES):
            problems.append(invalid(f"{at}.name", name, NOT_BLOCK))
        if not device_path:
            problems.append(required(f"{at}.devicePath"))
        if device_path in paths:
            problems.append(invalid(f"{at}.devicePath", device_path, "must be unique"))
        if no_backsteps(device_path, path):
            problems.append(invalid(f"{at}.devicePath", device_path, "can not contain backsteps ('..')"))
        else:
            paths.add(device_path)
        if name in mounts:
            problems.append(invalid(f"{at}.name", name, "must not already exist in volumeMounts"))
        if device_path in mounts.values():
            words = "must not already exist as a path in volumeMounts"
            problems.append(invalid(f"{at}.devicePath", device_path, words))
        if name:
            names.add(name)
    return problems
