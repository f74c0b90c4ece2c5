"""PATCH in its three languages, through the server."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import (
    BadRequestError,
    ConflictError,
    InvalidError,
    NotFoundError,
    UnsupportedMediaTypeError,
)
from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, PODS
from kubesim.api.wire import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from kubesim.etcd import Member
from kubesim.sim import Simulation


async def test_a_merge_patch_merges_maps_and_replaces_lists(sim: Simulation, boot: Any) -> None:
    """Teaches: RFC 7386: null removes, lists are replaced whole."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "1", "l": "2"}})
        changed = await api.patch(CONFIG_MAPS, "a", {"data": {"k": None, "m": "3"}}, MERGE_PATCH)
        assert changed.object["data"] == {"l": "2", "m": "3"}


async def test_a_json_patch_is_a_list_of_operations(sim: Simulation, boot: Any) -> None:
    """Teaches: RFC 6902: test, then change; all or nothing."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "1"}})
        operations = [
            {"op": "test", "path": "/data/k", "value": "1"},
            {"op": "replace", "path": "/data/k", "value": "2"},
            {"op": "add", "path": "/metadata/labels", "value": {"x": "y"}},
        ]
        changed = await api.patch(CONFIG_MAPS, "a", operations, JSON_PATCH)
        assert (changed.object["data"], changed.object["metadata"]["labels"]) == ({"k": "2"}, {"x": "y"})
        with pytest.raises(InvalidError) as refusal:
            await api.patch(CONFIG_MAPS, "a", operations, JSON_PATCH)
        assert str(refusal.value) == "the server rejected our request due to an error in our request"


async def test_a_strategic_merge_patch_knows_the_keys_of_lists(sim: Simulation, boot: Any) -> None:
    """Teaches: containers merge by name, so a patch may name just one of them."""
    async with boot(sim) as api:
        await api.deployment()
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}}
        changed = await api.patch(DEPLOYMENTS, "web", patch, STRATEGIC_MERGE_PATCH)
        (container,) = changed.object["spec"]["template"]["spec"]["containers"]
        assert (container["image"], container["imagePullPolicy"]) == ("nginx:2", "Always")
        assert changed.object["metadata"]["generation"] == 2


async def test_conditions_merge_by_type(sim: Simulation, boot: Any) -> None:
    """Teaches: that is how a kubelet writes one condition without knowing the others."""
    async with boot(sim) as api:
        await api.pod(node="n1")
        for kind in ("Initialized", "Ready"):
            patch = {"status": {"conditions": [{"type": kind, "status": "True"}]}}
            await api.patch(PODS, "web", patch, STRATEGIC_MERGE_PATCH, subresource="status")
        patch = {"status": {"conditions": [{"type": "Initialized", "status": "False"}]}, "spec": {"nodeName": "n2"}}
        changed = await api.patch(PODS, "web", patch, STRATEGIC_MERGE_PATCH, subresource="status")
        assert {c["type"]: c["status"] for c in changed.object["status"]["conditions"]} == {
            "Initialized": "False",
            "Ready": "True",
        }
        assert changed.object["spec"]["nodeName"] == "n1"


async def test_a_patch_with_a_resource_version_is_conditional(sim: Simulation, boot: Any) -> None:
    """Teaches: only then can a patch conflict."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        await api.patch(CONFIG_MAPS, "a", {"data": {"k": "1"}})
        version = made.object["metadata"]["resourceVersion"]
        with pytest.raises(ConflictError, match="the object has been modified"):
            await api.patch(CONFIG_MAPS, "a", {"metadata": {"resourceVersion": version}, "data": {"k": "2"}})


async def test_patches_of_two_servers_both_arrive(sim: Simulation, boot: Any) -> None:
    """Teaches: a patch that comes too late is applied again to the newer object."""
    etcd = Member(sim)
    async with boot(sim, etcd) as one, boot(sim, etcd, name="apiserver-2") as two:
        await one.create(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"n": "0"}})
        for number in range(5):
            await one.patch(CONFIG_MAPS, "a", {"data": {f"one-{number}": "x"}})
            await two.patch(CONFIG_MAPS, "a", {"data": {f"two-{number}": "x"}})
        assert len((await one.get(CONFIG_MAPS, "a")).object["data"]) == 11


async def test_what_is_no_patch_is_refused(sim: Simulation, boot: Any) -> None:
    """Teaches: the words of Go's decoder, and of the media types that there are."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        with pytest.raises(BadRequestError) as refusal:
            await api.patch(CONFIG_MAPS, "a", {"a": 1}, JSON_PATCH)
        assert str(refusal.value) == (
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        )
        with pytest.raises(BadRequestError) as refusal:
            await api.patch(CONFIG_MAPS, "a", "not json", STRATEGIC_MERGE_PATCH)
        assert str(refusal.value) == "json: cannot unmarshal string into Go value of type map[string]interface {}"
        with pytest.raises(UnsupportedMediaTypeError, match=r"^the body of the request was in an unknown format"):
            await api.patch(CONFIG_MAPS, "a", {}, "application/json")
        with pytest.raises(NotFoundError, match=r'^configmaps "b" not found$'):
            await api.patch(CONFIG_MAPS, "b", {})


async def test_what_a_patch_makes_is_validated_as_anything_else(sim: Simulation, boot: Any) -> None:
    """Teaches: types, names and rules hold whichever way a value came."""
    async with boot(sim) as api:
        await api.deployment()
        with pytest.raises(InvalidError) as refusal:
            await api.patch(DEPLOYMENTS, "web", {"spec": {"replicas": -1}})
        assert str(refusal.value) == (
            'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
        )
        with pytest.raises(InvalidError, match="cannot unmarshal string into Go struct field"):
            await api.patch(DEPLOYMENTS, "web", {"spec": {"replicas": "two"}})
        with pytest.raises(InvalidError, match=r'metadata.labels: Invalid value: "c!": a valid label must be an empty'):
            await api.patch(DEPLOYMENTS, "web", {"metadata": {"labels": {"a": "c!"}}})
