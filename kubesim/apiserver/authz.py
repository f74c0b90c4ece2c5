"""Authorization: may this user do this?

The first authorizer with an answer counts: members of system:masters may do everything, kubelets what concerns their
node (auth/node.py), everybody what Roles and bindings give (auth/rbac.py). What none allows is forbidden.
Decisions are remembered per user until a role or binding changes.

Left out: ABAC, webhooks, authorization by selectors.
Upstream: pkg/kubeapiserver/authorizer, k8s.io/apiserver/pkg/authorization/union.
"""

from __future__ import annotations

from kubesim.api.resources import NODES, Resource
from kubesim.api.stored import Stored
from kubesim.api.wire import Request
from kubesim.apiserver.auth.attributes import Attributes, Decision, attributes_of, name_of, namespace_of, refusal
from kubesim.apiserver.auth.node import LATEST, NodeAuthorizer
from kubesim.apiserver.auth.node_pods import NodePods
from kubesim.apiserver.auth.policy import bootstrap_objects
from kubesim.apiserver.auth.rbac import Grants, RbacIndex
from kubesim.apiserver.auth.rules import Rule, rules_of
from kubesim.apiserver.authn import MASTERS, User, node_name

USERS_MAX = 4096  # Who is remembered; then all are worked out anew.


class Authorizer:
    """Decides by an index of roles, by default one that holds the bootstrap policy and nothing else."""

    def __init__(self, index: RbacIndex | None = None) -> None:
        self.index = index or RbacIndex(bootstrap_objects())
        self._generation = -1
        self._grants: dict[User, Grants] = {}
        self._nodes: dict[User, str] = {}
        self.node_pods = NodePods()
        self._node_authorizer = NodeAuthorizer(node_rules(), _nothing, self.node_pods)

    def look_up(self, latest: LATEST) -> None:
        """Where the node authorizer finds objects by name."""
        self._node_authorizer = NodeAuthorizer(node_rules(), latest, self.node_pods)

    def authorize(self, user: User, request: Request) -> None:
        """ForbiddenError, in upstream's words, if the user may not do what it asks."""
        if MASTERS in user.groups:
            return
        grants = self.grants(user)
        why = ""
        if node := self._nodes[user]:
            found = self._node_authorizer.refusal(node, request)
            if found is None:
                return
            why = found
        resource = request.resource
        names = grants.names(request.verb, resource.group, resource.plural, request.subresource, namespace_of(request))
        if names is None or (names and name_of(request) in names):
            return
        attributes = attributes_of(request)
        reasons = [reason for reason in (why, grants.decide(attributes).reason) if reason]
        raise refusal(user, attributes, "\n".join(reasons))

    def decide(self, user: User, attributes: Attributes) -> Decision:
        """The same as an answer, with its reason: for reviews, paths and the audit log."""
        if MASTERS in user.groups:
            return Decision(True)
        grants, why = self.grants(user), ""
        if (node := self._nodes[user]) and not attributes.path:
            found = self._node_authorizer.refusal(node, request_of(attributes))
            if found is None:
                return Decision(True)
            why = found
        decision = grants.decide(attributes)
        if decision.allowed or not why:
            return decision
        return Decision(False, "\n".join(reason for reason in (why, decision.reason) if reason))

    def rules(self, user: User, namespace: str) -> tuple[list[Rule], list[str]]:
        """What roles give to a user in a namespace, and what could not be found out."""
        grants = self.grants(user)
        return grants.rules(namespace), grants.errors(namespace)

    def grants(self, user: User) -> Grants:
        """What bindings give to a user."""
        if self._generation != self.index.generation or len(self._grants) > USERS_MAX:
            self._grants.clear()
            self._nodes.clear()
            self._generation = self.index.generation
        grants = self._grants.get(user)
        if grants is None:
            grants = self._grants[user] = Grants(self.index.grants(user))
            self._nodes[user] = node_name(user)
        return grants


class AllowAll(Authorizer):
    """For a cluster without authorization (`--authorization-mode=AlwaysAllow`)."""

    def __init__(self) -> None:
        super().__init__(RbacIndex())

    def authorize(self, user: User, request: Request) -> None:
        """Lets everything pass."""

    def decide(self, user: User, attributes: Attributes) -> Decision:  # noqa: ARG002 (whoever, whatever)
        """Yes."""
        return Decision(True)


def node_rules() -> tuple[Rule, ...]:
    """What the ClusterRole system:node says, whatever became of the object."""
    role = next(obj for _, obj in bootstrap_objects() if obj["metadata"]["name"] == "system:node")
    return rules_of(role)


def request_of(attributes: Attributes) -> Request:
    """A request with such attributes."""
    namespaced = attributes.resource not in (NODES.plural, "persistentvolumes")
    resource = Resource(attributes.group, "", "", attributes.resource, namespaced)
    return Request(attributes.verb, resource, attributes.namespace, attributes.name, attributes.subresource)


def _nothing(_resource: Resource, _name: str, _namespace: str) -> Stored | None:
    return None
