"""Who may do what, and how a refusal reads."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError
from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, LEASES, NODES, PODS, SECRETS, Resource
from kubesim.api.stored import Stored
from kubesim.api.wire import Options, Request
from kubesim.apiserver import AllowAll
from kubesim.apiserver.authn import ANONYMOUS, AUTHENTICATED, User, service_account_user
from kubesim.apiserver.authz import Authorizer

JOE = User("joe", (AUTHENTICATED,))
NODE = User("system:node:n1", ("system:nodes", AUTHENTICATED))
SCHEDULER = User("system:kube-scheduler", (AUTHENTICATED,))


def refusal(user: User, verb: str, resource: Resource, namespace: str = "", name: str = "", **more: Any) -> str:
    """What the authorizer says; "" if it lets the request pass."""
    try:
        Authorizer().authorize(user, Request(verb, resource, namespace, name, **more))
    except ForbiddenError as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("verb", "resource", "namespace", "name", "message"),
    [
        ("list", PODS, "default", "",
         'pods is forbidden: User "joe" cannot list resource "pods" in API group "" in the namespace "default"'),
        ("get", PODS, "default", "x",
         'pods "x" is forbidden: User "joe" cannot get resource "pods" in API group "" in the namespace "default"'),
        ("create", CONFIG_MAPS, "a", "",
         'configmaps is forbidden: User "joe" cannot create resource "configmaps" in API group "" '
         'in the namespace "a"'),
        ("list", NODES, "", "",
         'nodes is forbidden: User "joe" cannot list resource "nodes" in API group "" at the cluster scope'),
        ("list", DEPLOYMENTS, "", "",
         'deployments.apps is forbidden: User "joe" cannot list resource "deployments" in API group "apps" '
         "at the cluster scope"),
    ],
)  # fmt: skip
def test_a_refusal_says_who_what_and_where(
    verb: str, resource: Resource, namespace: str, name: str, message: str
) -> None:
    """Teaches: the five parts of a permission: user, verb, resource, group, scope."""
    assert refusal(JOE, verb, resource, namespace, name) == message


def test_masters_may_do_everything() -> None:
    """Teaches: system:masters is above all rules."""
    assert refusal(User("root", ("system:masters",)), "delete", SECRETS, "kube-system", "x") == ""


def test_anonymous_may_do_nothing_with_objects() -> None:
    """Teaches: reading the list of APIs is all that is left."""
    assert refusal(ANONYMOUS, "list", PODS, "default").startswith('pods is forbidden: User "system:anonymous" cannot')


def test_the_scheduler_binds_pods_but_does_not_create_them() -> None:
    """Teaches: least privilege: each component has the rights of its task."""
    assert refusal(SCHEDULER, "create", PODS, "default", "p", subresource="binding") == ""
    assert refusal(SCHEDULER, "watch", PODS) == ""
    assert refusal(SCHEDULER, "update", LEASES, "kube-system", "kube-scheduler") == ""
    assert 'cannot create resource "pods" in' in refusal(SCHEDULER, "create", PODS, "default")
    assert 'cannot update resource "leases"' in refusal(SCHEDULER, "update", LEASES, "default", "x")


def test_a_subresource_is_a_right_of_its_own() -> None:
    """Teaches: who may write a Pod's status need not be allowed to write the Pod."""
    assert refusal(NODE, "patch", PODS, "default", "p", subresource="status") == ""
    assert refusal(NODE, "patch", PODS, "default", "p").endswith(
        'User "system:node:n1" cannot patch resource "pods" in API group "" in the namespace "default"'
    )


def test_a_node_writes_only_its_own_lease_and_reads_only_itself() -> None:
    """Teaches: the node authorizer: a stolen kubelet key opens one node, not the cluster."""
    assert refusal(NODE, "update", LEASES, "kube-node-lease", "n1") == ""
    assert refusal(NODE, "update", LEASES, "kube-node-lease", "n2") == (
        'leases.coordination.k8s.io "n2" is forbidden: User "system:node:n1" cannot update resource "leases" in API '
        'group "coordination.k8s.io" in the namespace "kube-node-lease": '
        "can only access node lease with the same name as the requesting node"
    )
    assert refusal(NODE, "update", LEASES, "default", "n1").endswith(
        'can only access leases in the "kube-node-lease" system namespace'
    )
    assert refusal(NODE, "patch", NODES, "", "n1", subresource="status") == ""
    assert refusal(NODE, "get", NODES, "", "n1") == ""
    assert refusal(NODE, "get", NODES, "", "n2").endswith("node 'n1' cannot read 'n2', only its own Node object")
    assert refusal(NODE, "list", NODES).endswith("node 'n1' cannot read all nodes, only its own Node object")
    assert refusal(NODE, "list", PODS).endswith("can only list/watch pods with spec.nodeName field selector")
    assert refusal(NODE, "list", PODS, options=Options(field_selector="spec.nodeName=n1")) == ""


def test_a_node_reads_only_what_its_pods_refer_to() -> None:
    """Teaches: a Secret is open to a kubelet only while a Pod that needs it is bound to its node."""
    pod = {"metadata": {"name": "p", "namespace": "a"}, "spec": {"nodeName": "n1", "volumes": [
        {"name": "v", "secret": {"secretName": "s"}}]}}  # fmt: skip
    authorizer = Authorizer()
    authorizer.node_pods.set("a/p", Stored(1, pod))
    authorizer.authorize(NODE, Request("get", SECRETS, "a", "s"))
    for namespace, name in (("a", "other"), ("b", "s")):
        with pytest.raises(ForbiddenError, match=r"no relationship found between node 'n1' and this object$"):
            authorizer.authorize(NODE, Request("get", SECRETS, namespace, name))


def test_every_controller_has_a_role_of_its_own() -> None:
    """Teaches: a controller is a client like any other, with an account and no more rights than its task needs."""
    replicas = service_account_user("kube-system", "replicaset-controller")
    assert refusal(replicas, "create", PODS, "default") == ""
    assert refusal(replicas, "create", CONFIG_MAPS, "default") != ""
    assert refusal(service_account_user("default", "replicaset-controller"), "create", PODS, "default") != ""


def test_the_same_name_with_other_groups_is_judged_anew() -> None:
    """Teaches: decisions are remembered for a user, and a user is its name with its groups."""
    authorizer = Authorizer()
    request = Request("list", PODS, "default")
    with pytest.raises(ForbiddenError):
        authorizer.authorize(JOE, request)
    authorizer.authorize(User("joe", ("system:masters",)), request)
    with pytest.raises(ForbiddenError):
        authorizer.authorize(JOE, request)


def test_without_authorization_everything_passes() -> None:
    """Teaches: AlwaysAllow is a mode of the real server too."""
    AllowAll().authorize(ANONYMOUS, Request("delete", NODES, "", "n1"))
