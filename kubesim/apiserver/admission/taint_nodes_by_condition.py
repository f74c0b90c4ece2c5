"""TaintNodesByCondition: a new node takes no Pods until somebody has found it ready.

Else the scheduler could use it in the moment between its registration and the first look of the node
lifecycle controller, which then manages the taint. Upstream: plugin/pkg/admission/nodetaint.
"""

from __future__ import annotations

from kubesim.api.meta import with_fields
from kubesim.api.resources import NODES
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import CREATE, AdmissionPlugin, Attributes, Target

NOT_READY_TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class TaintNodesByCondition(AdmissionPlugin):
    """Taints new nodes."""

    name = "TaintNodesByCondition"

    def handles(self, target: Target) -> bool:
        """New Nodes."""
        return target == (CREATE, NODES, "")

    def mutate(self, attributes: Attributes) -> Object:
        """The Node with the taint not-ready."""
        obj = attributes.obj
        taints = (obj.get("spec") or {}).get("taints") or []
        if any(taint.get("key") == NOT_READY_TAINT["key"] and taint.get("effect") == "NoSchedule" for taint in taints):
            return obj
        return with_fields(obj, {"taints": [*taints, NOT_READY_TAINT]}, "spec")
