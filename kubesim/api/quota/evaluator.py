"""What an evaluator is: for one kind, which resources of a quota it uses, and how much of each an object takes.

A kind without an evaluator of its own is only counted, under `count/PLURAL.GROUP` (a few old kinds also under
their bare plural). Upstream: pkg/quota/v1/evaluator/core/registry.go, k8s.io/apiserver/pkg/quota/v1/generic.
"""

# ruff: noqa: ARG002 (a kind that is only counted does not look at its objects)
from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.quota.amounts import ONE, Amounts
from kubesim.api.quota.scopes import Scope
from kubesim.api.resources import Resource
from kubesim.api.stored import Object

# Nobody limits these.
IGNORED = (("", "events"), ("events.k8s.io", "events"))
# Kinds that could be counted before every kind could.
BARE_NAMES = ("configmaps", "resourcequotas", "replicationcontrollers", "secrets")


class Evaluator:
    """One kind as quotas see it; this class is a kind that is only counted."""

    charges_updates = False  # Whether an update can use more than before.

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.count_name = f"count/{resource.qualified}"
        bare = not resource.group and resource.plural in BARE_NAMES
        self.names: tuple[str, ...] = (self.count_name, resource.plural) if bare else (self.count_name,)

    def matching(self, names: Iterable[str]) -> list[str]:
        """Those resource names that objects of this kind use."""
        return [name for name in names if name in self.names]

    def usage(self, obj: Object, now: float) -> Amounts:
        """What the object takes; `now` in seconds since 1970."""
        return dict.fromkeys(self.names, ONE)

    def in_scope(self, scope: Scope, obj: Object) -> bool:
        """Whether a scope takes in the object: scopes are for Pods and claims."""
        return False

    def missing(self, required: Iterable[str], obj: Object) -> str:
        """What the object must say and does not; "" if it says all."""
        return ""


ObjectCount = Evaluator
