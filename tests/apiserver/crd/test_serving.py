"""Custom resources from their definition to their end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubesim.api.custom_resources import condition_of
from kubesim.api.errors import (
    AlreadyExistsError,
    BadRequestError,
    InvalidError,
    MethodNotSupportedError,
    NotFoundError,
    UnsupportedMediaTypeError,
)
from kubesim.api.resources import CUSTOM_RESOURCE_DEFINITIONS
from kubesim.api.wire import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from kubesim.sim import Simulation


async def test_a_definition_is_established_at_once_and_then_its_kind_is_served(
    sim: Simulation, boot: Any, definitions: Any
) -> None:
    """Teaches: names are accepted first, then the kind is served, and no virtual time passes."""
    async with boot(sim) as api:
        await api.create(CUSTOM_RESOURCE_DEFINITIONS, definitions.make(), namespace="")
        began = sim.clock.now()
        await asyncio.sleep(0.000_001)
        assert sim.clock.now() - began < 0.000_01
        assert api.server.catalogue.find("example.com/v1", "vases") is not None
        found = (await api.get(CUSTOM_RESOURCE_DEFINITIONS, "vases.example.com", namespace="")).object
        assert condition_of(found, "NamesAccepted")["reason"] == "NoConflicts"
        assert condition_of(found, "Established")["reason"] == "InitialNamesAccepted"
        assert found["status"]["acceptedNames"] == {
            "plural": "vases", "singular": "vase", "kind": "Vase", "listKind": "VaseList",
        }  # fmt: skip
        assert found["status"]["storedVersions"] == ["v1"]


async def test_objects_get_defaults_lose_unknown_fields_and_count_generations(
    sim: Simulation, boot: Any, definitions: Any
) -> None:
    """Teaches: what the schema does not specify is dropped, with a warning; status is written apart."""
    async with boot(sim) as api:
        row = await definitions.define(api)
        response = await api.call("create", row, body=definitions.vase(bogus=1))
        assert response.stored.object["spec"] == {"size": 3, "color": "red", "replicas": 1}
        assert response.warnings == ('unknown field "spec.bogus"',)
        changed = await api.patch(row, "one", {"spec": {"size": 4}, "status": {"replicas": 9}})
        assert changed.object["metadata"]["generation"] == 2
        assert "status" not in changed.object
        status = await api.patch(row, "one", {"status": {"replicas": 2}, "spec": {"size": 9}}, subresource="status")
        assert (status.object["spec"]["size"], status.object["status"]) == (4, {"replicas": 2})
        assert status.object["metadata"]["generation"] == 2


async def test_a_strict_client_is_refused_and_a_wrong_value_named(sim: Simulation, boot: Any, definitions: Any) -> None:
    """Teaches: the schema's refusals, in the words of the real server."""
    async with boot(sim) as api:
        row = await definitions.define(api)
        with pytest.raises(BadRequestError, match=r'strict decoding error: unknown field "spec.bogus"'):
            await api.create(row, definitions.vase(bogus=1), field_validation="Strict")
        with pytest.raises(InvalidError) as refusal:
            await api.create(row, definitions.vase(size="big", color="pink"))
        assert refusal.value.message == (
            'Vase.example.com "one" is invalid: [spec.size: Invalid value: "string": spec.size in body must be of type '
            'integer: "string", spec.color: Unsupported value: "pink": supported values: "red", "green", "blue"]'
        )
        with pytest.raises(BadRequestError, match="does not match the expected API version"):
            await api.create(row, definitions.vase(api_version="example.com/v2"))


async def test_what_an_update_leaves_alone_is_tolerated(sim: Simulation, boot: Any, definitions: Any) -> None:
    """Teaches: ratcheting. A stricter schema refuses only what changes."""
    async with boot(sim) as api:
        row = await definitions.define(api)
        await api.create(row, definitions.vase(size=9))
        stricter = {"spec": {"versions": [definitions.make(spec={
            "type": "object", "properties": {"size": {"type": "integer", "maximum": 5}, "color": {"type": "string"}},
        })["spec"]["versions"][0]]}}  # fmt: skip
        await api.patch(CUSTOM_RESOURCE_DEFINITIONS, "vases.example.com", stricter, namespace="")
        await asyncio.sleep(0.01)
        changed = await api.patch(row, "one", {"spec": {"color": "any"}})
        assert changed.object["spec"]["color"] == "any"
        with pytest.raises(InvalidError, match="should be less than or equal to 5"):
            await api.patch(row, "one", {"spec": {"size": 8}})


async def test_custom_objects_know_no_strategic_merge_patch(sim: Simulation, boot: Any, definitions: Any) -> None:
    """Teaches: a schema of a user's has no merge keys."""
    async with boot(sim) as api:
        row = await definitions.define(api)
        await api.create(row, definitions.vase())
        with pytest.raises(UnsupportedMediaTypeError, match=r"merge-patch\+json, application/apply-patch\+yaml$"):
            await api.call("patch", row, "one", {}, patch_type=STRATEGIC_MERGE_PATCH)
        replace = [{"op": "replace", "path": "/spec/size", "value": 5}]
        response = await api.call("patch", row, "one", replace, patch_type=JSON_PATCH)
        assert response.stored.object["spec"]["size"] == 5


async def test_scale_reads_and_writes_where_the_definition_says(sim: Simulation, boot: Any, definitions: Any) -> None:
    """Teaches: scale is one small object for every kind; the definition says where its numbers lie."""
    async with boot(sim) as api:
        row = await definitions.define(api)
        await api.create(row, definitions.vase())
        response = await api.call(
            "patch", row, "one", {"spec": {"replicas": 4}}, patch_type=MERGE_PATCH, subresource="scale"
        )
        scale = response.stored.object
        assert (scale["apiVersion"], scale["kind"], scale["spec"]) == ("autoscaling/v1", "Scale", {"replicas": 4})
        assert (await api.get(row, "one")).object["spec"]["replicas"] == 4
        with pytest.raises(InvalidError, match="must be greater than or equal to 0"):
            await api.call("patch", row, "one", {"spec": {"replicas": -1}}, patch_type=MERGE_PATCH, subresource="scale")


async def test_a_second_definition_with_the_same_kind_waits(sim: Simulation, boot: Any, definitions: Any) -> None:
    """Teaches: names belong to the definition that had them first, until it is gone."""
    async with boot(sim) as api:
        await definitions.define(api)
        await api.create(CUSTOM_RESOURCE_DEFINITIONS, definitions.make("urns"), namespace="")
        await asyncio.sleep(0.01)
        found = (await api.get(CUSTOM_RESOURCE_DEFINITIONS, "urns.example.com", namespace="")).object
        condition = condition_of(found, "NamesAccepted")
        assert (condition["status"], condition["reason"]) == ("False", "ListKindConflict")
        assert condition_of(found, "Established")["reason"] == "NotAccepted"
        assert api.server.catalogue.find("example.com/v1", "urns") is None


async def test_deleting_a_definition_deletes_its_objects_first(sim: Simulation, boot: Any, definitions: Any) -> None:
    """Teaches: a finalizer holds the definition until nothing of its kind is left."""
    async with boot(sim) as api:
        row = await definitions.define(api)
        held = definitions.vase()
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await api.create(row, held)
        await api.create(row, definitions.vase("two"))
        await api.delete(CUSTOM_RESOURCE_DEFINITIONS, "vases.example.com", namespace="")
        await asyncio.sleep(1)
        found = (await api.get(CUSTOM_RESOURCE_DEFINITIONS, "vases.example.com", namespace="")).object
        assert condition_of(found, "Terminating")["reason"] == "InstanceDeletionInProgress"
        with pytest.raises(MethodNotSupportedError, match="while custom resource definition is terminating"):
            await api.create(row, definitions.vase("three"))
        assert [stored.name for stored in (await api.list(row)).items] == ["one"]
        await api.patch(row, "one", {"metadata": {"finalizers": None}})
        await asyncio.sleep(6)
        with pytest.raises(NotFoundError):
            await api.get(CUSTOM_RESOURCE_DEFINITIONS, "vases.example.com", namespace="")
        with pytest.raises(NotFoundError):
            await api.list(row)


async def test_another_server_on_the_same_etcd_serves_the_same(sim: Simulation, boot: Any, definitions: Any) -> None:
    """Teaches: definitions live in etcd; who starts later, or again, finds them there."""
    async with boot(sim) as api:
        early = boot(sim, api.etcd)
        async with early:
            row = await definitions.define(api)
            await api.create(row, definitions.vase())
            assert (await early.get(row, "one")).object["spec"]["size"] == 3
        async with boot(sim, api.etcd) as late:
            assert (await late.get(row, "one")).object["spec"]["size"] == 3
            with pytest.raises(AlreadyExistsError):
                await late.create(row, definitions.vase())


async def test_an_object_can_be_read_in_every_version_and_is_stored_in_one(
    sim: Simulation, boot: Any, definitions: Any
) -> None:
    """Teaches: each version has its own schema; what is stored bears the storage version."""
    async with boot(sim) as api:
        obj = definitions.make()
        v1 = obj["spec"]["versions"][0]
        loose = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        obj["spec"]["versions"] = [v1, {"name": "v1beta1", "served": True, "storage": False, "schema": loose}]
        row = await definitions.define(api, obj)
        assert (row.version, row.stored_as) == ("v1", "example.com/v1")
        beta = api.server.catalogue.find("example.com/v1beta1", "vases")
        made = await api.create(beta, definitions.vase(api_version="example.com/v1beta1", size=99, more=True))
        assert made.object["apiVersion"] == "example.com/v1"
        assert made.object["spec"] == {"size": 99, "more": True}
        unserved = {"spec": {"versions": [v1, {**obj["spec"]["versions"][1], "served": False}]}}
        await api.patch(CUSTOM_RESOURCE_DEFINITIONS, "vases.example.com", unserved, namespace="")
        await asyncio.sleep(0.01)
        with pytest.raises(NotFoundError):
            await api.get(beta, "one")


async def test_rules_are_checked_and_transition_rules_compare_with_the_old_object(
    sim: Simulation, boot: Any, definitions: Any
) -> None:
    """Teaches: x-kubernetes-validations, with messages of their own."""
    pytest.importorskip("cel_expr_python")
    spec = {
        "type": "object",
        "properties": {"size": {"type": "integer"}, "color": {"type": "string"}},
        "x-kubernetes-validations": [
            {"rule": "self.size < 10", "message": "too big"},
            {
                "rule": "self.size >= oldSelf.size",
                "messageExpression": "'may not shrink below ' + string(oldSelf.size)",
            },
        ],
    }
    async with boot(sim) as api:
        row = await definitions.define(api, definitions.make(spec=spec))
        with pytest.raises(InvalidError, match=r'"one" is invalid: spec: Invalid value: too big$'):
            await api.create(row, definitions.vase(size=10))
        await api.create(row, definitions.vase(size=5))
        with pytest.raises(InvalidError, match=r"spec: Invalid value: may not shrink below 5$"):
            await api.patch(row, "one", {"spec": {"size": 4}})
        with pytest.raises(InvalidError, match="some validation rules were not checked"):
            await api.create(row, definitions.vase("two", size="x"))
        wrong = definitions.make(
            "pots", "Pot", spec={**spec, "x-kubernetes-validations": [{"rule": "self.nosuch == 1"}]}
        )
        with pytest.raises(InvalidError, match=r"compilation failed: ERROR: <input>:1:5: undefined field 'nosuch'"):
            await api.create(CUSTOM_RESOURCE_DEFINITIONS, wrong, namespace="")
