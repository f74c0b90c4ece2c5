"""DELETE: at once, after a grace, or when the last finalizer has gone."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import BadRequestError, ConflictError, InvalidError, NotFoundError
from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, PODS, REPLICATION_CONTROLLERS
from kubesim.api.wire import DELETED, MODIFIED
from kubesim.sim import Simulation


async def test_what_nothing_holds_is_gone_at_once(sim: Simulation, boot: Any, drained: Any) -> None:
    """Teaches: the answer is a Status with the uid; watchers get the last state at the revision of the end."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
        stream = await api.watch(CONFIG_MAPS, resource_version=str(made.revision))
        response = await api.delete(CONFIG_MAPS, "a")
        assert response.stored is None
        assert response.status == {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": "a", "kind": "configmaps", "uid": made.uid},
        }  # fmt: skip
        (event,) = await drained(stream)
        assert event.type == DELETED
        assert event.stored.object["data"] == {"k": "v"}
        assert event.stored.revision > made.revision
        assert event.stored.object["metadata"]["resourceVersion"] == str(event.stored.revision)
        with pytest.raises(NotFoundError, match=r'^configmaps "a" not found$'):
            await api.get(CONFIG_MAPS, "a")
        with pytest.raises(NotFoundError):
            await api.delete(CONFIG_MAPS, "a")


async def test_a_bound_pod_is_marked_and_the_kubelet_ends_it(sim: Simulation, boot: Any, drained: Any) -> None:
    """Teaches: graceful deletion: marked for 30 s ahead, then removed with grace 0 and the uid as precondition."""
    async with boot(sim) as api:
        made = await api.pod(node="n1")
        stream = await api.watch(PODS, resource_version=str(made.revision))
        marked = (await api.delete(PODS, "web")).stored.object["metadata"]
        assert marked["deletionTimestamp"] == "2024-01-13T09:00:30Z"
        assert marked["deletionGracePeriodSeconds"] == 30
        assert marked["generation"] == 2
        with pytest.raises(ConflictError) as refusal:
            await api.delete(PODS, "web", {"gracePeriodSeconds": 0, "preconditions": {"uid": "other"}})
        assert str(refusal.value) == (
            f'Operation cannot be fulfilled on Pod "web": the UID in the precondition (other) does not match the UID '
            f"in record ({made.uid}). The object might have been deleted and then recreated"
        )
        response = await api.delete(PODS, "web", {"gracePeriodSeconds": 0, "preconditions": {"uid": made.uid}})
        assert response.stored.uid == made.uid  # What it was: most kinds answer with a Status.
        events = await drained(stream)
        assert [(e.type, e.stored.object["metadata"].get("deletionGracePeriodSeconds")) for e in events] == [
            (MODIFIED, 30),
            (MODIFIED, 0),
            (DELETED, 0),
        ]
        assert events[-1].stored.object["metadata"]["deletionTimestamp"] == "2024-01-13T09:00:00Z"
        assert events[-1].stored.object["metadata"]["generation"] == 2


async def test_a_second_delete_can_only_shorten_the_grace(sim: Simulation, boot: Any) -> None:
    """Teaches: asking again, or for longer, changes nothing."""
    async with boot(sim) as api:
        await api.pod(node="n1")
        first = (await api.delete(PODS, "web", {"gracePeriodSeconds": 20})).stored
        assert (await api.delete(PODS, "web")).stored is first
        assert (await api.delete(PODS, "web", {"gracePeriodSeconds": 25})).stored is first
        shorter = (await api.delete(PODS, "web", {"gracePeriodSeconds": 5})).stored.object["metadata"]
        assert shorter["deletionTimestamp"] == "2024-01-13T09:00:05Z"
        assert shorter["generation"] == 2
        at_once = (await api.delete(PODS, "web", {"gracePeriodSeconds": -3})).stored.object["metadata"]
        assert at_once["deletionGracePeriodSeconds"] == 1


async def test_a_pod_that_nobody_runs_has_no_grace(sim: Simulation, boot: Any, drained: Any) -> None:
    """Teaches: an unscheduled Pod, or one that has ended, waits for nobody: marked with 0 and removed."""
    async with boot(sim) as api:
        await api.pod("pending")
        await api.pod("done", node="n1")
        done = await api.patch(PODS, "done", {"status": {"phase": "Succeeded"}}, subresource="status")
        stream = await api.watch(PODS, resource_version=str(done.revision))
        for name in ("pending", "done"):
            assert (await api.delete(PODS, name)).stored.name == name  # A Pod, where most kinds answer with a Status.
        assert [(e.type, e.stored.name, e.stored.object["metadata"]["deletionGracePeriodSeconds"])
                for e in await drained(stream)] == [
            (MODIFIED, "pending", 0), (DELETED, "pending", 0), (MODIFIED, "done", 0), (DELETED, "done", 0),
        ]  # fmt: skip


async def test_a_finalizer_holds_the_object_until_it_is_taken_away(sim: Simulation, boot: Any, drained: Any) -> None:
    """Teaches: the first delete sets the grace to 0 and marks; the update that empties the list ends it."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"name": "a", "finalizers": ["example.com/hold"]}})
        stream = await api.watch(CONFIG_MAPS, resource_version=str(made.revision))
        marked = (await api.delete(CONFIG_MAPS, "a")).stored
        assert marked.object["metadata"]["deletionGracePeriodSeconds"] == 0
        assert marked.object["metadata"]["deletionTimestamp"] == "2024-01-13T09:00:00Z"
        assert (await api.delete(CONFIG_MAPS, "a")).stored is marked
        await api.patch(CONFIG_MAPS, "a", {"metadata": {"finalizers": []}})
        assert [event.type for event in await drained(stream)] == [MODIFIED, DELETED]
        with pytest.raises(NotFoundError):
            await api.get(CONFIG_MAPS, "a")


async def test_a_pod_with_a_finalizer_outlives_its_kubelets_goodbye(sim: Simulation, boot: Any) -> None:
    """Teaches: grace and finalizers add up: the object ends when both are done."""
    async with boot(sim) as api:
        await api.pod(node="n1")
        await api.patch(PODS, "web", {"metadata": {"finalizers": ["example.com/hold"]}})
        await api.delete(PODS, "web")
        kept = (await api.delete(PODS, "web", {"gracePeriodSeconds": 0})).stored
        assert kept.object["metadata"]["deletionGracePeriodSeconds"] == 0
        await api.patch(PODS, "web", {"metadata": {"finalizers": None}})
        with pytest.raises(NotFoundError):
            await api.get(PODS, "web")


async def test_removing_the_finalizer_before_the_grace_is_over_does_not_end_a_pod(sim: Simulation, boot: Any) -> None:
    """Teaches: the kubelet still has its 30 seconds."""
    async with boot(sim) as api:
        await api.pod(node="n1")
        await api.patch(PODS, "web", {"metadata": {"finalizers": ["example.com/hold"]}})
        await api.delete(PODS, "web")
        changed = await api.patch(PODS, "web", {"metadata": {"finalizers": None}})
        assert changed.object["metadata"]["deletionGracePeriodSeconds"] == 30


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
async def test_a_propagation_policy_is_a_finalizer(sim: Simulation, boot: Any, policy: str, finalizer: str) -> None:
    """Teaches: the server only writes down what shall happen to the dependents; the garbage collector does it."""
    async with boot(sim) as api:
        await api.deployment()
        kept = (await api.delete(DEPLOYMENTS, "web", {"propagationPolicy": policy})).stored.object["metadata"]
        assert kept["finalizers"] == [finalizer]
        assert kept["deletionGracePeriodSeconds"] == 0
        assert kept["generation"] == 2
        await api.patch(DEPLOYMENTS, "web", {"metadata": {"finalizers": []}})
        assert (await api.list(DEPLOYMENTS)).items == []


async def test_in_the_background_nothing_waits(sim: Simulation, boot: Any) -> None:
    """Teaches: the owner goes first, its dependents follow; that is the default."""
    async with boot(sim) as api:
        for body in ({"propagationPolicy": "Background"}, {}):
            await api.deployment()
            assert (await api.delete(DEPLOYMENTS, "web", body)).stored is None


async def test_a_later_policy_replaces_the_earlier_one(sim: Simulation, boot: Any) -> None:
    """Teaches: an Orphan deletion that waits can still be turned into one of the background."""
    async with boot(sim) as api:
        await api.deployment()
        await api.delete(DEPLOYMENTS, "web", {"propagationPolicy": "Orphan"})
        assert (await api.delete(DEPLOYMENTS, "web", {"propagationPolicy": "Background"})).stored is None


async def test_replication_controllers_orphan_unless_told_otherwise(sim: Simulation, boot: Any) -> None:
    """Teaches: v1 keeps the default of its first days."""
    async with boot(sim) as api:
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        body = {"metadata": {"name": "r"}, "spec": {"selector": {"a": "b"}, "template": template}}
        await api.create(REPLICATION_CONTROLLERS, body)
        kept = (await api.delete(REPLICATION_CONTROLLERS, "r")).stored
        assert kept.object["metadata"]["finalizers"] == ["orphan"]


async def test_a_revision_can_be_a_precondition(sim: Simulation, boot: Any) -> None:
    """Teaches: delete only what I have seen."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        await api.patch(CONFIG_MAPS, "a", {"data": {"k": "v"}})
        version = str(made.revision)
        with pytest.raises(ConflictError, match=r"the ResourceVersion in the precondition \(\d+\) does not match"):
            await api.delete(CONFIG_MAPS, "a", {"preconditions": {"resourceVersion": version}})


async def test_a_collection_is_deleted_by_selector(sim: Simulation, boot: Any) -> None:
    """Teaches: deletecollection takes the selectors of a list."""
    async with boot(sim) as api:
        for name, tier in (("a", "x"), ("b", "y"), ("c", "x")):
            await api.create(CONFIG_MAPS, {"metadata": {"name": name, "labels": {"tier": tier}}})
        response = await api.call("deletecollection", CONFIG_MAPS, label_selector="tier=x")
        assert [item.name for item in response.items] == ["a", "c"]
        assert [item.name for item in (await api.list(CONFIG_MAPS)).items] == ["b"]


async def test_a_dry_run_deletes_nothing(sim: Simulation, boot: Any) -> None:
    """Teaches: it answers as if."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        assert (await api.delete(CONFIG_MAPS, "a", dry_run=True)).status["status"] == "Success"
        assert (await api.delete(CONFIG_MAPS, "a", {"dryRun": ["All"]})).status["status"] == "Success"
        await api.get(CONFIG_MAPS, "a")


async def test_options_that_make_no_sense_are_refused(sim: Simulation, boot: Any) -> None:
    """Teaches: DeleteOptions are checked like any other body."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        with pytest.raises(InvalidError) as refusal:
            await api.delete(CONFIG_MAPS, "a", {"propagationPolicy": "Sideways"})
        assert str(refusal.value) == (
            'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Sideways": '
            'supported values: "Background", "Foreground", "Orphan", "nil"'
        )
        with pytest.raises(BadRequestError, match="cannot be handled as a DeleteOptions"):
            await api.delete(CONFIG_MAPS, "a", {"gracePeriodSeconds": "soon"})
