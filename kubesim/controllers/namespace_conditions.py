"""What a Namespace on its way out says about its content. Pure.

Upstream: status_condition_utils.go in pkg/controller/namespace/deletion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubesim.api.meta import with_fields
from kubesim.api.stored import Object

DISCOVERY = "NamespaceDeletionDiscoveryFailure"
PARSING = "NamespaceDeletionGroupVersionParsingFailure"
CONTENT = "NamespaceDeletionContentFailure"
REMAINING = "NamespaceContentRemaining"
FINALIZERS = "NamespaceFinalizersRemaining"

# Every condition, in the order in which they appear, with the reason and message that it has when all is well.
ALL_IS_WELL: dict[str, tuple[str, str]] = {
    DISCOVERY: ("ResourcesDiscovered", "All resources successfully discovered"),
    PARSING: ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
    CONTENT: ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    REMAINING: ("ContentRemoved", "All content successfully removed"),
    FINALIZERS: ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


class Remains:
    """What a round of deletion left: how many objects of which resource, held by which finalizers, and errors."""

    def __init__(self) -> None:
        self.resources: dict[str, int] = {}  # By "plural.group", which for the core group ends with a dot.
        self.finalizers: dict[str, int] = {}
        self.errors: list[str] = []

    def troubles(self) -> dict[str, tuple[str, str]]:
        """The conditions that are True, with reason and message."""
        troubles: dict[str, tuple[str, str]] = {}
        if self.errors:
            text = (
                f"Failed to delete all resource types, {len(self.errors)} remaining: {', '.join(sorted(self.errors))}"
            )
            troubles[CONTENT] = ("ContentDeletionFailed", text)
        if self.resources:
            text = listing("{} has {} resource instances", self.resources)
            troubles[REMAINING] = ("SomeResourcesRemain", f"Some resources are remaining: {text}")
        if self.finalizers:
            text = listing("{} in {} resource instances", self.finalizers)
            why = f"Some content in the namespace has finalizers remaining: {text}"
            troubles[FINALIZERS] = ("SomeFinalizersRemain", why)
        return troubles


def listing(form: str, counts: Mapping[str, int]) -> str:
    """Counts in words, sorted so that the same counts are the same words."""
    return ", ".join(sorted(form.format(name, count) for name, count in counts.items()))


def with_conditions(namespace: Object, troubles: Mapping[str, tuple[str, str]], timestamp: str) -> Object:
    """The Namespace with all five conditions; the same one if nothing changes."""
    known: Sequence[Object] = namespace["status"].get("conditions") or ()
    conditions = list(known)
    for type_, well in ALL_IS_WELL.items():
        reason, message = troubles.get(type_, well)
        new = {"type": type_, "status": "True" if type_ in troubles else "False", "lastTransitionTime": timestamp}
        new |= {"reason": reason, "message": message}
        index = next((i for i, old in enumerate(conditions) if old["type"] == type_), None)
        if index is None:
            conditions.append(new)
            continue
        old = conditions[index]
        if old["status"] == new["status"]:
            new["lastTransitionTime"] = old["lastTransitionTime"]
        conditions[index] = new
    return namespace if conditions == list(known) else with_fields(namespace, {"conditions": conditions}, "status")
