"""What is wrong with changing a Pod: nearly every change is.

Upstream: ValidatePodUpdate in pkg/apis/core/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.containers import image_padding
from kubesim.apiserver.validation.field import forbidden, invalid, required
from kubesim.apiserver.validation.go_diff import diff
from kubesim.apiserver.validation.go_pod import pod_spec
from kubesim.apiserver.validation.pod import DEADLINE_MAX

UPDATES_MAY_NOT = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
DEADLINE = "activeDeadlineSeconds"

Object = dict[str, Any]


def validate_pod_update(spec: Object, old: Object) -> list[FieldError]:
    """What is wrong with changing a Pod's spec from `old`."""
    problems: list[FieldError] = []
    for name in ("containers", "initContainers"):
        containers, before = spec.get(name) or [], old.get(name) or []
        if len(containers) != len(before):
            return [*problems, forbidden(f"spec.{name}", "pod updates may not add or remove containers")]
        problems += [
            required(f"spec.{name}[{index}].image") for index, each in enumerate(containers) if not each.get("image")
        ]
        problems += image_padding(containers, f"spec.{name}")
    wrong, stop = _deadline(spec.get(DEADLINE), old.get(DEADLINE))
    problems += wrong
    if stop:
        return problems
    problems += _tolerations(spec.get("tolerations") or [], old.get("tolerations") or [])
    problems += _scheduling_gates(spec, old)
    munged = _munged(spec, old)
    if old.get("schedulingGates"):
        problems += _node_selector(spec, old)
        keep(munged, old, "nodeSelector")
        if _without_node_affinity(munged) == _without_node_affinity(old):
            keep(munged, old, "affinity")
    if munged != old:
        problems.append(forbidden("spec", f"{UPDATES_MAY_NOT}\n{diff(pod_spec(old), pod_spec(munged))}"))
    return problems


def keep(spec: Object, old: Object, name: str) -> None:
    """Gives a field the value that it had."""
    if name in old:
        spec[name] = old[name]
    else:
        spec.pop(name, None)


def _munged(spec: Object, old: Object) -> Object:
    """The spec with everything that may change as it was."""
    munged = {**spec}
    for name in ("tolerations", DEADLINE, "schedulingGates"):
        keep(munged, old, name)
    for name in ("containers", "initContainers"):
        if spec.get(name):
            pairs = zip(spec[name], old.get(name) or [], strict=True)
            munged[name] = [{**container, "image": before.get("image", "")} for container, before in pairs]
    if old.get("terminationGracePeriodSeconds", 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = old["terminationGracePeriodSeconds"]
    return munged


def _deadline(deadline: int | None, old: int | None) -> tuple[list[FieldError], bool]:
    at = f"spec.{DEADLINE}"
    if deadline is None:
        words = "must not update from a positive integer to nil value"
        return ([invalid(at, None, words)] if old is not None else []), False
    if not 0 <= deadline <= DEADLINE_MAX:
        return [invalid(at, deadline, f"must be between 0 and {DEADLINE_MAX}, inclusive")], True
    if old is not None and old < deadline:
        return [invalid(at, deadline, "must be less than or equal to previous value")], True
    return [], False


def _tolerations(tolerations: list[Object], old: list[Object]) -> list[FieldError]:
    kept = [{**toleration, "tolerationSeconds": None} for toleration in tolerations]
    if all({**toleration, "tolerationSeconds": None} in kept for toleration in old):
        return []
    return [forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")]


def _scheduling_gates(spec: Object, old: Object) -> list[FieldError]:
    before = {gate.get("name") for gate in old.get("schedulingGates") or ()}
    problems = []
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        if gate.get("name") not in before:
            words = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            problems.append(forbidden(f"spec.schedulingGates[{index}].name", words))
    return problems


def _node_selector(spec: Object, old: Object) -> list[FieldError]:
    """A Pod that waits behind gates may still be told more about where to run."""
    selector, before = spec.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if all(selector.get(key) == value for key, value in before.items()):
        return []
    words = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
    return [invalid("spec.nodeSelector", selector or None, words)]


def _without_node_affinity(spec: Object) -> Object:
    return {name: value for name, value in (spec.get("affinity") or {}).items() if name != "nodeAffinity"}
