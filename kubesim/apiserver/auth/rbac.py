"""Role-based access control: bindings give subjects the rules of roles.

The index holds every Role and binding, and finds the bindings of a user by his name and his groups, so that a change
of one object costs only that object. Where nobody looks at the policy as objects (a virtual run) the index holds the
bootstrap policy itself, as a floor: an object of the same name takes its place.
Upstream: plugin/pkg/auth/authorizer/rbac, pkg/registry/rbac/validation/rule.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubesim.api.resources import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Resource
from kubesim.api.stored import Object
from kubesim.apiserver.auth.attributes import Attributes, Decision
from kubesim.apiserver.auth.rules import Rule, rules_of
from kubesim.apiserver.authn import SERVICE_ACCOUNT_PREFIX, User

RBAC_KINDS = (ROLES, ROLE_BINDINGS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)
BINDINGS = (ROLE_BINDINGS.plural, CLUSTER_ROLE_BINDINGS.plural)
GROUP_SUFFIX = "rbac.authorization.k8s.io"

Subject = tuple[str, str]  # (User, name), (Group, name) or (ServiceAccount, "namespace:name")
Key = tuple[str, str]  # (plural, "namespace/name" or "name")


class Grant(NamedTuple):
    """What one binding gives to a user: rules in a namespace ("" everywhere), or an error for a role that is not."""

    namespace: str
    rules: tuple[Rule, ...]
    source: str
    error: str = ""


class RbacIndex:
    """All Roles and bindings. `generation` grows with every change that may matter."""

    def __init__(self, floor: Iterable[tuple[Resource, Object]] = ()) -> None:
        self.generation = 0
        self._floor: dict[Key, Object] = {(resource.plural, key_of(obj)): obj for resource, obj in floor}
        self._objects: dict[Key, Object] = {}
        self._rules: dict[Key, tuple[Rule, ...]] = {}  # Worked out when first needed.
        self._bindings: dict[Subject, dict[Key, Object]] = {}
        for key, obj in self._floor.items():
            self._put(key, obj)

    def set(self, resource: Resource, key: str, obj: Object | None) -> None:
        """An object is there, or (None) gone."""
        whole = (resource.plural, key)
        self._put(whole, self._floor.get(whole) if obj is None else obj)

    def keys(self, resource: Resource) -> list[str]:
        """The keys of all objects of a kind, those of the floor too."""
        return [key for plural, key in self._objects if plural == resource.plural]

    def grants(self, user: User) -> list[Grant]:
        """What bindings give to a user, those of the whole cluster first."""
        found: dict[Key, tuple[Object, Subject]] = {}
        for subject in subjects_of(user):
            for key, binding in self._bindings.get(subject, {}).items():
                found.setdefault(key, (binding, subject))
        return [self._grant(*found[key]) for key in sorted(found)]

    def role_rules(self, role_ref: Object, namespace: str) -> tuple[Rule, ...] | None:
        """The rules of the role that a binding in a namespace refers to; None if there is no such role."""
        name = role_ref.get("name", "")
        if role_ref.get("kind") == "ClusterRole":
            return self._rules_of((CLUSTER_ROLES.plural, name))
        return self._rules_of((ROLES.plural, f"{namespace}/{name}"))

    def _put(self, key: Key, obj: Object | None) -> None:
        before = self._objects.pop(key, None)
        if before is obj and obj is not None:
            self._objects[key] = obj
            return
        self.generation += 1
        self._rules.pop(key, None)
        if key[0] in BINDINGS:
            for subject in () if before is None else bound_subjects(before):
                self._bindings[subject].pop(key, None)
            for subject in () if obj is None else bound_subjects(obj):
                self._bindings.setdefault(subject, {})[key] = obj or {}
        if obj is not None:
            self._objects[key] = obj

    def _rules_of(self, key: Key) -> tuple[Rule, ...] | None:
        rules = self._rules.get(key)
        if rules is None and (role := self._objects.get(key)) is not None:
            rules = self._rules[key] = rules_of(role)
        return rules

    def _grant(self, binding: Object, subject: Subject) -> Grant:
        metadata, role_ref = binding["metadata"], binding["roleRef"]
        namespace: str = metadata.get("namespace", "")
        name = f"{metadata['name']}/{namespace}" if namespace else metadata["name"]
        kind = "RoleBinding" if namespace else "ClusterRoleBinding"
        rules = self.role_rules(role_ref, namespace)
        role = f'{role_ref["kind"]} "{role_ref["name"]}"'
        source = f'{kind} "{name}" of {role} to {described(subject)}'
        if rules is not None:
            return Grant(namespace, rules, source)
        return Grant(namespace, (), source, f'{role_ref["kind"].lower()}.{GROUP_SUFFIX} "{role_ref["name"]}" not found')


class Grants:
    """What one user may do, worked out once until a role or binding changes."""

    def __init__(self, grants: list[Grant]) -> None:
        self._grants = grants
        self._known: dict[tuple[str, str, str, str, str], frozenset[str] | None] = {}

    def names(self, verb: str, group: str, resource: str, subresource: str, namespace: str) -> frozenset[str] | None:
        """Of which names such a request is allowed; None: of any."""
        key = (verb, group, resource, subresource, namespace)
        try:
            return self._known[key]
        except KeyError:
            names = self._known[key] = self._names(*key)
            return names

    def _names(self, verb: str, group: str, resource: str, subresource: str, namespace: str) -> frozenset[str] | None:
        what = f"{resource}/{subresource}" if subresource else resource
        names: set[str] = set()
        for grant in self._grants:
            if grant.namespace and grant.namespace != namespace:
                continue
            for rule in grant.rules:
                if rule.allows_but_for_name(verb, group, what, subresource):
                    if not rule.names:
                        return None
                    names.update(rule.names)
        return frozenset(names)

    def decide(self, attributes: Attributes) -> Decision:
        """Whether, and by which binding; or what stood in the way of finding out."""
        verb, namespace, group, _, subresource, name, path = attributes
        for grant in self._grants:
            if grant.namespace and grant.namespace != namespace:
                continue
            if any(
                rule.allows_path(verb, path) if path else rule.allows(verb, group, attributes.what, subresource, name)
                for rule in grant.rules
            ):
                return Decision(True, f"RBAC: allowed by {grant.source}")
        errors = self.errors(namespace)
        if not errors:
            return Decision(False)
        return Decision(False, f"RBAC: {errors[0] if len(errors) == 1 else '[' + ', '.join(errors) + ']'}")

    def errors(self, namespace: str) -> list[str]:
        """What could not be found out about a namespace."""
        found = [grant.error for grant in self._grants if grant.error and grant.namespace in ("", namespace)]
        return list(dict.fromkeys(found))

    def rules(self, namespace: str) -> list[Rule]:
        """All rules that count in a namespace."""
        return [rule for grant in self._grants if grant.namespace in ("", namespace) for rule in grant.rules]


def subjects_of(user: User) -> list[Subject]:
    """As whom a user can be bound."""
    found: list[Subject] = [("User", user.name), *(("Group", group) for group in user.groups)]
    if user.name.startswith(SERVICE_ACCOUNT_PREFIX):
        found.append(("ServiceAccount", user.name.removeprefix(SERVICE_ACCOUNT_PREFIX)))
    return found


def bound_subjects(binding: Object) -> list[Subject]:
    """Whom a binding names."""
    own: str = binding["metadata"].get("namespace", "")
    found = []
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind", ""), subject.get("name", "")
        if kind == "ServiceAccount":
            name = f"{subject.get('namespace') or own}:{name}"
        found.append((kind, name))
    return found


def described(subject: Subject) -> str:
    """`User "joe"`, `ServiceAccount "bot/default"`."""
    kind, name = subject
    if kind == "ServiceAccount":
        namespace, _, account = name.partition(":")
        name = f"{account}/{namespace}"
    return f'{kind} "{name}"'


def key_of(obj: Object) -> str:
    """namespace/name, or name."""
    metadata = obj["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])
