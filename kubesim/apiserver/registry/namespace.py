"""The strategy of Namespaces.

A deleted namespace is not removed: it becomes Terminating, nothing new can be made in it, and the namespace
controller empties it and then takes its finalizer `kubernetes` away through the subresource `finalize`.
Upstream: pkg/registry/core/namespace.
"""

from __future__ import annotations

from kubesim.api.meta import with_fields
from kubesim.api.stored import Object
from kubesim.apiserver.registry.deletion_plan import DeleteOptions, Deletion
from kubesim.apiserver.registry.strategy import Strategy, keep
from kubesim.apiserver.validation.names import Problems, dns_label
from kubesim.sim import Clock

KUBERNETES = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"


class NamespaceStrategy(Strategy):
    """The rules of Namespaces."""

    def name_problems(self, name: str) -> Problems:
        """A DNS label: it becomes part of host names."""
        return dns_label(name)

    def prepare_for_create(self, obj: Object) -> None:
        """Active, and not to be removed before it is empty; labelled with its own name."""
        super().prepare_for_create(obj)
        obj["status"] = {"phase": "Active"}
        spec = obj.get("spec") or {}
        finalizers = spec.get("finalizers") or []
        if KUBERNETES not in finalizers:
            obj["spec"] = {**spec, "finalizers": [*finalizers, KUBERNETES]}
        self._label(obj)

    def prepare_for_update(self, obj: Object, old: Object) -> None:
        """Finalizers of the content change only through `finalize`."""
        super().prepare_for_update(obj, old)
        keep(obj, old, "spec")
        self._label(obj)

    def prepare_for_finalize(self, obj: Object, old: Object) -> None:
        """The one way to `spec.finalizers`; the status stays."""
        keep(obj, old, "status")

    def plan_deletion(self, obj: Object, options: DeleteOptions, clock: Clock) -> Deletion:
        """The first DELETE makes it Terminating; a later one removes it if it is empty."""
        plan = super().plan_deletion(obj, options, clock)
        if "deletionTimestamp" not in obj["metadata"]:
            marked = with_fields(plan.update or obj, {"deletionTimestamp": clock.timestamp()}, "metadata")
            if not marked["metadata"].get("finalizers"):
                marked = with_fields(marked, {"deletionGracePeriodSeconds": None}, "metadata")
            return Deletion(with_fields(marked, {"phase": "Terminating"}, "status"), removes=False)
        if (obj.get("spec") or {}).get("finalizers"):
            return Deletion(None, removes=False)
        return plan

    def deletion_completes(self, obj: Object, old: Object) -> bool:
        """Deleted, empty, and without finalizers of either kind."""
        return (
            "deletionTimestamp" in old["metadata"]
            and not (obj.get("spec") or {}).get("finalizers")
            and not obj["metadata"].get("finalizers")
        )

    def _label(self, obj: Object) -> None:
        metadata = obj["metadata"]
        labels, name = metadata.get("labels") or {}, metadata.get("name", "")
        if labels.get(NAME_LABEL) != name:
            metadata["labels"] = {**labels, NAME_LABEL: name}
