"""Priority: a Pod's class becomes a number that the scheduler and the kubelet can compare.

Without a class the global default counts if there is one, else 0. There may be only one default class, and the
system's own classes cannot be deleted.
Upstream: plugin/pkg/admission/priority.
"""

from __future__ import annotations

from kubesim.api.meta import with_fields
from kubesim.api.resources import PODS, PRIORITY_CLASSES
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.plugin import CREATE, DELETE, UPDATE, AdmissionPlugin, Attributes, Target

DEFAULT_PRIORITY = 0
PREEMPT_LOWER_PRIORITY = "PreemptLowerPriority"
SYSTEM_CLASSES = ("system-node-critical", "system-cluster-critical")


class Priority(AdmissionPlugin):
    """Resolves priority classes."""

    name = "Priority"

    def handles(self, target: Target) -> bool:
        """New Pods, and whatever happens to classes."""
        if target.resource == PRIORITY_CLASSES:
            return target.operation in (CREATE, UPDATE, DELETE)
        return target == (CREATE, PODS, "")

    def mutate(self, attributes: Attributes) -> Object:
        """The Pod with priority and preemptionPolicy."""
        obj = attributes.obj
        if attributes.context.request.resource != PODS:
            return obj
        spec = obj.get("spec") or {}
        name = spec.get("priorityClassName", "")
        priority_class = self._class(attributes, name)
        value: int = DEFAULT_PRIORITY
        policy = PREEMPT_LOWER_PRIORITY
        if priority_class is not None:
            name, value = priority_class.name, priority_class.object.get("value", 0)
            policy = priority_class.object.get("preemptionPolicy") or PREEMPT_LOWER_PRIORITY
        computed = "computed {} from the given PriorityClass name"
        if spec.get("priority") not in (None, value):
            why = f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
            raise attributes.refuse(why + "priority admission controller " + computed.format(value))
        if spec.get("preemptionPolicy") not in (None, policy):
            why = (
                f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
            )
            raise attributes.refuse(why + "priority admission controller " + computed.format(policy))
        changes = {"priority": value, "preemptionPolicy": policy}
        if name:
            changes["priorityClassName"] = name
        return with_fields(obj, changes, "spec")

    def validate(self, attributes: Attributes) -> None:
        """Only one class may be the default."""
        obj = attributes.obj
        if attributes.context.request.resource == PODS or not obj.get("globalDefault"):
            return
        default = self._default()
        if default is not None and default.name != obj["metadata"]["name"]:
            raise attributes.refuse(
                f"PriorityClass {default.name} is already marked as default. Only one default can exist"
            )

    def validate_deletion(self, attributes: Attributes) -> None:
        """The system's own classes stay."""
        if attributes.obj["metadata"]["name"] in SYSTEM_CLASSES:
            raise attributes.refuse("this is a system priority class and cannot be deleted")

    def _class(self, attributes: Attributes, name: str) -> Stored | None:
        if name:
            found = self.lookup(PRIORITY_CLASSES, name, "")
            if found is None:
                raise attributes.refuse(f"no PriorityClass with name {name} was found")
            return found
        return self._default()

    def _default(self) -> Stored | None:
        defaults = [stored for stored in self.lookup_all(PRIORITY_CLASSES) if stored.object.get("globalDefault")]
        return min(defaults, key=lambda stored: (stored.object.get("value", 0), stored.name), default=None)
