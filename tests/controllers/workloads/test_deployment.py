"""Deployments against a real apiserver: the words and numbers of the recordings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.meta import with_fields
from kubesim.api.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from kubesim.api.stored import Object
from kubesim.controllers.deployment_revision import template_hash
from kubesim.sim import Simulation

Make = Callable[..., Object]
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"


async def change(world: Any, **spec: Any) -> None:
    """Changes fields of the Deployment's spec."""
    await world.client.merge_patch(DEPLOYMENTS, "web", {"spec": spec}, "default")


async def set_image(world: Any, image: str) -> None:
    """`kubectl set image`."""
    await change(world, template={"spec": {"containers": [{"name": "c", "image": image}]}})


def sizes(world: Any) -> dict[str, int]:
    """spec.replicas by image."""
    found = [stored.object["spec"] for stored in world.all(REPLICA_SETS)]
    return {spec["template"]["spec"]["containers"][0]["image"]: spec["replicas"] for spec in found}


def revisions(world: Any) -> dict[str, str]:
    """The revision number by image."""
    return {
        stored.object["spec"]["template"]["spec"]["containers"][0]["image"]: stored.object["metadata"]["annotations"][
            REVISION
        ]
        for stored in world.all(REPLICA_SETS)
    }


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


async def test_a_rolling_update_of_8_never_exceeds_10_nor_falls_below_6(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: 25 % and 25 % of 8, at every single moment; golden/rolling-update-default."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(8))
        await world.run_for(2)
        world.seen.clear()
        await set_image(world, "nginx:2")
        await world.run_for(10)
        assert sizes(world) == {"nginx:1": 0, "nginx:2": 8}
        counts = [
            stored.object["status"] for _, _, stored in world.seen
            if stored.object["kind"] == "Deployment" and stored.object["status"]["observedGeneration"] == 2
        ]  # fmt: skip
        assert max(status["replicas"] for status in counts) == 10
        assert min(status["availableReplicas"] for status in counts) >= 6
        told = world.events("ScalingReplicaSet")
        new, old = (stored.name for stored in reversed(world.all(REPLICA_SETS)))
        assert told[:2] == [f"Scaled up replica set {new} from 0 to 2", f"Scaled down replica set {old} from 8 to 6"]
        assert told[-1].startswith(f"Scaled down replica set {old} from ")
        assert told[-1].endswith(" to 0")
        assert world.story("web", "Progressing") == [
            "True/NewReplicaSetAvailable", "True/NewReplicaSetCreated", "True/ReplicaSetUpdated",
            "True/NewReplicaSetAvailable",
        ]  # fmt: skip


async def test_recreate_starts_the_new_set_when_the_old_pods_have_ended(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: never two versions at once, at the price of a gap."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(3, strategy={"type": "Recreate"}))
        await world.run_for(1)
        world.seen.clear()
        await set_image(world, "nginx:2")
        await world.run_for(5)
        ended = [at for at, _, stored in world.seen if stored.object.get("status", {}).get("phase") == "Succeeded"]
        begun = [at for at, verb, stored in world.seen if stored.object["kind"] == "Pod" and verb == "ADDED"]
        assert len(begun) == 3
        assert begun[0] >= sorted(ended)[2]
        old, new = (stored.name for stored in world.all(REPLICA_SETS))
        assert world.events("ScalingReplicaSet") == [
            f"Scaled down replica set {old} from 3 to 0",
            f"Scaled up replica set {new} from 0 to 3",
        ]
        assert world.story("web", "Available") == [
            "True/MinimumReplicasAvailable", "False/MinimumReplicasUnavailable", "True/MinimumReplicasAvailable",
        ]  # fmt: skip


async def test_scaling_changes_one_set_and_flips_available(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: 3 of 10 are too few for a moment, so Available is False until the new ones are ready."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(3))
        await world.run_for(1)
        world.seen.clear()
        await change(world, replicas=10)
        await world.run_for(0.1)
        first, second = [stored.object["status"] for _, _, stored in world.seen if stored.name == "web"][1:3]
        assert (first["observedGeneration"], "unavailableReplicas" in first) == (2, False)  # Of before it was scaled.
        assert second["unavailableReplicas"] == 7
        await world.run_for(2)
        await change(world, replicas=2)
        await world.run_for(2)
        name = world.all(REPLICA_SETS)[0].name
        assert world.events("ScalingReplicaSet") == [
            f"Scaled up replica set {name} from 3 to 10",
            f"Scaled down replica set {name} from 10 to 2",
        ]
        assert world.story("web", "Available")[:3] == [
            "True/MinimumReplicasAvailable", "False/MinimumReplicasUnavailable", "True/MinimumReplicasAvailable",
        ]  # fmt: skip
        assert world.story("web", "Progressing") == ["True/NewReplicaSetAvailable"]
        assert len(world.active()) == 2
        annotations = world.all(REPLICA_SETS)[0].object["metadata"]["annotations"]
        assert annotations["deployment.kubernetes.io/desired-replicas"] == "2"


async def test_scaling_down_thins_out_the_crowded_node(sim: Simulation, make_world: Any, make_deployment: Make) -> None:
    """Teaches: of three Pods on node-1 and one on node-2, one each stays."""
    async with make_world(sim) as world:
        world.nodes.places = ("node-1", "node-1", "node-1", "node-2")
        await world.client.create(DEPLOYMENTS, make_deployment(4))
        await world.run_for(1)
        await change(world, replicas=2)
        await world.run_for(1)
        assert sorted(pod.object["spec"]["nodeName"] for pod in world.all(PODS)) == ["node-1", "node-2"]
        assert len(world.events("SuccessfulDelete")) == 2


async def test_a_stuck_rollout_exceeds_its_deadline_and_undo_repairs_it(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: golden/rollout-stuck: 3 old ones serve on; nothing but a condition tells; undo makes revision 3."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(4, progressDeadlineSeconds=20))
        await world.run_for(2)
        template = world.one(DEPLOYMENTS, "web")["spec"]["template"]
        world.seen.clear()
        await set_image(world, "broken")
        await world.run_for(19.9)
        assert sizes(world) == {"nginx:1": 3, "broken": 2}
        assert world.story("web", "Progressing")[-1] == "True/ReplicaSetUpdated"
        await world.run_for(1.2)
        assert world.story("web", "Progressing")[-1] == "False/ProgressDeadlineExceeded"
        world.seen.clear()
        await change(world, template=template)
        await world.run_for(2)
        assert sizes(world) == {"nginx:1": 4, "broken": 0}
        assert world.story("web", "Progressing") == [
            "False/ProgressDeadlineExceeded", "True/ReplicaSetUpdated", "True/NewReplicaSetAvailable",
        ]  # fmt: skip
        assert revisions(world) == {"nginx:1": "3", "broken": "2"}
        assert world.one(DEPLOYMENTS, "web")["metadata"]["annotations"][REVISION] == "3"


async def test_going_back_twice_keeps_the_history(sim: Simulation, make_world: Any, make_deployment: Make) -> None:
    """Teaches: an old set gets a new number and remembers the old ones; it is never said to be created."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(3))
        for image in ("nginx:2", "nginx:1", "nginx:2"):
            await world.run_for(5)
            world.seen.clear()
            await set_image(world, image)
        await world.run_for(5)
        assert revisions(world) == {"nginx:1": "3", "nginx:2": "4"}
        histories = [stored.object["metadata"]["annotations"][HISTORY] for stored in world.all(REPLICA_SETS)]
        assert sorted(histories) == ["1", "2"]
        assert world.story("web", "Progressing") == [
            "True/NewReplicaSetAvailable", "True/ReplicaSetUpdated", "True/NewReplicaSetAvailable",
        ]  # fmt: skip


async def test_a_paused_deployment_scales_but_does_not_roll(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: collect several changes, then resume and roll out once."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(3))
        await world.run_for(1)
        await change(world, paused=True)
        await world.run_for(1)
        assert world.story("web", "Progressing")[-1] == "Unknown/DeploymentPaused"
        await set_image(world, "nginx:2")
        await change(world, replicas=4)
        await world.run_for(2)
        assert sizes(world) == {"nginx:1": 4}
        world.seen.clear()
        await change(world, paused=None)
        await world.run_for(5)
        assert sizes(world) == {"nginx:1": 0, "nginx:2": 4}
        assert world.story("web", "Progressing")[:3] == [
            "Unknown/DeploymentPaused", "Unknown/DeploymentResumed", "True/NewReplicaSetCreated",
        ]  # fmt: skip


async def test_old_sets_beyond_the_history_limit_are_deleted(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: revisionHistoryLimit is how far back one can undo."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(1, revisionHistoryLimit=1))
        for image in ("nginx:2", "nginx:3", "nginx:4"):
            await world.run_for(3)
            await set_image(world, image)
        await world.run_for(3)
        assert revisions(world) == {"nginx:3": "3", "nginx:4": "4"}


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
        await change(world, paused=None)
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


async def test_scaling_in_the_middle_of_a_rollout_keeps_both_versions_in_proportion(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: the example of the documentation: 10 replicas, stuck at 8 and 5, become 11 and 7 of 15."""
    async with make_world(sim) as world:
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
        await world.client.create(DEPLOYMENTS, make_deployment(10, strategy=rolling))
        await world.run_for(2)
        await set_image(world, "broken")
        await world.run_for(2)
        assert sizes(world) == {"nginx:1": 8, "broken": 5}
        await change(world, replicas=15)
        await world.run_for(0.1)
        assert sizes(world) == {"nginx:1": 11, "broken": 7}


async def test_min_ready_seconds_reach_the_set_without_a_new_rollout(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: only the template makes a new revision."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(1))
        await world.run_for(1)
        await change(world, minReadySeconds=5)
        await world.run_for(1)
        assert [stored.object["spec"]["minReadySeconds"] for stored in world.all(REPLICA_SETS)] == [5]
        assert revisions(world) == {"nginx:1": "1"}
