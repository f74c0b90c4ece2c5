"""DefaultTolerationSeconds: a Pod stays five minutes on a node that has fallen silent.

It adds tolerations for the taints not-ready and unreachable unless the Pod has its own. Without it, taint
eviction would delete every Pod the moment its node is tainted.
Upstream: plugin/pkg/admission/defaulttolerationseconds.
"""

from __future__ import annotations

from kubesim.api.meta import with_fields
from kubesim.api.resources import PODS
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes, Target

TOLERATION_SECONDS = 300
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
NO_EXECUTE = "NoExecute"
DEFAULTS = tuple(
    {"key": key, "operator": "Exists", "effect": NO_EXECUTE, "tolerationSeconds": TOLERATION_SECONDS}
    for key in (NOT_READY, UNREACHABLE)
)


class DefaultTolerationSeconds(AdmissionPlugin):
    """Gives Pods patience with their node."""

    name = "DefaultTolerationSeconds"

    def handles(self, target: Target) -> bool:
        """Pods, when made and when changed."""
        return target in ((CREATE, PODS, ""), (UPDATE, PODS, ""))

    def mutate(self, attributes: Attributes) -> Object:
        """The Pod with both tolerations."""
        obj = attributes.obj
        tolerations = (obj.get("spec") or {}).get("tolerations") or []
        missing = [default for default in DEFAULTS if not any(_covers(t, default["key"]) for t in tolerations)]
        return with_fields(obj, {"tolerations": [*tolerations, *missing]}, "spec") if missing else obj


def _covers(toleration: Object, key: object) -> bool:
    return toleration.get("key", "") in (key, "") and toleration.get("effect", "") in (NO_EXECUTE, "")
