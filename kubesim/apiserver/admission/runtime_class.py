"""RuntimeClass: what a way of running containers costs, and which nodes know it, goes into the Pod.

Upstream: plugin/pkg/admission/runtimeclass.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.meta import with_fields
from kubesim.api.quota import amounts, equal
from kubesim.api.resources import PODS, RUNTIME_CLASSES
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import CREATE, AdmissionPlugin, Attributes, Target


class RuntimeClass(AdmissionPlugin):
    """Adds overhead, node selector and tolerations."""

    name = "RuntimeClass"

    def handles(self, target: Target) -> bool:
        """New Pods."""
        return target == (CREATE, PODS, "")

    def mutate(self, attributes: Attributes) -> Object:
        """The Pod with what its runtime class says."""
        obj = attributes.obj
        spec = obj.get("spec") or {}
        name = spec.get("runtimeClassName")
        if not name:
            return obj
        found = self.lookup(RUNTIME_CLASSES, name, "")
        if found is None:
            raise attributes.refuse(f'pod rejected: RuntimeClass "{name}" not found')
        changes: dict[str, Any] = {}
        overhead = (found.object.get("overhead") or {}).get("podFixed")
        if overhead:
            if spec.get("overhead") and not equal(amounts(spec["overhead"]), amounts(overhead)):
                raise attributes.refuse("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
            changes["overhead"] = overhead
        changes |= _scheduling(attributes, spec, found.object.get("scheduling") or {})
        return with_fields(obj, changes, "spec") if changes else obj

    def validate(self, attributes: Attributes) -> None:
        """A Pod does not make overhead up."""
        spec = attributes.obj.get("spec") or {}
        if not spec.get("overhead"):
            return
        found = self.lookup(RUNTIME_CLASSES, spec.get("runtimeClassName") or "", "")
        if found is None or not found.object.get("overhead"):
            raise attributes.refuse(
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            )


def _scheduling(attributes: Attributes, spec: Object, scheduling: Object) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    selector, present = scheduling.get("nodeSelector") or {}, spec.get("nodeSelector") or {}
    for key, value in selector.items():
        if present.get(key, value) != value:
            ours = f"runtimeClass.scheduling.nodeSelector[{key}] = {value}"
            theirs = f"pod.spec.nodeSelector[{key}] = {present[key]}"
            raise attributes.refuse(f"conflict: {ours}; {theirs}")
    if selector:
        changes["nodeSelector"] = {**present, **selector}
    tolerations = list(spec.get("tolerations") or ())
    added = [each for each in scheduling.get("tolerations") or () if each not in tolerations]
    if added:
        changes["tolerations"] = tolerations + added
    return changes
