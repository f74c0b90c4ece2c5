"""One rule of a role: which verbs on which resources or paths; and whether rules cover others.

Upstream: pkg/apis/rbac/v1/evaluation_helpers.go, k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import msgspec

from kubesim.api.stored import Object

ALL = "*"


class Rule(msgspec.Struct, frozen=True):
    """A PolicyRule. Empty `names` means every name."""

    verbs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    def allows_but_for_name(self, verb: str, group: str, what: str, subresource: str) -> bool:
        """Whether it is about such requests; `what` is "pods" or "pods/log"."""
        return (
            (ALL in self.verbs or verb in self.verbs)
            and (ALL in self.groups or group in self.groups)
            and (
                ALL in self.resources
                or what in self.resources
                or bool(subresource and f"{ALL}/{subresource}" in self.resources)
            )
        )

    def allows(self, verb: str, group: str, what: str, subresource: str, name: str) -> bool:
        """The same with the name."""
        return self.allows_but_for_name(verb, group, what, subresource) and (not self.names or name in self.names)

    def allows_path(self, verb: str, path: str) -> bool:
        """Whether it lets somebody at a path that is no resource; a `*` at the end stands for any rest."""
        return (ALL in self.verbs or verb in self.verbs) and any(url_covers(url, path) for url in self.urls)

    def covers(self, other: Rule) -> bool:
        """Whether whoever has this rule has the other one."""
        return (
            (ALL in self.verbs or has_all(self.verbs, other.verbs))
            and (ALL in self.groups or has_all(self.groups, other.groups))
            and all(resource_covered(self.resources, resource) for resource in other.resources)
            and all(any(url_covers(url, wanted) for url in self.urls) for wanted in other.urls)
            and (not self.names or bool(other.names and has_all(self.names, other.names)))
        )

    def __str__(self) -> str:
        parts = (
            ("APIGroups", self.groups), ("Resources", self.resources), ("NonResourceURLs", self.urls),
            ("ResourceNames", self.names), ("Verbs", self.verbs),
        )  # fmt: skip
        return "{" + ", ".join(f"{name}:{quoted(values)}" for name, values in parts if values) + "}"


def rules_of(role: Object) -> tuple[Rule, ...]:
    """The rules of a Role or ClusterRole."""
    return tuple(rule_of(rule) for rule in role.get("rules") or ())


def rule_of(rule: Object) -> Rule:
    """A rule from its object."""
    names = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
    return Rule(*(tuple(rule.get(name) or ()) for name in names))


def object_of(rule: Rule) -> Object:
    """A rule as an object of the authorization API."""
    names = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
    values = (rule.verbs, rule.groups, rule.resources, rule.names, rule.urls)
    return {name: list(value) for name, value in zip(names, values, strict=True) if value}


def quoted(values: Iterable[str]) -> str:
    """Strings as Go's %q shows a slice: `["a" "b"]`."""
    return "[" + " ".join(json.dumps(value, ensure_ascii=False) for value in values) + "]"


def url_covers(pattern: str, path: str) -> bool:
    """`/healthz/*` covers `/healthz/etcd`, `*` everything."""
    return pattern in (ALL, path) or (pattern.endswith(ALL) and path.startswith(pattern.rstrip(ALL)))


def has_all(holder: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether nothing is missing."""
    return all(value in holder for value in wanted)


def resource_covered(holder: Sequence[str], resource: str) -> bool:
    """`*` covers all, `*/scale` every `…/scale`."""
    if ALL in holder or resource in holder:
        return True
    _, slash, subresource = resource.partition("/")
    return bool(slash) and f"{ALL}/{subresource}" in holder


def missing_rights(held: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """What of the wanted rules the held ones do not cover, one atom each."""
    atoms = [atom for rule in wanted for atom in broken_down(rule)]
    return [atom for atom in atoms if not any(rule.covers(atom) for rule in held)]


def broken_down(rule: Rule) -> list[Rule]:
    """A rule as rules of one verb on one resource or path each."""
    atoms = [
        Rule((verb,), (group,), (resource,), names)
        for group in rule.groups
        for resource in rule.resources
        for verb in rule.verbs
        for names in each_name(rule)
    ]
    return atoms + [Rule((verb,), urls=(url,)) for url in rule.urls for verb in rule.verbs]


def each_name(rule: Rule) -> list[tuple[str, ...]]:
    """The names of a rule one by one; one empty list for every name."""
    return [(name,) for name in rule.names] or [()]


def compacted(rules: Iterable[Rule]) -> list[Rule]:
    """Atoms that differ only in their verb put together."""
    simple: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], Rule] = {}
    others = []
    for rule in rules:
        if rule.urls:
            others.append(rule)
            continue
        key = (rule.groups, rule.resources, rule.names)
        before = simple.get(key)
        simple[key] = rule if before is None else msgspec.structs.replace(before, verbs=(*before.verbs, *rule.verbs))
    return [*others, *simple.values()]
