"""What is wrong with resizing a Pod.

Upstream: ValidatePodResize in pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.registry.qos import qos_class
from kubesim.apiserver.validation.field import forbidden, invalid
from kubesim.apiserver.validation.pod import validate_pod_spec

Object = dict[str, Any]

RESIZABLE = ("cpu", "memory")
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
LISTS = ("containers", "initContainers")


def validate_resize(spec: Object, old_pod: Object) -> list[FieldError]:
    """What is wrong with `spec`, if the Pod is to be resized to it."""
    problems = validate_pod_spec(spec, "spec")
    old = old_pod["spec"]
    if MIRROR_ANNOTATION in (old_pod["metadata"].get("annotations") or {}):
        return [*problems, forbidden("", "static pods cannot be resized")]
    if (old.get("os") or {}).get("name") == "windows":
        return [*problems, forbidden("", "windows pods cannot be resized")]
    for name in LISTS:
        names, before = ([each.get("name") for each in (whose.get(name) or ())] for whose in (spec, old))
        if len(names) != len(before):
            return [*problems, forbidden("spec", f"{name} may not be added or removed on resize")]
        if names != before:
            return [*problems, forbidden("spec", f"{name} may not be renamed or reordered on resize")]
    status = old_pod.get("status") or {}
    quality, before_quality = qos_class(spec), status.get("qosClass") or qos_class(old)
    if quality != before_quality:
        words = "Pod QOS Class may not change as a result of resizing"
        problems.append(invalid("spec", before_quality, words))
    if not _is_supported(status):
        problems.append(forbidden("spec", "Pod running on node without support for resize"))
    others = False
    for name in LISTS:
        for index, (container, before) in enumerate(zip(spec.get(name) or (), old.get(name) or (), strict=True)):
            problems += _removals(container, before, f"spec.{name}[{index}].resources")
            others = others or _has_other_changes(container, before)
    if others:
        problems.append(forbidden("spec", "only cpu and memory resources are mutable"))
    return problems


def _removals(container: Object, old: Object, path: str) -> list[FieldError]:
    """What was limited or requested must stay so."""
    problems = []
    for kind in ("limits", "requests"):
        amounts, before = ((whose.get("resources") or {}).get(kind) or {} for whose in (container, old))
        if any(name in before and name not in amounts for name in RESIZABLE):
            problems.append(forbidden(f"{path}.{kind}", f"resource {kind} cannot be removed"))
    return problems


def _has_other_changes(container: Object, old: Object) -> bool:
    return _without_resizable(container) != _without_resizable(old)


def _without_resizable(container: Object) -> Object:
    resources: Object = dict(container.get("resources") or {})
    for kind in ("limits", "requests"):
        rest = {name: amount for name, amount in (resources.pop(kind, None) or {}).items() if name not in RESIZABLE}
        if rest:
            resources[kind] = rest
    kept = {name: value for name, value in container.items() if name not in ("resources", "resizePolicy")}
    return {**kept, "resources": resources}


def _is_supported(status: Object) -> bool:
    """Whether the node's kubelet knows of resizing: it then tells every running container's resources."""
    for container in status.get("containerStatuses") or ():
        if "running" in (container.get("state") or {}):
            return container.get("resources") is not None
    return True
