"""Controllers that must know every kind learn of those that users define."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.custom_resources import rows_of
from kubesim.api.errors import ForbiddenError
from kubesim.api.meta import owner_reference
from kubesim.api.resources import CONFIG_MAPS, CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, RESOURCE_QUOTAS, Resource
from kubesim.api.stored import Object
from kubesim.controllers.garbage_collector import GarbageCollector
from kubesim.controllers.namespace import NamespaceController
from kubesim.controllers.resource_quota import ResourceQuotaController
from kubesim.sim import Simulation

DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "vases.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "vases", "kind": "Vase"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}},
        ],
    },
}  # fmt: skip


async def define(cluster: Any) -> Resource:
    """Makes the definition; the row of its kind."""
    await cluster.client.create(CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
    await cluster.at(1)
    return rows_of((await cluster.client.get(CUSTOM_RESOURCE_DEFINITIONS, "vases.example.com")).object)[0]


def vase(name: str, namespace: str, *owners: Object) -> Object:
    metadata = {"name": name, "namespace": namespace, "ownerReferences": list(owners)}
    return {"apiVersion": "example.com/v1", "kind": "Vase", "metadata": metadata}


async def test_custom_objects_own_and_are_owned(sim: Simulation, plane: Any) -> None:
    """Teaches: the garbage collector watches the definitions, and then what they define."""
    async with plane(sim, (GarbageCollector,), []) as cluster:
        row = await define(cluster)
        grandmother = await cluster.client.create(row, vase("grandmother", "default"))
        mother = await cluster.client.create(row, vase("mother", "default", owner_reference(grandmother.object)))
        child: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "child", "namespace": "default", "ownerReferences": [owner_reference(mother.object)]}}  # fmt: skip
        await cluster.client.create(CONFIG_MAPS, child)
        await cluster.at(2)
        await cluster.client.delete(row, "grandmother", "default", propagation_policy="Background")
        await cluster.at(4)
        assert await cluster.names(row, "default") == []
        assert "child" not in await cluster.names(CONFIG_MAPS, "default")


async def test_orphans_of_a_custom_kind_lose_only_the_reference(sim: Simulation, plane: Any) -> None:
    """Teaches: a custom object has no strategic merge patch, so its references are replaced as a whole."""
    async with plane(sim, (GarbageCollector,), []) as cluster:
        row = await define(cluster)
        owner = await cluster.client.create(row, vase("owner", "default"))
        await cluster.client.create(row, vase("orphan", "default", owner_reference(owner.object)))
        await cluster.at(2)
        await cluster.client.delete(row, "owner", "default", propagation_policy="Orphan")
        await cluster.at(4)
        assert await cluster.names(row, "default") == ["orphan"]
        left = await cluster.client.get(row, "orphan", "default")
        assert "ownerReferences" not in left.object["metadata"]


async def test_a_namespace_goes_with_the_custom_objects_in_it(sim: Simulation, plane: Any) -> None:
    """Teaches: a namespace is empty only when nothing of any kind is left in it."""
    async with plane(sim, (NamespaceController,), []) as cluster:
        row = await define(cluster)
        namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "museum"}}
        await cluster.client.create(NAMESPACES, namespace)
        await cluster.client.create(row, vase("one", "museum"))
        await cluster.client.delete(NAMESPACES, "museum")
        await cluster.at(20)
        assert "museum" not in await cluster.names(NAMESPACES)
        assert not (await cluster.client.list(row)).items


async def test_a_quota_counts_custom_objects(sim: Simulation, plane: Any) -> None:
    """Teaches: count/RESOURCE.GROUP works for every kind, for those that come later too."""
    async with plane(sim, (ResourceQuotaController,), []) as cluster:
        quota: Object = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "default"},
                         "spec": {"hard": {"count/vases.example.com": "1"}}}  # fmt: skip
        await cluster.client.create(RESOURCE_QUOTAS, quota)
        row = await define(cluster)
        await cluster.at(3)
        await cluster.client.create(row, vase("one", "default"))
        with pytest.raises(ForbiddenError, match="exceeded quota: q, requested: count/vases"):
            await cluster.client.create(row, vase("two", "default"))
        await cluster.client.delete(row, "one", "default")
        await cluster.at(6)
        assert (await cluster.client.get(RESOURCE_QUOTAS, "q", "default")).object["status"]["used"] == {
            "count/vases.example.com": "0"
        }
