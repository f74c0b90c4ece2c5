"""Deployments against a real apiserver: the words and numbers of the recordings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.errors import ForbiddenError
from kubesim.api.meta import with_fields
from kubesim.api.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from kubesim.api.stored import Object
from kubesim.client.events import EventRecorder
from kubesim.controllers.deployment_revision import template_hash
from kubesim.controllers.new_replica_set import sync_new_set
from kubesim.controllers.rollout import Rollout
from kubesim.sim import Simulation

Make = Callable[..., Object]
REVISION = "deployment.kubernetes.io/revision"


async def test_a_new_deployment_tells_its_story(sim: Simulation, make_world: Any, make_deployment: Make) -> None:
    """Teaches: one ReplicaSet, named after the template, sized at once; conditions as in golden/deployment-of-3."""
    async with make_world(sim) as world:
        created = await world.client.create(DEPLOYMENTS, make_deployment(3))
        await world.run_for(1)
        hash_ = template_hash(created.object["spec"]["template"], None)
        (replica_set,) = world.all(REPLICA_SETS)
        assert replica_set.name == f"web-{hash_}"
        assert replica_set.object["metadata"]["labels"] == {"app": "web", "pod-template-hash": hash_}
        assert replica_set.object["metadata"]["annotations"] == {
            "deployment.kubernetes.io/desired-replicas": "3",
            "deployment.kubernetes.io/max-replicas": "4",
            REVISION: "1",
        }
        assert world.events("ScalingReplicaSet") == [f"Scaled up replica set web-{hash_} from 0 to 3"]
        assert world.story("web", "Progressing") == [
            "True/NewReplicaSetCreated", "True/ReplicaSetUpdated", "True/NewReplicaSetAvailable",
        ]  # fmt: skip
        assert world.story("web", "Available") == ["False/MinimumReplicasUnavailable", "True/MinimumReplicasAvailable"]
        deployment = world.one(DEPLOYMENTS, "web")
        assert deployment["metadata"]["annotations"] == {REVISION: "1"}
        assert deployment["metadata"]["generation"] == 1
        status = {name: value for name, value in deployment["status"].items() if name != "conditions"}
        assert status == {
            "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "terminatingReplicas": 0,
        }  # fmt: skip


async def test_a_taken_name_counts_as_a_hash_collision(sim: Simulation, make_world: Any, make_deployment: Make) -> None:
    """Teaches: what collisionCount is for; the next hash is another one."""
    async with make_world(sim) as world:
        paused = await world.client.create(DEPLOYMENTS, make_deployment(1, paused=True))
        hash_ = template_hash(paused.object["spec"]["template"], None)
        stranger = make_deployment(0, "other", selector={"matchLabels": {"app": "db"}})
        template = with_fields(stranger["spec"]["template"], {"labels": {"app": "db"}}, "metadata")
        stranger = with_fields(
            with_fields(stranger, {"name": f"web-{hash_}"}, "metadata"), {"template": template}, "spec"
        )
        await world.client.create(REPLICA_SETS, {**stranger, "kind": "ReplicaSet"})
        await world.change(paused=None)
        await world.run_for(2)
        assert world.one(DEPLOYMENTS, "web")["status"]["collisionCount"] == 1
        names = [stored.name for stored in world.all(REPLICA_SETS)]
        assert len(names) == 2
        assert f"web-{template_hash(paused.object['spec']['template'], 1)}" in names


async def test_a_matching_orphan_set_is_adopted_and_found(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: after `delete --cascade=orphan`, creating the Deployment again takes its Pods over untouched."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(2))
        await world.run_for(1)
        await world.client.delete(DEPLOYMENTS, "web", "default", propagation_policy="Background")
        (left,) = world.all(REPLICA_SETS)
        await world.client.merge_patch(REPLICA_SETS, left.name, {"metadata": {"ownerReferences": None}}, "default")
        pods = [pod.uid for pod in world.all(PODS)]
        await world.run_for(0.1)
        world.seen.clear()
        await world.client.create(DEPLOYMENTS, make_deployment(2))
        await world.run_for(1)
        assert [pod.uid for pod in world.all(PODS)] == pods
        assert [stored.uid for stored in world.all(REPLICA_SETS)] == [left.uid]
        assert world.story("web", "Progressing")[0] == "True/FoundNewReplicaSet"


async def test_min_ready_seconds_reach_the_set_without_a_new_rollout(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: only the template makes a new revision."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(1))
        await world.run_for(1)
        await world.change(minReadySeconds=5)
        await world.run_for(1)
        assert [stored.object["spec"]["minReadySeconds"] for stored in world.all(REPLICA_SETS)] == [5]
        assert world.revisions() == {"nginx:1": "1"}


async def test_a_set_that_the_cache_does_not_show_yet_is_taken_not_made_twice(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: names made from the template's hash make creation repeatable."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(2))
        await world.run_for(1)
        deployment = await world.client.get(DEPLOYMENTS, "web", "default")
        blind = Rollout(world.client, EventRecorder(sim, world.client, "test"), sim.clock, deployment, ())
        assert blind.new is None
        await sync_new_set(blind, create=True)
        assert blind.new is not None
        assert [stored.uid for stored in world.all(REPLICA_SETS)] == [blind.new.uid]
        assert "collisionCount" not in world.one(DEPLOYMENTS, "web")["status"]


async def test_a_set_that_cannot_be_made_is_reported(sim: Simulation, make_world: Any, make_deployment: Make) -> None:
    """Teaches: Progressing False with the apiserver's own words; it clears up by itself."""
    async with make_world(sim) as world:
        world.refuse(ForbiddenError("no sets today"), "create", REPLICA_SETS)
        created = await world.client.create(DEPLOYMENTS, make_deployment(1))
        await world.run_for(1)
        name = f"web-{template_hash(created.object['spec']['template'], None)}"
        (condition,) = world.one(DEPLOYMENTS, "web")["status"]["conditions"]
        assert (condition["status"], condition["reason"]) == ("False", "ReplicaSetCreateError")
        assert condition["message"] == f'Failed to create new replica set "{name}": no sets today'
        assert condition["message"] in world.events("ReplicaSetCreateError")
        world.refuse(ForbiddenError(""), "create", PODS, times=0)
        await world.run_for(5)
        assert world.story("web", "Progressing")[-1] == "True/NewReplicaSetAvailable"


async def test_pods_that_cannot_be_made_show_on_the_deployment(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: ReplicaFailure travels from the set to the Deployment and goes away again."""
    async with make_world(sim) as world:
        world.refuse(ForbiddenError("exceeded quota: q"), "create", PODS)
        await world.client.create(DEPLOYMENTS, make_deployment(2))
        await world.run_for(1)
        assert world.story("web", "ReplicaFailure") == ["True/FailedCreate"]
        world.refuse(ForbiddenError(""), "create", PODS, times=0)
        await world.run_for(5)
        types = {condition["type"] for condition in world.one(DEPLOYMENTS, "web")["status"]["conditions"]}
        assert types == {"Available", "Progressing"}


async def test_a_deployment_that_is_being_deleted_only_reports(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: no new revision for one that is going; foreground deletion relies on it."""
    async with make_world(sim) as world:
        held = make_deployment(2)
        held = {**held, "metadata": {**held["metadata"], "finalizers": ["example.com/hold"]}}
        await world.client.create(DEPLOYMENTS, held)
        await world.run_for(1)
        await world.client.delete(DEPLOYMENTS, "web", "default", propagation_policy="Background")
        await world.set_image("nginx:2")
        await world.run_for(1)
        assert world.sizes() == {"nginx:1": 2}
        deployment = world.one(DEPLOYMENTS, "web")
        assert deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"]


async def test_annotations_of_the_deployment_reach_the_set(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: kubernetes.io/change-cause, for `rollout history`; no new revision for it."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(1))
        await world.run_for(1)
        cause = {"metadata": {"annotations": {"kubernetes.io/change-cause": "because"}}}
        await world.client.merge_patch(DEPLOYMENTS, "web", cause, "default")
        await world.run_for(1)
        (stored,) = world.all(REPLICA_SETS)
        assert stored.object["metadata"]["annotations"]["kubernetes.io/change-cause"] == "because"
        assert world.revisions() == {"nginx:1": "1"}
