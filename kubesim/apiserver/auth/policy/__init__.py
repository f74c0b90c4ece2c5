"""The bootstrap policy: the roles and bindings that exist in every new cluster, as API objects.

The text tables beside this are unfolded once per process, when first needed. admin, edit and view come with the rules
that the aggregation controller would give them a moment later.
Upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy, created by pkg/registry/rbac/rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from kubesim.api.resources import CLUSTER_ROLE_BINDINGS as BINDING_ROW
from kubesim.api.resources import CLUSTER_ROLES as ROLE_ROW
from kubesim.api.resources import ROLE_BINDINGS, ROLES, Resource
from kubesim.api.stored import Object
from kubesim.apiserver.auth.policy.cluster_roles import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES
from kubesim.apiserver.auth.policy.controller_roles import CONTROLLER_ROLES, NAMESPACE_ROLE_BINDINGS, NAMESPACE_ROLES

__all__ = ["AGGREGATED", "LABEL", "bootstrap_objects"]

RBAC = "rbac.authorization.k8s.io"
AGGREGATED = ("view", "edit", "admin")  # In the order in which one feeds the next.
LABEL = f"{RBAC}/aggregate-to-"
CONTROLLER = "system:controller:"
READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete", "deletecollection")
SHORT = {"R": READ, "W": WRITE, "U": (*READ, "update", "patch")}
EVENTS = "create,update,patch @ core,events.k8s.io : events"


@cache
def bootstrap_objects() -> tuple[tuple[Resource, Object], ...]:
    """Every role and binding, with its metadata but for uid and date. Shared: never to be changed."""
    roles = dict(_cluster_roles())
    for name in AGGREGATED:
        label = LABEL + name
        parts = [role for _, role in sorted(roles.items()) if label in role["metadata"]["labels"]]
        roles[name]["rules"] = aggregate(parts)
    found: list[tuple[Resource, Object]] = [(ROLE_ROW, role) for role in roles.values()]
    found += [(BINDING_ROW, _cluster_binding(name, subjects)) for name, subjects in _cluster_subjects()]
    for namespace, text in NAMESPACE_ROLES.items():
        found += [(ROLES, _object("Role", name, rules, namespace)) for name, _, rules in _parse(text)]
    for namespace, name, role, subjects in NAMESPACE_ROLE_BINDINGS:
        body = {"roleRef": _role_ref("Role", role), "subjects": _subjects(subjects)}
        found.append((ROLE_BINDINGS, {**_head("RoleBinding", name, namespace), **body}))
    return tuple(found)


def aggregate(parts: list[Object]) -> list[Object]:
    """The rules of several roles, in order, each once."""
    rules: list[Object] = []
    for part in parts:
        rules += [rule for rule in part.get("rules") or () if rule not in rules]
    return rules


def _cluster_roles() -> Iterator[tuple[str, Object]]:
    for name, feeds, rules in _parse(CLUSTER_ROLES):
        role = _object("ClusterRole", name, rules)
        if feeds:
            role["metadata"]["labels"][LABEL + feeds] = "true"
        if name in AGGREGATED:
            role["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {LABEL + name: "true"}}]}
        yield name, role
    for name, _, rules in _parse(CONTROLLER_ROLES):
        yield CONTROLLER + name, _object("ClusterRole", CONTROLLER + name, rules)


def _cluster_subjects() -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    yield from CLUSTER_ROLE_BINDINGS.items()
    for name, _, _ in _parse(CONTROLLER_ROLES):
        yield CONTROLLER + name, (("ServiceAccount", name),)


def _cluster_binding(name: str, subjects: tuple[tuple[str, str], ...]) -> Object:
    binding = {**_head("ClusterRoleBinding", name), "roleRef": _role_ref("ClusterRole", name)}
    return {**binding, "subjects": _subjects(subjects)} if subjects else binding


def _role_ref(kind: str, name: str) -> Object:
    return {"apiGroup": RBAC, "kind": kind, "name": name}


def _subjects(subjects: tuple[tuple[str, str], ...]) -> list[Object]:
    return [
        {"kind": kind, "name": name, "namespace": "kube-system"}
        if kind == "ServiceAccount"
        else {"apiGroup": RBAC, "kind": kind, "name": name}
        for kind, name in subjects
    ]


def _object(kind: str, name: str, rules: list[Object], namespace: str = "") -> Object:
    return {**_head(kind, name, namespace), "rules": rules}


def _head(kind: str, name: str, namespace: str = "") -> Object:
    metadata = {
        "name": name,
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
    }
    if namespace:
        metadata["namespace"] = namespace
    return {"kind": kind, "apiVersion": f"{RBAC}/v1", "metadata": metadata}


def _parse(text: str) -> Iterator[tuple[str, str, list[Object]]]:
    """(name, what it is aggregated to, rules) of every role of a table."""
    name, feeds, rules = "", "", list[Object]()
    for line in text.strip().splitlines():
        if line.startswith(" "):
            rules.append(_rule(EVENTS if line.strip() == "E" else line))
            continue
        if name:
            yield name, feeds, rules
        name, _, rest = line.partition(" ")
        feeds, rules = rest.strip("[]"), []
    yield name, feeds, rules


def _rule(line: str) -> Object:
    verbs, _, what = line.strip().partition(" @ ")
    rule: Object = {"verbs": sorted(verb for part in verbs.split(",") for verb in SHORT.get(part, (part,)))}
    groups, has_resources, resources = what.partition(" : ")
    if not has_resources:
        return {"nonResourceURLs": sorted(what.split(",")), **rule}
    resources, _, names = resources.partition(" ; ")
    rule["apiGroups"] = sorted("" if group == "core" else group for group in groups.split(","))
    rule["resources"] = sorted(resources.split(","))
    if names:
        rule["resourceNames"] = sorted(names.split(","))
    return rule
