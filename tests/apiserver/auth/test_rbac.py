"""Roles and bindings: who gets which rules, and how the server says why."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError
from kubesim.api.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    NAMESPACES,
    PODS,
    ROLE_BINDINGS,
    ROLES,
)
from kubesim.api.stored import Object
from kubesim.api.wire import ClientCertificate, Options, Request
from kubesim.apiserver.auth.attributes import Attributes
from kubesim.apiserver.auth.policy import bootstrap_objects
from kubesim.apiserver.auth.rbac import RbacIndex
from kubesim.apiserver.authn import ANONYMOUS, AUTHENTICATED, User, service_account_user
from kubesim.apiserver.authz import Authorizer
from kubesim.sim import Simulation

JOE = User("joe", (AUTHENTICATED,))
READ_PODS = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}


def authorizer(*objects: Object) -> Authorizer:
    """One that knows these objects and the bootstrap policy."""
    index = RbacIndex(bootstrap_objects())
    rows = {row.kind: row for row in (ROLES, ROLE_BINDINGS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)}
    for obj in objects:
        metadata = obj["metadata"]
        name = metadata["name"]
        key = f"{metadata['namespace']}/{name}" if "namespace" in metadata else name
        index.set(rows[obj["kind"]], key, obj)
    return Authorizer(index)


def role(name: str, *rules: Object, namespace: str = "a") -> Object:
    return {"kind": "Role", "metadata": {"name": name, "namespace": namespace}, "rules": list(rules)}


def binding(role_name: str, subject: Object, *, kind: str = "Role", namespace: str = "a") -> Object:
    metadata = {"name": "b", "namespace": namespace} if namespace else {"name": "b"}
    ref = {"kind": kind, "name": role_name}
    return {"kind": "RoleBinding" if namespace else "ClusterRoleBinding", "metadata": metadata, "roleRef": ref,
            "subjects": [subject]}  # fmt: skip


USER_JOE = {"kind": "User", "name": "joe"}


def test_a_role_counts_in_its_namespace_only() -> None:
    """Teaches: the same role gives nothing in the namespace next door."""
    rbac = authorizer(role("reader", READ_PODS), binding("reader", USER_JOE))
    rbac.authorize(JOE, Request("list", PODS, "a"))
    for request in (Request("list", PODS, "b"), Request("list", PODS), Request("delete", PODS, "a", "p")):
        with pytest.raises(ForbiddenError):
            rbac.authorize(JOE, request)


def test_the_reason_names_binding_role_and_subject() -> None:
    """Teaches: a SubjectAccessReview tells through which binding somebody may."""
    rbac = authorizer(role("reader", READ_PODS), binding("reader", USER_JOE))
    decision = rbac.decide(JOE, Attributes("get", "a", "", "pods"))
    assert decision == (True, 'RBAC: allowed by RoleBinding "b/a" of Role "reader" to User "joe"')
    everywhere = authorizer(binding("view", {"kind": "Group", "name": AUTHENTICATED}, kind="ClusterRole", namespace=""))
    assert everywhere.decide(JOE, Attributes("get", "a", "", "pods")).reason == (
        'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "view" to Group "system:authenticated"'
    )


def test_a_binding_to_a_role_that_is_not_there_explains_the_refusal() -> None:
    """Teaches: a binding may come before its role; until then the refusal says what is missing."""
    rbac = authorizer(binding("ghost", USER_JOE))
    with pytest.raises(ForbiddenError) as refusal:
        rbac.authorize(JOE, Request("list", PODS, "a"))
    assert refusal.value.message == (
        'pods is forbidden: User "joe" cannot list resource "pods" in API group "" in the namespace "a": '
        'RBAC: role.rbac.authorization.k8s.io "ghost" not found'
    )


def test_a_change_of_a_role_counts_at_once() -> None:
    """Teaches: decisions are remembered only until a role or binding changes."""
    rbac = authorizer(role("reader"), binding("reader", USER_JOE))
    request = Request("list", PODS, "a")
    with pytest.raises(ForbiddenError):
        rbac.authorize(JOE, request)
    rbac.index.set(ROLES, "a/reader", role("reader", READ_PODS))
    rbac.authorize(JOE, request)
    rbac.index.set(ROLE_BINDINGS, "a/b", None)
    with pytest.raises(ForbiddenError):
        rbac.authorize(JOE, request)


def test_a_rule_can_name_objects() -> None:
    """Teaches: resourceNames narrow a rule; a list is allowed if its field selector names such an object."""
    rule = {"verbs": ["get", "list", "update"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["c"]}
    rbac = authorizer(role("one", rule), binding("one", USER_JOE))
    rbac.authorize(JOE, Request("get", CONFIG_MAPS, "a", "c"))
    rbac.authorize(JOE, Request("list", CONFIG_MAPS, "a", options=Options(field_selector="metadata.name=c")))
    for request in (Request("get", CONFIG_MAPS, "a", "d"), Request("list", CONFIG_MAPS, "a")):
        with pytest.raises(ForbiddenError):
            rbac.authorize(JOE, request)


def test_a_namespace_lies_in_itself() -> None:
    """Teaches: whoever may view a namespace's objects may read the Namespace, and no other one."""
    rbac = authorizer(binding("view", USER_JOE, kind="ClusterRole"))
    rbac.authorize(JOE, Request("get", NAMESPACES, name="a"))
    with pytest.raises(ForbiddenError, match=r'in the namespace "b"$'):
        rbac.authorize(JOE, Request("get", NAMESPACES, name="b"))


def test_wildcards_reach_subresources() -> None:
    """Teaches: `*` covers everything, `*/scale` the scale of everything."""
    rule = {"verbs": ["get"], "apiGroups": ["*"], "resources": ["*/scale"]}
    rbac = authorizer(role("scaler", rule), binding("scaler", USER_JOE))
    assert rbac.decide(JOE, Attributes("get", "a", "apps", "deployments", "scale")).allowed
    assert not rbac.decide(JOE, Attributes("get", "a", "apps", "deployments")).allowed


def test_a_service_account_is_bound_by_namespace_and_name() -> None:
    """Teaches: without a namespace the subject is of the binding's own."""
    bot = service_account_user("a", "bot")
    for subject in (
        {"kind": "ServiceAccount", "name": "bot"},
        {"kind": "ServiceAccount", "name": "bot", "namespace": "a"},
    ):
        decision = authorizer(role("reader", READ_PODS), binding("reader", subject)).decide(
            bot, Attributes("get", "a", "", "pods")
        )
        assert decision.reason == 'RBAC: allowed by RoleBinding "b/a" of Role "reader" to ServiceAccount "bot/a"'


def test_anonymous_sees_health_and_version_and_nothing_else() -> None:
    """Teaches: system:public-info-viewer is for everybody, system:discovery for those who are known."""
    rbac = authorizer()
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert rbac.decide(ANONYMOUS, Attributes("get", path=path)).allowed
    for path in ("/api", "/apis/apps/v1", "/metrics", "/readyz/etcd"):
        assert not rbac.decide(ANONYMOUS, Attributes("get", path=path)).allowed
    assert rbac.decide(JOE, Attributes("get", path="/apis/apps/v1")).allowed
    assert not rbac.decide(JOE, Attributes("get", path="/metrics")).allowed


def test_admin_edit_and_view_build_on_each_other() -> None:
    """Teaches: aggregated roles: admin has what edit has, edit what view has; and view sees no Secrets."""
    roles = {obj["metadata"]["name"]: obj for row, obj in bootstrap_objects() if row is CLUSTER_ROLES}
    rules = {name: roles[name]["rules"] for name in ("view", "edit", "admin")}
    assert all(rule in rules["edit"] for rule in rules["view"])
    assert all(rule in rules["admin"] for rule in rules["edit"])
    for name, may in (("view", False), ("edit", True)):
        rbac = authorizer(binding(name, USER_JOE, kind="ClusterRole"))
        assert rbac.decide(JOE, Attributes("get", "a", "", "secrets")).allowed is may


@pytest.mark.parametrize("stored", [True, False])
async def test_the_bootstrap_policy_counts_whether_it_is_stored_or_not(
    sim: Simulation, boot: Any, stored: bool
) -> None:
    """Teaches: the same rights in a served cluster, where the roles are objects, and in a virtual run."""
    async with boot(sim, writes_policy=stored) as api:
        roles = [item.name for item in (await api.call("list", CLUSTER_ROLES)).items]
        assert ("cluster-admin" in roles) is stored
        assert api.server.authorizer.decide(JOE, Attributes("get", path="/apis")).allowed
        await api.create(ROLE_BINDINGS, {**binding("view", USER_JOE, kind="ClusterRole", namespace="default")})
        await asyncio.sleep(0.001)  # Until the watch cache has heard of it.
        await api.call("list", PODS, credential=ClientCertificate("joe"))
        if stored:
            await api.call("delete", CLUSTER_ROLES, "view")
            await asyncio.sleep(0.001)
            with pytest.raises(ForbiddenError, match=r'clusterrole.rbac.authorization.k8s.io "view" not found$'):
                await api.call("list", PODS, credential=ClientCertificate("joe"))
