"""Tests of kubesim.controllers.garbage_collector, against a real apiserver."""

from typing import Any

from kubesim.api.meta import owner_reference
from kubesim.api.resources import CONFIG_MAPS, LEASES, NODES, PODS, SECRETS
from kubesim.api.stored import Object
from kubesim.controllers.garbage_collector import GarbageCollector
from kubesim.sim import Simulation

CONTROLLERS = (GarbageCollector,)
GHOST = {"apiVersion": "v1", "kind": "ConfigMap", "name": "ghost", "uid": "never-existed"}


async def config_map(cluster: Any, name: str, *owners: Object, finalizers: tuple[str, ...] = ()) -> Object:
    metadata: Object = {"name": name, "namespace": "default", "ownerReferences": list(owners)}
    metadata["finalizers"] = list(finalizers)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    return (await cluster.client.create(CONFIG_MAPS, body)).object


async def chain(cluster: Any) -> None:
    """grandmother ← mother ← child, all ConfigMaps: any kind can own any other."""
    grandmother = await config_map(cluster, "grandmother")
    mother = await config_map(cluster, "mother", owner_reference(grandmother))
    await config_map(cluster, "child", owner_reference(mother))


async def family(cluster: Any) -> list[str]:
    return [name for name in await cluster.names(CONFIG_MAPS, "default") if name != "kube-root-ca.crt"]


def watching(cluster: Any) -> list[str]:
    """The order in which ConfigMaps were deleted."""
    return [stored.name for _, verb, stored in cluster.seen if verb == "DELETED"]


async def test_in_the_background_the_owner_goes_first(sim: Simulation, plane: Any) -> None:
    """Teaches: what `kubectl delete` does: dependants follow once their owner is gone."""
    async with plane(sim, CONTROLLERS, [CONFIG_MAPS]) as cluster:
        await chain(cluster)
        await cluster.at(1)
        await cluster.client.delete(CONFIG_MAPS, "grandmother", "default", propagation_policy="Background")
        await cluster.at(2)
        assert watching(cluster) == ["grandmother", "mother", "child"]


async def test_in_the_foreground_the_owner_goes_last(sim: Simulation, plane: Any) -> None:
    """Teaches: `--cascade=foreground`: a finalizer holds each owner until what blocks it is gone."""
    async with plane(sim, CONTROLLERS, [CONFIG_MAPS]) as cluster:
        await chain(cluster)
        await cluster.at(1)
        await cluster.client.delete(CONFIG_MAPS, "grandmother", "default", propagation_policy="Foreground")
        await cluster.at(2)
        assert watching(cluster) == ["child", "mother", "grandmother"]
        held = [s.object["metadata"].get("finalizers") for _, _, s in cluster.seen if s.name == "grandmother"]
        assert ["foregroundDeletion"] in held


async def test_orphans_stay_without_a_reference(sim: Simulation, plane: Any) -> None:
    """Teaches: `--cascade=orphan`: only the next generation is freed."""
    async with plane(sim, CONTROLLERS, [CONFIG_MAPS]) as cluster:
        await chain(cluster)
        await cluster.at(1)
        await cluster.client.delete(CONFIG_MAPS, "grandmother", "default", propagation_policy="Orphan")
        await cluster.at(2)
        assert await family(cluster) == ["child", "mother"]
        assert "ownerReferences" not in (await cluster.get(CONFIG_MAPS, "mother"))["metadata"]
        assert "ownerReferences" in (await cluster.get(CONFIG_MAPS, "child"))["metadata"]


async def test_what_names_an_owner_that_never_was_is_deleted(sim: Simulation, plane: Any) -> None:
    """Teaches: an owner is its uid; a namesake is somebody else."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.at(1)
        namesake = await config_map(cluster, "ghost")
        await config_map(cluster, "haunted", GHOST)
        await config_map(cluster, "loved", owner_reference(namesake))
        await cluster.at(2)
        assert await family(cluster) == ["ghost", "loved"]


async def test_one_living_owner_is_enough(sim: Simulation, plane: Any) -> None:
    """Teaches: the reference that leads nowhere is taken out, and the object stays."""
    async with plane(sim, CONTROLLERS) as cluster:
        real = await config_map(cluster, "real")
        await config_map(cluster, "haunted", GHOST, owner_reference(real) | {"controller": False})
        await cluster.at(2)
        haunted = await cluster.get(CONFIG_MAPS, "haunted")
        assert [owner["name"] for owner in haunted["metadata"]["ownerReferences"]] == ["real"]


async def test_a_dependant_that_does_not_block_may_outlive_a_foreground_deletion(sim: Simulation, plane: Any) -> None:
    """Teaches: blockOwnerDeletion; what is held by a finalizer of its own holds its owner only if it blocks."""
    async with plane(sim, CONTROLLERS) as cluster:
        for name, blocks in (("patient", True), ("hasty", False)):
            owner = await config_map(cluster, name)
            reference = owner_reference(owner) | {"blockOwnerDeletion": blocks}
            await config_map(cluster, f"{name}-child", reference, finalizers=("example.com/hold",))
            await cluster.client.delete(CONFIG_MAPS, name, "default", propagation_policy="Foreground")
        await cluster.at(2)
        assert await family(cluster) == ["hasty-child", "patient", "patient-child"]
        await cluster.client.merge_patch(CONFIG_MAPS, "patient-child", {"metadata": {"finalizers": None}}, "default")
        await cluster.at(3)
        assert await family(cluster) == ["hasty-child"]


async def test_a_cluster_scoped_owner_takes_namespaced_things_along(sim: Simulation, plane: Any) -> None:
    """Teaches: a Node's Lease goes with the Node."""
    async with plane(sim, CONTROLLERS) as cluster:
        node = await cluster.node("node-1", beating=False)
        reference = {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": node.uid}
        metadata = {"name": "node-1", "namespace": "kube-node-lease", "ownerReferences": [reference]}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {}}
        await cluster.client.create(LEASES, lease)
        await cluster.at(1)
        assert await cluster.names(LEASES, "kube-node-lease") == ["node-1"]
        await cluster.client.delete(NODES, "node-1")
        await cluster.at(2)
        assert await cluster.names(LEASES, "kube-node-lease") == []


async def test_a_circle_of_owners_does_not_hang(sim: Simulation, plane: Any) -> None:
    """Teaches: two that own each other, deleted in the foreground, would wait for each other forever."""
    async with plane(sim, CONTROLLERS) as cluster:
        one = await config_map(cluster, "one")
        two = await config_map(cluster, "two", owner_reference(one))
        patch = {"metadata": {"ownerReferences": [owner_reference(two)]}}
        await cluster.client.merge_patch(CONFIG_MAPS, "one", patch, "default")
        await cluster.client.delete(CONFIG_MAPS, "one", "default", propagation_policy="Foreground")
        await cluster.at(10)
        assert await family(cluster) == []


async def test_an_owner_of_a_kind_that_is_not_served_is_left_open(sim: Simulation, plane: Any) -> None:
    """Teaches: better to keep something too long than to delete it because a kind is not known yet."""
    async with plane(sim, CONTROLLERS) as cluster:
        stranger = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": "w"}
        await config_map(cluster, "kept", stranger)
        await cluster.at(10)
        assert await family(cluster) == ["kept"]


async def test_a_cluster_scoped_thing_cannot_have_a_namespaced_owner(sim: Simulation, plane: Any) -> None:
    """Teaches: nobody could tell the namespace, so it is never collected."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1", beating=False)
        await cluster.client.merge_patch(NODES, "node-1", {"metadata": {"ownerReferences": [GHOST]}})
        await cluster.at(10)
        assert await cluster.names(NODES) == ["node-1"]


async def test_things_without_owners_are_never_touched(sim: Simulation, plane: Any) -> None:
    """Teaches: no reference, no garbage."""
    async with plane(sim, CONTROLLERS) as cluster:
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}}
        await cluster.client.create(SECRETS, secret)
        await cluster.pod("bare", ready="True")
        await cluster.at(10)
        assert await cluster.names(SECRETS) == ["s"]
        assert await cluster.names(PODS) == ["bare"]
