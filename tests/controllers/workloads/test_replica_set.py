"""ReplicaSets against a real apiserver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError, TransportError
from kubesim.api.errors import conflict as make_conflict
from kubesim.api.meta import controller_of
from kubesim.api.resources import PODS, REPLICA_SETS, REPLICATION_CONTROLLERS
from kubesim.api.stored import Object
from kubesim.client.informer import Informer
from kubesim.controllers.controller import RetryLaterError
from kubesim.controllers.own_writes import OwnWrites
from kubesim.sim import Simulation

Make = Callable[..., Object]


async def test_a_set_creates_its_pods_and_says_so(sim: Simulation, make_world: Any, make_replica_set: Make) -> None:
    """Teaches: three Pods made from the template, owned, labelled, and an event each."""
    async with make_world(sim) as world:
        await world.client.create(REPLICA_SETS, make_replica_set(3))
        await world.run_for(1)
        pods = world.all(PODS)
        assert len(pods) == 3
        for pod in pods:
            assert pod.name.startswith("web-")
            assert pod.object["metadata"]["generateName"] == "web-"
            assert pod.object["metadata"]["labels"] == {"app": "web"}
            owner = controller_of(pod.object)
            assert owner is not None
            assert (owner["kind"], owner["name"], owner["blockOwnerDeletion"]) == ("ReplicaSet", "web", True)
        assert sorted(world.events("SuccessfulCreate")) == sorted(f"Created pod: {pod.name}" for pod in pods)
        assert world.one(REPLICA_SETS, "web")["status"] == {
            "replicas": 3, "fullyLabeledReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "terminatingReplicas": 0, "observedGeneration": 1,
        }  # fmt: skip


async def test_the_first_status_is_of_before_the_pods_were_created(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: a sync reports what it saw at its beginning, as the recordings show."""
    async with make_world(sim) as world:
        await world.client.create(REPLICA_SETS, make_replica_set(2))
        await world.run_for(0.1)
        written = [stored.object["status"] for _, _, stored in world.seen if stored.object["kind"] == "ReplicaSet"]
        assert written[:3] == [
            {"replicas": 0},
            {"replicas": 0, "terminatingReplicas": 0, "observedGeneration": 1},
            {"replicas": 2, "fullyLabeledReplicas": 2, "terminatingReplicas": 0, "observedGeneration": 1},
        ]


async def test_a_deleted_pod_is_replaced_while_it_still_terminates(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: a Pod stops counting the moment it is deleted, not when it is gone."""
    async with make_world(sim) as world:
        await world.client.create(REPLICA_SETS, make_replica_set(2))
        await world.run_for(1)
        await world.client.delete(PODS, world.all(PODS)[0].name, "default")
        await world.run_for(0.1)
        assert len(world.all(PODS)) == 3
        assert world.one(REPLICA_SETS, "web")["status"]["terminatingReplicas"] == 1
        await world.run_for(1)
        assert len(world.all(PODS)) == 2
        assert world.one(REPLICA_SETS, "web")["status"]["terminatingReplicas"] == 0


async def test_a_failed_pod_is_replaced_and_kept(sim: Simulation, make_world: Any, make_replica_set: Make) -> None:
    """Teaches: a Pod that ended is no replica; deleting it is left to Pod garbage collection."""
    async with make_world(sim) as world:
        await world.client.create(REPLICA_SETS, make_replica_set(2))
        await world.run_for(1)
        victim = world.all(PODS)[0]
        await world.nodes.write(victim, {"phase": "Failed"})
        await world.run_for(1)
        assert [pod.object["status"]["phase"] for pod in world.all(PODS)].count("Running") == 2
        assert victim.name in [pod.name for pod in world.all(PODS)]
        assert world.one(REPLICA_SETS, "web")["status"]["replicas"] == 2


async def test_a_relabelled_pod_is_released_and_replaced(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: how to take a Pod out of service and still look at it."""
    async with make_world(sim) as world:
        await world.client.create(REPLICA_SETS, make_replica_set(2))
        await world.run_for(1)
        name = world.all(PODS)[0].name
        await world.client.merge_patch(PODS, name, {"metadata": {"labels": {"app": "debug"}}}, "default")
        await world.run_for(1)
        assert len(world.all(PODS)) == 3
        assert controller_of(world.one(PODS, name)) is None


async def test_a_matching_orphan_is_adopted_and_counts(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: a bare Pod with the right label becomes a replica; a surplus one goes at once."""
    async with make_world(sim) as world:
        template = make_replica_set(1)["spec"]["template"]
        for name in ("one", "two"):
            metadata = {"name": name, "namespace": "default", "labels": {"app": "web"}}
            await world.client.create(PODS, {**template, "apiVersion": "v1", "kind": "Pod", "metadata": metadata})
        await world.run_for(1)
        await world.client.create(REPLICA_SETS, make_replica_set(1))
        await world.run_for(1)
        assert len(world.all(PODS)) == 1
        assert controller_of(world.all(PODS)[0].object) is not None
        assert len(world.events("SuccessfulDelete")) == 1


async def test_refused_creations_are_told_noted_and_tried_again_ever_later(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: 5 ms doubling; the second batch is not tried when the first fails; success clears the condition."""
    async with make_world(sim) as world:
        world.refuse(ForbiddenError("exceeded quota: q"), "create", PODS)
        await world.client.create(REPLICA_SETS, make_replica_set(4))
        await world.run_for(11)
        waits = [
            round(after - before, 3) for before, after in zip(world.refused_at, world.refused_at[1:], strict=False)
        ]
        assert waits[-4:] == [0.64, 1.28, 2.56, 5.12]
        assert set(world.events("FailedCreate")) == {"Error creating: exceeded quota: q"}
        (condition,) = world.one(REPLICA_SETS, "web")["status"]["conditions"]
        assert (condition["type"], condition["reason"], condition["message"]) == (
            "ReplicaFailure", "FailedCreate", "exceeded quota: q",
        )  # fmt: skip
        world.refuse(ForbiddenError(""), "create", PODS, times=0)
        await world.run_for(15)
        assert world.one(REPLICA_SETS, "web")["status"]["readyReplicas"] == 4
        assert "conditions" not in world.one(REPLICA_SETS, "web")["status"]


async def test_a_refused_deletion_is_told_and_tried_again(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: the same condition for the other direction."""
    async with make_world(sim) as world:
        await world.client.create(REPLICA_SETS, make_replica_set(3))
        await world.run_for(1)
        world.refuse(ForbiddenError("no"), "delete", PODS, times=2)
        await world.client.merge_patch(REPLICA_SETS, "web", {"spec": {"replicas": 1}}, "default")
        world.seen.clear()
        await world.run_for(1)
        statuses = [stored.object["status"] for _, _, stored in world.seen if stored.object["kind"] == "ReplicaSet"]
        reasons = {condition["reason"] for status in statuses for condition in status.get("conditions", ())}
        assert reasons == {"FailedDelete"}
        assert set(world.events("FailedDelete")) == {"Error deleting: no"}
        assert len(world.all(PODS)) == 1
        assert "conditions" not in world.one(REPLICA_SETS, "web")["status"]


async def test_a_creation_whose_answer_was_lost_is_not_repeated_blindly(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: nobody knows whether the Pod exists; the cache will tell, and then it is counted."""
    async with make_world(sim) as world:
        world.refuse(TransportError("timed out", definite=False), "create", PODS, times=1)
        await world.client.create(REPLICA_SETS, make_replica_set(3))
        await world.run_for(1)
        assert len(world.all(PODS)) == 3
        assert world.events("FailedCreate") == ["Error creating: timed out"]


async def test_a_status_that_met_a_conflict_is_written_upon_the_latest(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: someone wrote meanwhile; read again, write again, without waiting for the back-off."""
    async with make_world(sim) as world:
        world.refuse(make_conflict(REPLICA_SETS, "web"), "update", REPLICA_SETS, times=1)
        await world.client.create(REPLICA_SETS, make_replica_set(1))
        await world.run_for(0.004)
        assert world.one(REPLICA_SETS, "web")["status"]["observedGeneration"] == 1
        assert world.refused_at == [1.0]


async def test_a_set_that_is_being_deleted_creates_nothing(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: while a finalizer holds it, a set only watches its Pods go."""
    async with make_world(sim) as world:
        held = make_replica_set(2)
        held = {**held, "metadata": {**held["metadata"], "finalizers": ["example.com/hold"]}}
        await world.client.create(REPLICA_SETS, held)
        await world.run_for(1)
        await world.client.delete(REPLICA_SETS, "web", "default", propagation_policy="Background")
        await world.client.delete(PODS, world.all(PODS)[0].name, "default")
        await world.run_for(2)
        assert len(world.all(PODS)) == 1
        assert world.one(REPLICA_SETS, "web")["status"]["replicas"] == 1


async def test_a_pod_is_adopted_when_it_is_labelled_later(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: the way back of a Pod that was taken out for a look."""
    async with make_world(sim) as world:
        await world.client.create(REPLICA_SETS, make_replica_set(1))
        await world.run_for(1)
        name = world.all(PODS)[0].name
        for app in ("debug", "web"):
            await world.client.merge_patch(PODS, name, {"metadata": {"labels": {"app": app}}}, "default")
            await world.run_for(1)
        assert len(world.all(PODS)) == 1
        assert len(world.events("SuccessfulDelete")) == 1
        assert controller_of(world.all(PODS)[0].object) is not None


async def test_two_sets_with_one_selector_never_share_a_pod(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: labels say what could be mine, the owner reference says what is."""
    async with make_world(sim) as world:
        for name in ("one", "two"):
            named = make_replica_set(2)
            await world.client.create(REPLICA_SETS, {**named, "metadata": {**named["metadata"], "name": name}})
        await world.run_for(2)
        owners = [reference["name"] for pod in world.all(PODS) if (reference := controller_of(pod.object))]
        assert sorted(owners) == ["one", "one", "two", "two"]


async def test_min_ready_seconds_delay_availability(sim: Simulation, make_world: Any, make_replica_set: Make) -> None:
    """Teaches: ready at once, available ten seconds later, without any event that would wake the controller."""
    async with make_world(sim) as world:
        await world.client.create(REPLICA_SETS, make_replica_set(1, minReadySeconds=10))
        await world.run_for(9.9)
        status = world.one(REPLICA_SETS, "web")["status"]
        assert (status["readyReplicas"], status.get("availableReplicas", 0)) == (1, 0)
        await world.run_for(0.2)
        assert world.one(REPLICA_SETS, "web")["status"]["availableReplicas"] == 1


async def test_a_big_set_is_created_exactly_once(sim: Simulation, make_world: Any, make_replica_set: Make) -> None:
    """Teaches: bursts of 500, expectations in between, and not one Pod too many."""
    async with make_world(sim) as world:
        await world.client.create(REPLICA_SETS, make_replica_set(620))
        await world.run_for(2)
        assert len(world.all(PODS)) == 620
        assert world.one(REPLICA_SETS, "web")["status"]["availableReplicas"] == 620
        assert world.events("SuccessfulDelete") == []


async def test_a_replication_controller_does_the_same_with_a_plain_selector(
    sim: Simulation, make_world: Any, make_replica_set: Make
) -> None:
    """Teaches: the elder kind; its status has no terminatingReplicas."""
    async with make_world(sim) as world:
        elder = make_replica_set(2, selector={"app": "web"})
        await world.client.create(
            REPLICATION_CONTROLLERS, {**elder, "apiVersion": "v1", "kind": "ReplicationController"}
        )
        await world.run_for(1)
        owner = controller_of(world.all(PODS)[0].object)
        assert owner is not None
        assert owner["kind"] == "ReplicationController"
        stored = await world.client.get(REPLICATION_CONTROLLERS, "web", "default")
        assert stored.object["status"] == {
            "replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
            "observedGeneration": 1,
        }  # fmt: skip


async def test_nobody_acts_on_a_cache_older_than_the_own_last_write() -> None:
    """Teaches: the v1.36 check, in its words; once the cache has caught up it is silent."""
    informer = Informer(PODS)
    informer.revision = 7
    writes = OwnWrites()
    writes.wrote("default/web", informer, 9)
    writes.wrote("default/web", informer, 8)
    with pytest.raises(RetryLaterError) as raised:
        writes.check("default/web")
    assert str(raised.value) == "read version: 7 is not as new as written version: 9 for group resource pods"
    writes.check("default/other")
    informer.revision = 9
    writes.check("default/web")
    informer.revision = 0
    writes.check("default/web")
