"""Admission plugins, each through a whole request."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError
from kubesim.api.meta import with_fields
from kubesim.api.resources import (
    CONFIG_MAPS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    PRIORITY_CLASSES,
    SERVICE_ACCOUNTS,
)
from kubesim.api.stored import Object
from kubesim.api.wire import ClientCertificate
from kubesim.apiserver.admission import AdmissionPlugin
from kubesim.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from kubesim.apiserver.admission.plugin import Attributes, Target
from kubesim.sim import Simulation

N1 = ClientCertificate("system:node:n1", ("system:nodes",))


def pod_body(name: str = "p", **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


# -- NamespaceLifecycle -------------------------------------------------------------------------------------


async def test_nothing_new_comes_into_a_namespace_that_is_being_emptied(sim: Simulation, boot: Any) -> None:
    """Teaches: else it could never be emptied; the cause says so in a form that programs can read."""
    async with boot(sim) as api:
        await api.create(NAMESPACES, {"metadata": {"name": "dev"}})
        await api.create(CONFIG_MAPS, {"metadata": {"name": "old"}}, namespace="dev")
        await api.delete(NAMESPACES, "dev")
        with pytest.raises(ForbiddenError) as refusal:
            await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}}, namespace="dev")
        assert str(refusal.value) == (
            'configmaps "a" is forbidden: unable to create new content in namespace dev because it is being terminated'
        )
        assert refusal.value.status()["details"]["causes"] == [
            {
                "reason": "NamespaceTerminating",
                "message": "namespace dev is being terminated",
                "field": "metadata.namespace",
            }
        ]
        await api.patch(CONFIG_MAPS, "old", {"data": {"still": "possible"}}, namespace="dev")


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
async def test_some_namespaces_are_immortal(sim: Simulation, boot: Any, name: str) -> None:
    """Teaches: the cluster lives in them."""
    async with boot(sim) as api:
        with pytest.raises(ForbiddenError) as refusal:
            await api.delete(NAMESPACES, name)
        assert str(refusal.value) == f'namespaces "{name}" is forbidden: this namespace may not be deleted'


# -- ServiceAccount -----------------------------------------------------------------------------------------


async def test_a_pod_cannot_come_before_its_service_account(sim: Simulation, boot: Any) -> None:
    """Teaches: why the first Pods of a new namespace may be refused for a moment."""
    async with boot(sim) as api:
        with pytest.raises(ForbiddenError) as refusal:
            await api.create(PODS, pod_body())
        assert str(refusal.value) == (
            'pods "p" is forbidden: error looking up service account default/default: '
            'serviceaccount "default" not found'
        )
        generated = {"metadata": {"generateName": "web-"}, "spec": {"serviceAccountName": "nosuch"}}
        with pytest.raises(ForbiddenError, match=r'^pods "web-" is forbidden: .*serviceaccount "nosuch" not found$'):
            await api.create(PODS, generated)


async def test_a_pod_gets_its_account_and_a_token_to_prove_it(sim: Simulation, boot: Any) -> None:
    """Teaches: the projected volume kube-api-access-xxxxx: token, CA, namespace, as a real Pod has it."""
    async with boot(sim) as api:
        await api.account()
        init = [{"name": "i", "image": "i"}]
        spec = (await api.create(PODS, pod_body(initContainers=init))).object["spec"]
        assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
        (volume,) = spec["volumes"]
        assert volume["name"].startswith("kube-api-access-")
        assert len(volume["name"]) == len("kube-api-access-") + 5
        assert volume["projected"] == {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {
                    "downwardAPI": {
                        "items": [
                            {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
                        ]
                    }
                },
            ],
            "defaultMode": 420,
        }
        mount = {
            "name": volume["name"],
            "readOnly": True,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }
        assert spec["containers"][0]["volumeMounts"] == [mount]
        assert spec["initContainers"][0]["volumeMounts"] == [mount]


async def test_the_token_stays_away_where_it_is_not_wanted(sim: Simulation, boot: Any) -> None:
    """Teaches: the Pod's word counts before the account's."""
    async with boot(sim) as api:
        quiet = {"metadata": {"name": "quiet"}, "automountServiceAccountToken": False,
                 "imagePullSecrets": [{"name": "pull"}]}  # fmt: skip
        await api.create(SERVICE_ACCOUNTS, quiet)
        spec = (await api.create(PODS, pod_body("a", serviceAccountName="quiet"))).object["spec"]
        assert "volumes" not in spec
        assert spec["imagePullSecrets"] == [{"name": "pull"}]
        loud = pod_body("b", serviceAccountName="quiet", automountServiceAccountToken=True)
        assert "volumes" in (await api.create(PODS, loud)).object["spec"]


async def test_a_container_that_mounts_its_own_token_is_left_alone(sim: Simulation, boot: Any) -> None:
    """Teaches: admission completes, it does not overrule."""
    async with boot(sim) as api:
        await api.account()
        mount = {"name": "mine", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
        body = pod_body(volumes=[{"name": "mine", "emptyDir": {}}])
        body["spec"]["containers"] = [{"name": "c", "image": "i", "volumeMounts": [mount]}]
        spec = (await api.create(PODS, body)).object["spec"]
        assert [volume["name"] for volume in spec["volumes"]] == ["mine"]


# -- DefaultTolerationSeconds -------------------------------------------------------------------------------


async def test_a_pod_is_patient_with_its_node_for_five_minutes(sim: Simulation, boot: Any) -> None:
    """Teaches: where the 300 seconds before an eviction come from."""
    async with boot(sim) as api:
        tolerations = (await api.pod()).object["spec"]["tolerations"]
        assert tolerations == [
            {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in ("not-ready", "unreachable")
        ]


async def test_a_pod_with_patience_of_its_own_keeps_it(sim: Simulation, boot: Any) -> None:
    """Teaches: only what is missing is added; a toleration of everything misses nothing."""
    async with boot(sim) as api:
        own = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
               "tolerationSeconds": 5}  # fmt: skip
        tolerations = (await api.pod("a", tolerations=[own])).object["spec"]["tolerations"]
        assert [(t["key"], t["tolerationSeconds"]) for t in tolerations] == [
            ("node.kubernetes.io/unreachable", 5), ("node.kubernetes.io/not-ready", 300),
        ]  # fmt: skip
        everything = [{"operator": "Exists"}]
        assert (await api.pod("b", tolerations=everything)).object["spec"]["tolerations"] == everything


# -- Priority -----------------------------------------------------------------------------------------------


async def test_a_priority_class_becomes_a_number(sim: Simulation, boot: Any) -> None:
    """Teaches: scheduler and kubelet compare numbers; classes are for people."""
    async with boot(sim) as api:
        await api.create(PRIORITY_CLASSES, {"metadata": {"name": "high"}, "value": 1000, "preemptionPolicy": "Never"})
        plain = (await api.pod("a")).object["spec"]
        assert (plain["priority"], plain["preemptionPolicy"]) == (0, "PreemptLowerPriority")
        assert "priorityClassName" not in plain
        high = (await api.pod("b", priorityClassName="high")).object["spec"]
        assert (high["priority"], high["preemptionPolicy"]) == (1000, "Never")
        system = (await api.pod("c", priorityClassName="system-node-critical")).object["spec"]
        assert system["priority"] == 2000001000
        with pytest.raises(ForbiddenError, match=r'^pods "d" is forbidden: no PriorityClass with name no was found$'):
            await api.pod("d", priorityClassName="no")
        with pytest.raises(ForbiddenError) as refusal:
            await api.pod("e", priorityClassName="high", priority=7)
        assert str(refusal.value) == (
            'pods "e" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority '
            "admission controller computed 1000 from the given PriorityClass name"
        )


async def test_one_class_may_be_everybodys(sim: Simulation, boot: Any) -> None:
    """Teaches: globalDefault; Pods that exist keep what they have."""
    async with boot(sim) as api:
        await api.create(PRIORITY_CLASSES, {"metadata": {"name": "usual"}, "value": 10, "globalDefault": True})
        spec = (await api.pod()).object["spec"]
        assert (spec["priority"], spec["priorityClassName"]) == (10, "usual")


# -- TaintNodesByCondition ----------------------------------------------------------------------------------


async def test_a_new_node_takes_no_pods_yet(sim: Simulation, boot: Any) -> None:
    """Teaches: not-ready NoSchedule until the node lifecycle controller finds it ready."""
    async with boot(sim) as api:
        assert (await api.node()).object["spec"] == {
            "taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
        }
        own = {"key": "a", "effect": "NoExecute"}
        node = await api.create(NODES, {"metadata": {"name": "n2"}, "spec": {"taints": [own]}})
        assert [taint["key"] for taint in node.object["spec"]["taints"]] == ["a", "node.kubernetes.io/not-ready"]


# -- NodeRestriction ----------------------------------------------------------------------------------------


async def test_a_kubelet_registers_and_writes_its_own_node(sim: Simulation, boot: Any) -> None:
    """Teaches: its own name, and no taints of its own choice afterwards."""
    async with boot(sim) as api:
        made = await api.create(NODES, {"metadata": {"name": "n1"}}, credential=N1)
        with pytest.raises(ForbiddenError) as refusal:
            await api.create(NODES, {"metadata": {"name": "n2"}}, credential=N1)
        assert str(refusal.value) == 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"'
        status = {"status": {"capacity": {"cpu": "4"}}}
        await api.patch(NODES, "n1", status, subresource="status", credential=N1)
        untainted = with_fields(made.object, {"taints": None, "providerID": "x"}, "spec")
        untainted = with_fields(untainted, {"resourceVersion": None}, "metadata")
        with pytest.raises(ForbiddenError) as refusal:
            await api.update(NODES, untainted, credential=N1)
        assert str(refusal.value) == 'nodes "n1" is forbidden: node "n1" is not allowed to modify taints'
        with pytest.raises(ForbiddenError):
            await api.delete(NODES, "n1", credential=N1)


async def test_a_kubelet_touches_only_pods_that_are_bound_to_it(sim: Simulation, boot: Any) -> None:
    """Teaches: status and deletion of its own Pods, and mirror Pods: nothing else."""
    async with boot(sim) as api:
        await api.pod("mine", node="n1")
        await api.pod("theirs", node="n2")
        running = {"status": {"phase": "Running"}}
        await api.patch(PODS, "mine", running, subresource="status", credential=N1)
        with pytest.raises(ForbiddenError) as refusal:
            await api.patch(PODS, "theirs", running, subresource="status", credential=N1)
        assert str(refusal.value) == (
            'pods "theirs" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself'
        )
        await api.delete(PODS, "mine", {"gracePeriodSeconds": 0}, credential=N1)
        with pytest.raises(ForbiddenError) as refusal:
            await api.delete(PODS, "theirs", {"gracePeriodSeconds": 0}, credential=N1)
        assert str(refusal.value) == (
            'pods "theirs" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself'
        )
        with pytest.raises(ForbiddenError) as refusal:
            await api.create(PODS, pod_body(nodeName="n1"), credential=N1)
        assert str(refusal.value) == (
            'pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, '
            'node "n1" can only create mirror pods'
        )
        mirror = with_fields(pod_body(nodeName="n1"), {"annotations": {"kubernetes.io/config.mirror": "x"}}, "metadata")
        assert "serviceAccountName" not in (await api.create(PODS, mirror, credential=N1)).object["spec"]


async def test_a_kubelet_renews_only_its_own_lease(sim: Simulation, boot: Any) -> None:
    """Teaches: a heartbeat cannot be faked for another node."""
    async with boot(sim) as api:
        lease = {"metadata": {"name": "n1"}, "spec": {"holderIdentity": "n1", "leaseDurationSeconds": 40}}
        await api.create(LEASES, lease, namespace="kube-node-lease", credential=N1)
        with pytest.raises(ForbiddenError) as refusal:
            await api.create(LEASES, {"metadata": {"name": "n2"}}, namespace="kube-node-lease", credential=N1)
        assert str(refusal.value) == (
            'leases.coordination.k8s.io "n2" is forbidden: '
            "can only access node lease with the same name as the requesting node"
        )
        with pytest.raises(ForbiddenError, match='cannot create resource "leases"'):
            await api.create(LEASES, lease, credential=N1)


# -- the chain itself ---------------------------------------------------------------------------------------


class NoSecrets(AdmissionPlugin):
    """A rule of somebody's own."""

    name = "NoSecrets"

    def handles(self, target: Target) -> bool:
        return target.resource == CONFIG_MAPS

    def validate(self, attributes: Attributes) -> None:
        if "password" in (attributes.obj.get("data") or {}):
            raise attributes.refuse("passwords do not belong here")


async def test_plugins_can_be_chosen_and_added(sim: Simulation, boot: Any) -> None:
    """Teaches: a plugin is a small class in one visible list."""
    async with boot(sim, plugins=(NamespaceLifecycle, NoSecrets)) as api:
        pod = await api.create(PODS, pod_body())
        assert "tolerations" not in pod.object["spec"], "no such plugin, no such effect"
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        with pytest.raises(ForbiddenError, match=r'^configmaps "a" is forbidden: passwords do not belong here$'):
            await api.patch(CONFIG_MAPS, "a", {"data": {"password": "x"}})
