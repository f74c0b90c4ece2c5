"""The strategy of Pods, and of what deletes and evicts them.

A new Pod is Pending whatever its creator says; its spec is fixed but for images and a few numbers; it is
deleted gracefully: first marked, then removed by the kubelet when its containers have ended. A Pod that no
node has, or that has ended, has nobody to wait for. Upstream: pkg/registry/core/pod/strategy.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.api.errors import FieldError
from kubesim.api.resources import Resource
from kubesim.api.stored import Object
from kubesim.apiserver.registry.label_keys import merge_label_keys
from kubesim.apiserver.registry.pod_shapes import PodShapes
from kubesim.apiserver.registry.qos import qos_class
from kubesim.apiserver.registry.strategy import Strategy, keep
from kubesim.apiserver.validation.field import IMMUTABLE, forbidden, invalid
from kubesim.apiserver.validation.pod import validate_only_pod, validate_pod_spec
from kubesim.apiserver.validation.pod_update import validate_pod_update
from kubesim.apiserver.validation.pod_warnings import name_warnings, pod_warnings

TERMINAL_PHASES = ("Succeeded", "Failed")

GATED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
    "lastProbeTime": None,
    "lastTransitionTime": None,
}


class PodStrategy(Strategy):
    """The rules of Pods."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource)
        self._shapes = PodShapes()

    def prepare_for_create(self, obj: Object) -> None:
        """Pending, with the quality of service that its resources give it."""
        super().prepare_for_create(obj)
        spec = obj.get("spec") or {}
        quality = self._shapes.quality(spec, lambda: qos_class(spec))
        obj["status"] = {"phase": "Pending", "qosClass": quality}
        if spec.get("schedulingGates"):
            obj["status"]["conditions"] = [dict(GATED)]
        if spec.get("affinity") or spec.get("topologySpreadConstraints"):
            obj["spec"] = merge_label_keys(spec, obj["metadata"].get("labels") or {})

    def prepare_for_status_update(self, obj: Object, old: Object) -> None:
        """The kubelet's word on the status; owners and quality of service are none of its business."""
        super().prepare_for_status_update(obj, old)
        keep(obj["metadata"], old["metadata"], "ownerReferences")
        status, before = obj.get("status") or {}, old.get("status") or {}
        if not status.get("qosClass") and before.get("qosClass"):
            obj["status"] = {**status, "qosClass": before["qosClass"]}

    def validate(self, obj: Object) -> list[FieldError]:
        """The spec; containers to look around with come later."""
        spec, name = obj.get("spec") or {}, obj["metadata"].get("name") or ""
        return self._shapes.problems(spec, lambda: self._problems(spec, name)) if name else self._problems(spec, name)

    def _problems(self, spec: Object, name: str) -> list[FieldError]:
        problems = validate_pod_spec(spec, "spec", name) + validate_only_pod(spec)
        if spec.get("ephemeralContainers"):
            problems.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
        if spec.get("nodeName") and spec.get("schedulingGates"):
            words = "cannot be set until all schedulingGates have been cleared"
            problems.append(forbidden("spec.nodeName", words))
        return problems

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """The name and the spec."""
        spec, metadata = obj.get("spec") or {}, obj["metadata"]
        found = name_warnings(metadata["name"], "the Pod's hostname")
        if metadata.get("annotations"):
            return found + pod_warnings(spec, metadata)
        return found + self._shapes.warnings(spec, lambda: pod_warnings(spec, metadata))

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """Only a few fields may change."""
        spec, before = obj.get("spec") or {}, old.get("spec") or {}
        if spec is before or spec == before:
            return []
        problems = validate_pod_spec(spec, "spec", obj["metadata"]["name"]) + validate_only_pod(spec)
        return problems + validate_pod_update(spec, before)

    def validate_status_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The quality of service is for life."""
        quality, before = ((o.get("status") or {}).get("qosClass") for o in (obj, old))
        return [invalid("status.qosClass", quality, IMMUTABLE)] if quality != before and before else []

    def graceful_period_seconds(self, obj: Object, requested: int | None) -> int | None:
        """What was asked for, else what the spec says; nothing where no kubelet would use it."""
        spec: Object = obj.get("spec") or {}
        if not spec.get("nodeName") or (obj.get("status") or {}).get("phase") in TERMINAL_PHASES:
            return 0
        period: int = spec.get("terminationGracePeriodSeconds", 0) if requested is None else requested
        return period if period >= 0 else 1
