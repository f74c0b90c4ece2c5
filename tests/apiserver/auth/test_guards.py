"""Who may grant rights, and who may approve certificates."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError, InvalidError, NotFoundError
from kubesim.api.resources import (
    CERTIFICATE_SIGNING_REQUESTS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
)
from kubesim.api.stored import Object
from kubesim.api.wire import MERGE_PATCH, ClientCertificate
from kubesim.sim import Simulation

JOE = ClientCertificate("joe")
RULES = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"]}


def role(*rules: Object) -> Object:
    return {"metadata": {"name": "r", "namespace": "default"}, "rules": list(rules)}


def binding(kind: str, name: str, user: str = "joe", own: str = "b") -> Object:
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    return {"metadata": {"name": own, "namespace": "default"}, "roleRef": ref, "subjects": [subject]}


async def editor_of_roles(api: Any) -> None:
    """Joe may write roles and bindings of the namespace and, as a viewer, read everything but Secrets."""
    rule = {"verbs": ["*"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"]}
    names = ["create", "update", "get", "patch"]
    await api.create(
        ROLES, {"metadata": {"name": "keeper", "namespace": "default"}, "rules": [{**rule, "verbs": names}]}
    )
    await api.create(ROLE_BINDINGS, binding("Role", "keeper", own="keeper"))
    await api.create(ROLE_BINDINGS, binding("ClusterRole", "view", own="view"))
    await asyncio.sleep(0.001)


async def test_nobody_grants_what_he_does_not_have(sim: Simulation, boot: Any) -> None:
    """Teaches: the right to write roles is not the right to everything; the refusal lists what is missing."""
    async with boot(sim) as api:
        await editor_of_roles(api)
        with pytest.raises(ForbiddenError) as refusal:
            await api.create(ROLES, role(RULES), credential=JOE)
        assert refusal.value.message == (
            'roles.rbac.authorization.k8s.io "r" is forbidden: user "joe" (groups=["system:authenticated"]) is '
            "attempting to grant RBAC permissions not currently held:\n"
            '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'
        )
        await api.create(ROLES, role({**RULES, "resources": ["pods"]}), credential=JOE)


async def test_nobody_binds_a_role_that_is_more_than_he_has(sim: Simulation, boot: Any) -> None:
    """Teaches: binding is granting; the verb `bind` on the role is the way out."""
    async with boot(sim) as api:
        await editor_of_roles(api)
        with pytest.raises(ForbiddenError, match=r"is attempting to grant RBAC permissions not currently held"):
            await api.create(ROLE_BINDINGS, binding("ClusterRole", "edit", "ann"), credential=JOE)
        with pytest.raises(NotFoundError, match=r'^roles.rbac.authorization.k8s.io "ghost" not found$'):
            await api.create(ROLE_BINDINGS, binding("Role", "ghost", "ann"), credential=JOE)
        may_bind = {"verbs": ["bind"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"],
                    "resourceNames": ["edit"]}  # fmt: skip
        await api.create(CLUSTER_ROLES, {"metadata": {"name": "binder"}, "rules": [may_bind]})
        bound = binding("ClusterRole", "binder")
        await api.create(CLUSTER_ROLE_BINDINGS, {**bound, "metadata": {"name": "binder"}})
        await asyncio.sleep(0.001)
        await api.create(ROLE_BINDINGS, binding("ClusterRole", "edit", "ann"), credential=JOE)


def request(text: str = "CERTIFICATE REQUEST", **spec: Any) -> Object:
    pem = f"-----BEGIN {text}-----\nMIIB\n-----END {text}-----\n"
    wanted = {
        "request": b64encode(pem.encode()).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
    }
    return {"metadata": {"name": "joe"}, "spec": {**wanted, **spec}}


async def test_a_certificate_request_says_who_sent_it(sim: Simulation, boot: Any) -> None:
    """Teaches: the server writes down the sender, whatever the request claims; and nothing of it changes later."""
    async with boot(sim) as api:
        stored = await api.create(CERTIFICATE_SIGNING_REQUESTS, request(username="root", groups=["x"]))
        assert stored.object["spec"]["username"] == "kubernetes-admin"
        assert stored.object["spec"]["groups"] == ["system:masters", "system:authenticated"]
        patched = await api.call(
            "patch", CERTIFICATE_SIGNING_REQUESTS, "joe", {"spec": {"usages": ["any"]}}, patch_type=MERGE_PATCH
        )
        assert patched.stored.object["spec"]["usages"] == ["client auth"]


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (request("CERTIFICATE"), "PEM block type must be CERTIFICATE REQUEST"),
        (request(usages=[]), "spec.usages: Required value: usages must be provided"),
        (request(expirationSeconds=60), "may not specify a duration less than 600 seconds"),
        (request(signerName="joe"), "must be a fully qualified domain and path"),
    ],
)
async def test_certificate_requests_that_are_refused(sim: Simulation, boot: Any, obj: Object, message: str) -> None:
    """Teaches: what a request must bring."""
    async with boot(sim) as api:
        with pytest.raises(InvalidError) as refusal:
            await api.create(CERTIFICATE_SIGNING_REQUESTS, obj)
        assert message in refusal.value.message


async def test_approving_needs_a_right_for_the_signer(sim: Simulation, boot: Any) -> None:
    """Teaches: who may update approvals still needs `approve` on the signer."""
    async with boot(sim) as api:
        await api.create(CERTIFICATE_SIGNING_REQUESTS, request())
        rule = {
            "verbs": ["patch"],
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["certificatesigningrequests/approval"],
        }
        await api.create(CLUSTER_ROLES, {"metadata": {"name": "approver"}, "rules": [rule]})
        await api.create(CLUSTER_ROLE_BINDINGS, {**binding("ClusterRole", "approver"), "metadata": {"name": "b"}})
        await asyncio.sleep(0.001)
        approved = {"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "r", "message": "m"}]}}
        more = {"subresource": "approval", "patch_type": MERGE_PATCH}
        words = r'user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"$'
        with pytest.raises(ForbiddenError, match=words):
            await api.call("patch", CERTIFICATE_SIGNING_REQUESTS, "joe", approved, credential=JOE, **more)
        response = await api.call("patch", CERTIFICATE_SIGNING_REQUESTS, "joe", approved, **more)
        assert response.stored.object["status"]["conditions"][0]["type"] == "Approved"
