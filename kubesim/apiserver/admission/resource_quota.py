"""ResourceQuota: a namespace gets no more than it was granted.

The last of all plugins, since it writes: what the new object uses is added to the `status.used` of every quota
that takes it in, and only if all of that can be written the object is stored. Two requests for the last place meet
at the quota's revision: the second one reads again and is refused. A dry run asks without writing. If the object
is not stored after all, the quota controller corrects the count at its next full look.
A quota counts from when the controller has first written its status.
Upstream: k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go. Left out: limiting by configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubesim.api.errors import ConflictError
from kubesim.api.meta import with_fields
from kubesim.api.quantity import Amount
from kubesim.api.quota import (
    Amounts,
    Evaluator,
    amounts,
    evaluator_for,
    less_or_equal,
    mask,
    plus,
    selectors_of,
    subtract_not_below_zero,
    texts,
    without_zeros,
)
from kubesim.api.resources import RESOURCE_QUOTAS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.plugin import (
    CREATE,
    UPDATE,
    AdmissionPlugin,
    Attributes,
    Lookup,
    LookupAll,
    Target,
    Write,
)

TRIES_MAX = 4


class Charge(NamedTuple):
    """A quota and what it will say is used."""

    quota: Stored
    used: Amounts


class ResourceQuota(AdmissionPlugin):
    """Charges quotas."""

    name = "ResourceQuota"
    idle_without = RESOURCE_QUOTAS

    def __init__(self, lookup: Lookup, lookup_all: LookupAll) -> None:
        super().__init__(lookup, lookup_all)
        self._evaluators: dict[Resource, Evaluator | None] = {}
        self._write: Write | None = None

    def connect(self, write: Write) -> None:
        """It writes the status of quotas."""
        self._write = write

    def handles(self, target: Target) -> bool:
        """Creations, changes of what can grow, and resized Pods."""
        evaluator = self._evaluator(target.resource)
        if evaluator is None:
            return False
        if target.subresource:
            return (target.operation, target.resource.plural, target.subresource) == (UPDATE, "pods", "resize")
        return target.operation == CREATE or (target.operation == UPDATE and evaluator.charges_updates)

    async def reserve(self, attributes: Attributes) -> None:
        """Charges all quotas or none; again if somebody else charged one of them meanwhile."""
        context = attributes.context
        for tries_left in reversed(range(TRIES_MAX)):
            quotas = self.in_namespace(RESOURCE_QUOTAS, context.request.namespace)
            if not quotas:
                return
            charges = self._check(attributes, quotas)
            if context.request.options.dry_run:
                return
            try:
                for charge in charges:
                    await self._charge(attributes, charge)
                return
            except ConflictError:
                if not tries_left:
                    raise

    async def _charge(self, attributes: Attributes, charge: Charge) -> None:
        assert self._write is not None, "the server connects its plugins"
        changed = with_fields(charge.quota.object, {"used": texts(charge.used)}, "status")
        await self._write(attributes.context, RESOURCE_QUOTAS, charge.quota, changed)

    def _check(self, attributes: Attributes, quotas: list[Stored]) -> list[Charge]:
        """What is to be written; raises what the first quota that objects has to say."""
        evaluator = self._evaluator(attributes.context.request.resource)
        assert evaluator is not None, "it handles only what it can evaluate"
        interesting = []
        for quota in quotas:
            names = covered(evaluator, quota.object, attributes.obj)
            if not names:
                continue
            if problem := evaluator.missing(names, attributes.obj):
                raise attributes.refuse(f"failed quota: {quota.name}: {problem}")
            used = quota.object["status"].get("used") or {}
            if any(name not in used for name in names):
                raise attributes.refuse(f"status unknown for quota: {quota.name}, resources: {','.join(sorted(names))}")
            interesting.append(quota)
        if not interesting:
            return []
        return _charges(attributes, interesting, usage_of(evaluator, attributes))

    def _evaluator(self, resource: Resource) -> Evaluator | None:
        if resource not in self._evaluators:
            self._evaluators[resource] = evaluator_for(resource)
        return self._evaluators[resource]


def covered(evaluator: Evaluator, quota: Object, obj: Object) -> list[str]:
    """Which resources of a quota the object has to do with; none if a scope leaves it out."""
    names = evaluator.matching((quota.get("status") or {}).get("hard") or {})
    if names and all(evaluator.in_scope(scope, obj) for scope in selectors_of(quota.get("spec") or {})):
        return names
    return []


def usage_of(evaluator: Evaluator, attributes: Attributes) -> Amounts:
    """What the request uses beyond what was used before it."""
    now = attributes.context.sim.clock.unix_ns() / 1e9
    usage = evaluator.usage(attributes.obj, now)
    if attributes.old is not None:
        usage = subtract_not_below_zero(usage, evaluator.usage(attributes.old, now))
    return without_zeros(usage)


def _charges(attributes: Attributes, quotas: list[Stored], usage: Amounts) -> list[Charge]:
    charges = []
    for quota in quotas:
        status = quota.object["status"]
        hard, used = amounts(status.get("hard")), amounts(status.get("used"))
        requested = mask(usage, hard)
        if not requested:
            continue
        new_used = plus(used, requested)
        exceeded = less_or_equal(mask(new_used, requested), hard)
        if exceeded:
            raise attributes.refuse(
                f"exceeded quota: {quota.name}, requested: {_pretty(requested, exceeded)}, "
                f"used: {_pretty(used, exceeded)}, limited: {_pretty(hard, exceeded)}"
            )
        charges.append(Charge(quota, new_used))
    return charges


def _pretty(of: Mapping[str, Amount], names: list[str]) -> str:
    return ",".join(f"{name}={text}" for name, text in texts(mask(of, names)).items())
