"""binding, eviction, scale, finalize: parts of objects with a meaning of their own."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import BadRequestError, ConflictError, ForbiddenError, InvalidError, NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import (
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    SERVICE_ACCOUNTS,
)
from kubesim.api.wire import DELETED, JSON_PATCH, MERGE_PATCH, MODIFIED
from kubesim.sim import Simulation

# -- binding ------------------------------------------------------------------------------------------------


async def test_a_binding_sets_the_node_and_the_condition(sim: Simulation, boot: Any) -> None:
    """Teaches: nodeName and PodScheduled change in one write; the generation does not."""
    async with boot(sim) as api:
        made = await api.pod()
        response = await api.bind("web", "n1", made.uid)
        assert (response.code, response.status["status"]) == (201, "Success")
        pod = (await api.get(PODS, "web")).object
        assert pod["spec"]["nodeName"] == "n1"
        assert pod["metadata"]["generation"] == 1
        assert pod["status"] == {
            "phase": "Pending",
            "qosClass": "BestEffort",
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "True",
                    "lastProbeTime": None,
                    "lastTransitionTime": "2024-01-13T09:00:00Z",
                }
            ],
        }


async def test_a_pod_is_bound_once(sim: Simulation, boot: Any) -> None:
    """Teaches: two schedulers cannot send one Pod to two nodes."""
    async with boot(sim) as api:
        await api.pod("web-1")
        await api.bind("web-1", "n1")
        with pytest.raises(ConflictError) as refusal:
            await api.bind("web-1", "n2")
        assert str(refusal.value) == (
            'Operation cannot be fulfilled on pods/binding "web-1": pod web-1 is already assigned to node "n1"'
        )


async def test_a_binding_means_one_very_pod(sim: Simulation, boot: Any) -> None:
    """Teaches: the uid keeps a late binding from hitting a namesake; a dying Pod is not bound."""
    async with boot(sim) as api:
        await api.pod()
        with pytest.raises(ConflictError, match="Precondition failed: UID in precondition: other"):
            await api.bind("web", "n1", "other")
        with pytest.raises(NotFoundError, match=r'^pods "gone" not found$'):
            await api.bind("gone", "n1")
        await api.patch(PODS, "web", {"metadata": {"finalizers": ["example.com/hold"]}})
        await api.delete(PODS, "web")
        with pytest.raises(ConflictError, match=r"pod web is being deleted, cannot be assigned to a host$"):
            await api.bind("web", "n1")


async def test_a_failed_attempt_is_overwritten_by_success(sim: Simulation, boot: Any) -> None:
    """Teaches: PodScheduled=False and the nomination go when the Pod is bound; other conditions stay in place."""
    async with boot(sim) as api:
        await api.pod()
        failed = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        other = {"type": "Other", "status": "True"}
        status = {"status": {"conditions": [failed, other], "nominatedNodeName": "n9"}}
        await api.patch(PODS, "web", status, subresource="status")
        await api.bind("web", "n1")
        after = (await api.get(PODS, "web")).object["status"]
        assert [(c["type"], c["status"]) for c in after["conditions"]] == [("PodScheduled", "True"), ("Other", "True")]
        assert "reason" not in after["conditions"][0]
        assert "nominatedNodeName" not in after


async def test_a_binding_needs_a_node(sim: Simulation, boot: Any) -> None:
    """Teaches: bindings are validated too."""
    async with boot(sim) as api:
        await api.pod()
        with pytest.raises(InvalidError, match=r'^Binding "web" is invalid: target.name: Required value$'):
            await api.bind("web", "")
        body = {"metadata": {"name": "other"}, "target": {"name": "n1"}}
        with pytest.raises(BadRequestError, match=r"^name in URL does not match name in Binding object$"):
            await api.call("create", PODS, "web", body, subresource="binding")
        body = {"metadata": {"name": "web"}, "target": {"kind": "Rack", "name": "n1"}}
        with pytest.raises(InvalidError, match=r'target.kind: Unsupported value: "Rack"'):
            await api.call("create", PODS, "web", body, subresource="binding")


# -- eviction -----------------------------------------------------------------------------------------------


async def test_an_eviction_deletes_with_grace(sim: Simulation, boot: Any) -> None:
    """Teaches: eviction is deletion by the official way, which budgets can close."""
    async with boot(sim) as api:
        await api.pod(node="n1")
        body = {"metadata": {"name": "web"}, "deleteOptions": {"gracePeriodSeconds": 7}}
        assert (await api.call("create", PODS, "web", body, subresource="eviction")).code == 201
        assert (await api.get(PODS, "web")).object["metadata"]["deletionGracePeriodSeconds"] == 7
        with pytest.raises(BadRequestError, match=r"^name in URL does not match name in Eviction object$"):
            await api.call("create", PODS, "web", {"metadata": {"name": "x"}}, subresource="eviction")


async def test_nothing_is_evicted_in_a_terminating_namespace(sim: Simulation, boot: Any) -> None:
    """Teaches: an eviction is a creation of sorts, and those are forbidden there."""
    async with boot(sim) as api:
        await api.create(NAMESPACES, {"metadata": {"name": "dev"}})
        await api.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, namespace="dev")
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "n1"}}
        await api.create(PODS, pod, namespace="dev")
        await api.delete(NAMESPACES, "dev")
        with pytest.raises(ForbiddenError, match=r"because it is being terminated$"):
            await api.call("create", PODS, "p", {"metadata": {"name": "p"}}, namespace="dev", subresource="eviction")


# -- scale --------------------------------------------------------------------------------------------------


async def test_a_scale_is_another_view_of_the_object(sim: Simulation, boot: Any) -> None:
    """Teaches: autoscaling/v1 Scale: who scales need not know what."""
    async with boot(sim) as api:
        made = await api.deployment()
        scale = (await api.get(DEPLOYMENTS, "web", subresource="scale")).object
        assert scale == {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {
                "name": "web",
                "namespace": "default",
                "uid": made.uid,
                "resourceVersion": str(made.revision),
                "creationTimestamp": "2024-01-13T09:00:00Z",
            },
            "spec": {"replicas": 3},
            "status": {"replicas": 0, "selector": "app=web"},
        }
        changed = await api.update(DEPLOYMENTS, with_fields(scale, {"replicas": 5}, "spec"), subresource="scale")
        assert changed.object["spec"] == {"replicas": 5}
        assert (await api.get(DEPLOYMENTS, "web")).object["spec"]["replicas"] == 5
        assert (await api.get(DEPLOYMENTS, "web")).object["metadata"]["generation"] == 2
        with pytest.raises(ConflictError):
            await api.update(DEPLOYMENTS, with_fields(scale, {"replicas": 7}, "spec"), subresource="scale")


async def test_a_scale_can_be_patched(sim: Simulation, boot: Any) -> None:
    """Teaches: kubectl scale sends a merge patch; zero replicas is a number too."""
    async with boot(sim) as api:
        await api.deployment()
        await api.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 0}}, MERGE_PATCH, subresource="scale")
        assert (await api.get(DEPLOYMENTS, "web")).object["spec"]["replicas"] == 0
        operation = [{"op": "add", "path": "/spec/replicas", "value": 2}]
        await api.patch(DEPLOYMENTS, "web", operation, JSON_PATCH, subresource="scale")
        assert (await api.get(DEPLOYMENTS, "web")).object["spec"]["replicas"] == 2
        with pytest.raises(InvalidError) as refusal:
            await api.patch(DEPLOYMENTS, "web", {"spec": {"replicas": -1}}, subresource="scale")
        assert str(refusal.value) == (
            'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
        )


async def test_everything_with_replicas_can_be_scaled(sim: Simulation, boot: Any) -> None:
    """Teaches: one verb for Deployments, ReplicaSets, StatefulSets and ReplicationControllers."""
    async with boot(sim) as api:
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        for resource, selector in ((REPLICA_SETS, {"matchLabels": {"a": "b"}}), (REPLICATION_CONTROLLERS, {"a": "b"})):
            spec = {"replicas": 1, "selector": selector, "template": template}
            await api.create(resource, {"metadata": {"name": "r"}, "spec": spec})
            scale = await api.patch(resource, "r", {"spec": {"replicas": 4}}, subresource="scale")
            assert scale.object["status"]["selector"] == "a=b"
            assert (await api.get(resource, "r")).object["spec"]["replicas"] == 4
        with pytest.raises(NotFoundError):
            await api.get(DEPLOYMENTS, "nosuch", subresource="scale")


# -- finalize -----------------------------------------------------------------------------------------------


async def test_a_namespace_ends_when_it_is_finalized(sim: Simulation, boot: Any, drained: Any) -> None:
    """Teaches: Terminating first; the namespace controller empties it, then takes `kubernetes` away."""
    async with boot(sim) as api:
        made = await api.create(NAMESPACES, {"metadata": {"name": "dev"}})
        stream = await api.watch(NAMESPACES, resource_version=str(made.revision))
        dying = (await api.delete(NAMESPACES, "dev")).stored
        assert dying.object["status"] == {"phase": "Terminating"}
        assert dying.object["metadata"]["deletionTimestamp"] == "2024-01-13T09:00:00Z"
        assert "deletionGracePeriodSeconds" not in dying.object["metadata"]
        assert (await api.delete(NAMESPACES, "dev")).stored is dying
        emptied = with_fields(dying.object, {"finalizers": []}, "spec")
        await api.update(NAMESPACES, emptied, subresource="finalize")
        assert [event.type for event in await drained(stream)] == [MODIFIED, DELETED]
        with pytest.raises(NotFoundError):
            await api.get(NAMESPACES, "dev")


async def test_finalizers_of_the_content_change_only_through_finalize(sim: Simulation, boot: Any) -> None:
    """Teaches: a PUT cannot end a namespace; a live one may be finalized without ending."""
    async with boot(sim) as api:
        made = await api.create(NAMESPACES, {"metadata": {"name": "dev"}})
        changed = await api.update(NAMESPACES, with_fields(made.object, {"finalizers": []}, "spec"))
        assert changed.object["spec"] == {"finalizers": ["kubernetes"]}
        bare = await api.update(
            NAMESPACES, with_fields(made.object, {"finalizers": []}, "spec"), subresource="finalize"
        )
        assert not (bare.object.get("spec") or {}).get("finalizers")
        assert (await api.get(NAMESPACES, "dev")).object["status"] == {"phase": "Active"}
