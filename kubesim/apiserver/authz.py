"""Authorization: may this user do this?

Every rule of the table that belongs to the user or to one of its groups can allow a request; what none
allows is forbidden. Kubelets are narrowed further: a node may write only the Node and the Lease of its own
name (what they may do to Pods depends on the Pod, so admission decides: admission/node_restriction.py).
Decisions that do not depend on names are remembered per user.

Upstream: plugin/pkg/auth/authorizer/{rbac,node}.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubesim.api.errors import forbidden
from kubesim.api.wire import Request
from kubesim.apiserver.authn import User, node_name
from kubesim.apiserver.authz_rules import RULES_BY_GROUP, RULES_BY_USER, Rule

Rules = Mapping[str, tuple[Rule, ...]]
NARROWED = ("nodes", "leases")
WRITES = ("update", "patch", "delete")
LEASE_NAMESPACE = "kube-node-lease"


class Authorizer:
    """Decides by rules; by default those of a new cluster."""

    def __init__(self, by_user: Rules = RULES_BY_USER, by_group: Rules = RULES_BY_GROUP) -> None:
        self._by_user = by_user
        self._by_group = by_group
        self._grants: dict[str, _Grants] = {}

    def authorize(self, user: User, request: Request) -> None:
        """ForbiddenError, in upstream's words, if the user may not do what it asks."""
        grants = self._grants.get(user.name)
        if grants is None or grants.user != user:
            grants = self._grants[user.name] = _Grants(user, self._rules_of(user))
        reason = grants.refusal(request)
        if reason is not None:
            raise forbidden(request.resource, request.name, describe(user, request) + reason)

    def _rules_of(self, user: User) -> tuple[Rule, ...]:
        rules = list(self._by_user.get(user.name, ()))
        for group in user.groups:
            rules += self._by_group.get(group, ())
        return tuple(rules)


class AllowAll(Authorizer):
    """For a cluster without authorization (`--authorization-mode=AlwaysAllow`)."""

    def authorize(self, user: User, request: Request) -> None:
        """Lets everything pass."""


class _Grants:
    """The rules of one user, and what has been worked out from them."""

    def __init__(self, user: User, rules: tuple[Rule, ...]) -> None:
        self.user = user
        self._everything = any(rule.verbs == rule.resources == ("*",) and rule.group == "*" for rule in rules)
        self._rules = rules
        self._has_names = any(rule.names for rule in rules)
        self._node = node_name(user)
        self._known: dict[tuple[str, str, str, str, str], bool] = {}

    def refusal(self, request: Request) -> str | None:
        """None if allowed; else what is to be added to the message, which may be nothing."""
        if self._everything:
            return None
        resource = request.resource
        key = (request.verb, resource.group, resource.plural, request.subresource, request.namespace)
        allowed = self._known.get(key)
        if allowed is None or self._has_names:
            allowed = self._known[key] = self._is_allowed(request)
        if not allowed:
            return ""
        return self._node_refusal(request) if self._node and resource.plural in NARROWED else None

    def _is_allowed(self, request: Request) -> bool:
        resource, subresource = request.resource, request.subresource
        what = f"{resource.plural}/{subresource}" if subresource else resource.plural
        return any(
            rule.allows(request.verb, resource.group, what, request.namespace, request.name) for rule in self._rules
        )

    def _node_refusal(self, request: Request) -> str | None:
        """A node and the Node or Lease of another."""
        if request.verb not in WRITES or request.name == self._node:
            return None
        if request.resource.plural == "leases" and request.namespace == LEASE_NAMESPACE:
            return ": can only access node lease with the same name as the requesting node"
        return f': node "{self._node}" cannot modify node "{request.name}"'


def describe(user: User, request: Request) -> str:
    """`User "x" cannot list resource "pods" in API group "" in the namespace "default"`."""
    resource = request.resource
    what = f"{resource.plural}/{request.subresource}" if request.subresource else resource.plural
    scope = f'in the namespace "{request.namespace}"' if request.namespace else "at the cluster scope"
    return f'User "{user.name}" cannot {request.verb} resource "{what}" in API group "{resource.group}" {scope}'
