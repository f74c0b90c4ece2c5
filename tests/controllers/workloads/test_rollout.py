"""Rollouts: from one template to the next, from one size to another, against a real apiserver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from kubesim.api.stored import Object
from kubesim.sim import Simulation, run

Make = Callable[..., Object]
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"


async def test_a_rolling_update_of_8_never_exceeds_10_nor_falls_below_6(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: 25 % and 25 % of 8, at every single moment; golden/rolling-update-default."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(8))
        await world.run_for(2)
        world.seen.clear()
        await world.set_image("nginx:2")
        await world.run_for(10)
        assert world.sizes() == {"nginx:1": 0, "nginx:2": 8}
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
        await world.set_image("nginx:2")
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
        await world.change(replicas=10)
        await world.run_for(0.1)
        first, second = [stored.object["status"] for _, _, stored in world.seen if stored.name == "web"][1:3]
        assert (first["observedGeneration"], "unavailableReplicas" in first) == (2, False)  # Of before it was scaled.
        assert second["unavailableReplicas"] == 7
        await world.run_for(2)
        await world.change(replicas=2)
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
        await world.change(replicas=2)
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
        await world.set_image("broken")
        await world.run_for(19.9)
        assert world.sizes() == {"nginx:1": 3, "broken": 2}
        assert world.story("web", "Progressing")[-1] == "True/ReplicaSetUpdated"
        await world.run_for(1.2)
        assert world.story("web", "Progressing")[-1] == "False/ProgressDeadlineExceeded"
        world.seen.clear()
        await world.change(template=template)
        await world.run_for(2)
        assert world.sizes() == {"nginx:1": 4, "broken": 0}
        assert world.story("web", "Progressing") == [
            "False/ProgressDeadlineExceeded", "True/ReplicaSetUpdated", "True/NewReplicaSetAvailable",
        ]  # fmt: skip
        assert world.revisions() == {"nginx:1": "3", "broken": "2"}
        assert world.one(DEPLOYMENTS, "web")["metadata"]["annotations"][REVISION] == "3"


async def test_going_back_twice_keeps_the_history(sim: Simulation, make_world: Any, make_deployment: Make) -> None:
    """Teaches: an old set gets a new number and remembers the old ones; it is never said to be created."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(3))
        for image in ("nginx:2", "nginx:1", "nginx:2"):
            await world.run_for(5)
            world.seen.clear()
            await world.set_image(image)
        await world.run_for(5)
        assert world.revisions() == {"nginx:1": "3", "nginx:2": "4"}
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
        await world.change(paused=True)
        await world.run_for(1)
        assert world.story("web", "Progressing")[-1] == "Unknown/DeploymentPaused"
        await world.set_image("nginx:2")
        await world.change(replicas=4)
        await world.run_for(2)
        assert world.sizes() == {"nginx:1": 4}
        world.seen.clear()
        await world.change(paused=None)
        await world.run_for(5)
        assert world.sizes() == {"nginx:1": 0, "nginx:2": 4}
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
            await world.set_image(image)
        await world.run_for(3)
        assert world.revisions() == {"nginx:3": "3", "nginx:4": "4"}


async def test_scaling_in_the_middle_of_a_rollout_keeps_both_versions_in_proportion(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: the example of the documentation: 10 replicas, stuck at 8 and 5, become 11 and 7 of 15."""
    async with make_world(sim) as world:
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
        await world.client.create(DEPLOYMENTS, make_deployment(10, strategy=rolling))
        await world.run_for(2)
        await world.set_image("broken")
        await world.run_for(2)
        assert world.sizes() == {"nginx:1": 8, "broken": 5}
        await world.change(replicas=15)
        await world.run_for(0.1)
        assert world.sizes() == {"nginx:1": 11, "broken": 7}


async def test_scaling_to_nothing_and_back_keeps_the_revision(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: zero is a size like any other; Available stays True, since none are wanted."""
    async with make_world(sim) as world:
        await world.client.create(DEPLOYMENTS, make_deployment(2))
        await world.run_for(1)
        await world.change(replicas=0)
        await world.run_for(1)
        assert world.all(PODS) == []
        assert world.story("web", "Available")[-1] == "True/MinimumReplicasAvailable"
        await world.change(replicas=1)
        await world.run_for(1)
        assert (len(world.all(PODS)), world.revisions()) == (1, {"nginx:1": "1"})


@pytest.mark.parametrize("order", range(6))
def test_a_rollout_ends_well_in_whatever_order_things_run(order: int, make_world: Any, make_deployment: Make) -> None:
    """Teaches: controllers act on state, so who is faster must not matter; promises hold at every moment."""

    async def main() -> None:
        async with make_world(Simulation(seed=order)) as world:
            await world.client.create(DEPLOYMENTS, make_deployment(8))
            await world.run_for(2)
            world.seen.clear()
            await world.set_image("nginx:2")
            await world.run_for(10)
            statuses = [stored.object["status"] for _, _, stored in world.seen if stored.object["kind"] == "Deployment"]
            assert max(status["replicas"] for status in statuses) <= 10
            assert min(status["availableReplicas"] for status in statuses) >= 6
            assert world.sizes() == {"nginx:1": 0, "nginx:2": 8}
            assert len(world.all(PODS)) == 8
            assert world.story("web", "Progressing")[-1] == "True/NewReplicaSetAvailable"

    run(main, permute_seed=order)
