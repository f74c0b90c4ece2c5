"""managedFields of every write, and server-side apply, through the server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.errors import ApiError, BadRequestError, ConflictError, InvalidError, NotFoundError
from kubesim.api.fieldset import EMPTY
from kubesim.api.meta import with_fields
from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, PODS
from kubesim.api.schema import Schema
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, Options, Request
from kubesim.apiserver.authn import API_SERVER
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.managed_fields.applying import apply
from kubesim.apiserver.managed_fields.entries import cap, entry_of, read
from kubesim.apiserver.managed_fields.rules import manager_of, manager_problems
from kubesim.apiserver.managed_fields.tracking import FieldTracker
from kubesim.sim import Simulation, run

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def owners(stored: Stored) -> dict[str, Any]:
    """Manager → what it owns; times are looked at elsewhere."""
    return {entry["manager"]: entry["fieldsV1"] for entry in stored.object["metadata"].get("managedFields", ())}


def config(**data: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cfg"}, "data": data}


async def apply_to(api: Any, body: Object, manager: str = "one", **more: Any) -> Stored:
    found: Stored = await api.patch(CONFIG_MAPS, "cfg", body, APPLY_PATCH, field_manager=manager, **more)
    return found


async def test_whoever_changes_a_field_owns_it(sim: Simulation, boot: Any) -> None:
    """Teaches: fields go from manager to manager; an update that changes nothing moves neither field nor time."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, config(a="1", b="2"), field_manager="maker")
        assert owners(made) == {"maker": {"f:data": {".": {}, "f:a": {}, "f:b": {}}}}
        await asyncio.sleep(5)
        same = await api.patch(CONFIG_MAPS, "cfg", {"data": {"a": "1"}}, field_manager="other")
        assert same.revision == made.revision
        changed = await api.patch(CONFIG_MAPS, "cfg", {"data": {"a": "3", "b": None}}, field_manager="other")
        assert owners(changed) == {"maker": {"f:data": {}}, "other": {"f:data": {"f:a": {}}}}
        times = [entry["time"] for entry in changed.object["metadata"]["managedFields"]]
        assert times[0] < times[1]


async def test_an_unchanged_set_is_the_same_object(sim: Simulation, boot: Any) -> None:
    """Teaches: a heartbeat changes a time at most; the sets of all revisions are one."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, config(a="1"))
        again = await api.patch(CONFIG_MAPS, "cfg", {"data": {"a": "2"}})
        assert again.object["metadata"]["managedFields"] is made.object["metadata"]["managedFields"]
        await asyncio.sleep(1)
        later = await api.patch(CONFIG_MAPS, "cfg", {"data": {"a": "3"}})
        entry, before = later.object["metadata"]["managedFields"][0], made.object["metadata"]["managedFields"][0]
        assert entry["fieldsV1"] is before["fieldsV1"]
        assert entry["time"] > before["time"]


async def test_a_status_has_an_entry_of_its_own(sim: Simulation, boot: Any) -> None:
    """Teaches: what a subresource cannot change is not owned through it."""
    async with boot(sim) as api:
        made = (await api.deployment()).object
        body = {**with_fields(made, {"replicas": 9}, "spec"), "status": {"observedGeneration": 1}}
        stored = await api.update(DEPLOYMENTS, body, subresource="status", field_manager="controller")
        entry = stored.object["metadata"]["managedFields"][0]
        assert (entry["manager"], entry["subresource"]) == ("controller", "status")
        assert entry["fieldsV1"] == {"f:status": {"f:observedGeneration": {}}}


async def test_scaling_takes_the_replicas_and_has_no_time(sim: Simulation, boot: Any) -> None:
    """Teaches: the scale subresource is written in the object's own version."""
    async with boot(sim) as api:
        await api.deployment()
        await api.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 7}}, subresource="scale", field_manager="scaler")
        entries = (await api.get(DEPLOYMENTS, "web")).object["metadata"]["managedFields"]
        assert {"manager": "scaler", "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:replicas": {}}}, "subresource": "scale"} in entries  # fmt: skip
        assert all("f:replicas" not in e["fieldsV1"]["f:spec"] for e in entries if e["manager"] != "scaler")


async def test_a_scale_can_be_applied(sim: Simulation, boot: Any) -> None:
    """Teaches: the Scale's number has the owners of the object's number."""
    async with boot(sim) as api:
        await api.deployment()
        body = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 4}}
        more = {"subresource": "scale", "field_manager": "scaler"}
        with pytest.raises(ConflictError, match=r'conflict with "test" using apps/v1: \.spec\.replicas'):
            await api.patch(DEPLOYMENTS, "web", body, APPLY_PATCH, **more)
        await api.patch(DEPLOYMENTS, "web", body, APPLY_PATCH, force=True, **more)
        obj = (await api.get(DEPLOYMENTS, "web")).object
        assert obj["spec"]["replicas"] == 4
        mine = [e for e in obj["metadata"]["managedFields"] if e["manager"] == "scaler"]
        assert [(e["operation"], e["apiVersion"], e["subresource"]) for e in mine] == [("Apply", "apps/v1", "scale")]
        assert all(
            "f:replicas" not in e["fieldsV1"]["f:spec"] for e in obj["metadata"]["managedFields"] if e not in mine
        )


async def test_managers_can_be_forgotten_but_not_broken(sim: Simulation, boot: Any) -> None:
    """Teaches: one empty entry resets; what is no valid entry is as if it had not been sent."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, config(a="1"))
        broken = [{"op": "replace", "path": "/metadata/managedFields", "value": [{"operation": "Steal"}]}]
        assert owners(await api.patch(CONFIG_MAPS, "cfg", broken, JSON_PATCH)) == owners(made)
        reset = await api.patch(CONFIG_MAPS, "cfg", {"metadata": {"managedFields": [{}]}}, MERGE_PATCH)
        assert "managedFields" not in reset.object["metadata"]
        untracked = await api.patch(CONFIG_MAPS, "cfg", {"data": {"a": "2"}})
        assert "managedFields" not in untracked.object["metadata"]
        applied = await apply_to(api, config(b="1"))
        assert owners(applied) == {
            "before-first-apply": {"f:data": {".": {}, "f:a": {}}},
            "one": {"f:data": {"f:b": {}}},
        }


def test_old_entries_are_put_together() -> None:
    """Teaches: ten who update are kept; the oldest become "ancient-changes"."""
    entries = [
        entry_of((f"m{n:02}", "Update", "v1", ""), "v1", {"f:data": {f"f:{n}": {}}}, f"2024-01-01T00:00:{n:02}Z")
        for n in range(12)
    ]
    kept = cap(entries)
    assert len(kept) == 10
    ancient = kept[0]
    assert (ancient["manager"], ancient["time"]) == ("ancient-changes", "2024-01-01T00:00:02Z")
    assert set(ancient["fieldsV1"]["f:data"]) == {"f:0", "f:1", "f:2"}


def test_who_does_not_name_himself_is_known_by_his_program() -> None:
    """Teaches: the user agent up to its first slash is the manager, and may be 128 printable bytes long."""
    asked = Request("create", PODS, user_agent="kubelet/node-1")
    assert manager_of(asked) == "kubelet"
    assert manager_of(Request("create", PODS)) == "unknown"
    assert len(manager_of(Request("create", PODS, user_agent="ä\a" * 100)).encode()) == 128
    assert [str(problem) for problem in manager_problems("a\ab" + "x" * 130)] == [
        "fieldManager: Too long: may not be more than 128 bytes",
        'fieldManager: Invalid value: "a\\x07b' + "x" * 130 + '": invalid character U+0007 (at position 1)',
    ]


def test_of_two_entries_of_one_manager_the_later_counts() -> None:
    """Teaches: entries are read as a map by manager."""
    entry = {"manager": "m", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1"}
    found = read([{**entry, "fieldsV1": {"f:a": {}}}, {**entry, "apiVersion": "v2", "fieldsV1": {"f:b": {}}}])
    assert found is not None
    assert [(e["apiVersion"], e["fieldsV1"]) for e in found] == [("v2", {"f:b": {}})]


async def test_what_is_applied_no_longer_goes_unless_others_own_it(sim: Simulation, boot: Any) -> None:
    """Teaches: removal follows ownership, and a shared field stays with whoever goes on applying it."""
    async with boot(sim) as api:
        await apply_to(api, config(a="1", b="1", c="1"))
        both = await apply_to(api, config(b="1"), "two")
        assert [e.get("time") for e in both.object["metadata"]["managedFields"] if e["manager"] == "two"] == [None]
        left = await apply_to(api, config(a="1"))
        assert left.object["data"] == {"a": "1", "b": "1"}
        assert owners(left) == {"one": {"f:data": {"f:a": {}}}, "two": {"f:data": {"f:b": {}}}}


async def test_conflicts_name_field_and_owner_and_force_takes_over(sim: Simulation, boot: Any) -> None:
    """Teaches: another value for somebody's field is refused unless it is forced."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, config(a="1", b="1"), field_manager="kubectl-client-side-apply")
        with pytest.raises(ConflictError) as caught:
            await apply_to(api, config(a="2"))
        assert caught.value.message == (
            'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.a'
        )
        assert caught.value.details == {
            "causes": [
                {
                    "reason": "FieldManagerConflict",
                    "message": 'conflict with "kubectl-client-side-apply" using v1',
                    "field": ".data.a",
                }
            ]
        }
        with pytest.raises(ConflictError, match=r"2 conflicts: conflicts with .* using v1:\n- .data.a\n- .data.b"):
            await apply_to(api, config(a="2", b="2"))
        forced = await apply_to(api, config(a="2"), force=True)
        assert owners(forced)["one"] == {"f:data": {"f:a": {}}}
        assert owners(forced)["kubectl-client-side-apply"] == {"f:data": {".": {}, "f:b": {}}}


async def test_kubectl_goes_over_from_the_client_to_the_server(sim: Simulation, boot: Any) -> None:
    """Teaches: what the annotation says was kubectl's anyway, and the annotation follows what is applied."""
    text = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cfg"},"data":{"a":"1"}}'
    async with boot(sim) as api:
        body = with_fields(config(a="1"), {"annotations": {LAST_APPLIED: text}}, "metadata")
        await api.create(CONFIG_MAPS, body, field_manager="kubectl-client-side-apply")
        with pytest.raises(ConflictError):
            await apply_to(api, config(a="2"))
        applied = await apply_to(api, config(a="2"), "kubectl")
        annotation = applied.object["metadata"]["annotations"][LAST_APPLIED]
        assert annotation == ('{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"cfg"}}\n')


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ([], BadRequestError, "error decoding YAML: json: cannot unmarshal array into Go value of type map"),
        ({**config(), "kind": "Secret"}, BadRequestError, "invalid object type: /v1, Kind=Secret"),
        (
            with_fields(config(), {"managedFields": [{"manager": "x"}]}, "metadata"),
            BadRequestError,
            "metadata.managedFields must be nil",
        ),
        (
            {**config(), "dta": {}},
            ApiError,
            r"failed to create typed patch object \(/cfg; /v1, Kind=ConfigMap\): .dta: field not declared in schema",
        ),
        (with_fields(config(), {"name": "b"}, "metadata"), BadRequestError, "does not match the name on the URL"),
        (with_fields(config(), {"uid": "u"}, "metadata"), ConflictError, "uid mismatch: the provided object specified"),
    ],
)
async def test_what_cannot_be_applied_is_refused(
    sim: Simulation, boot: Any, body: Any, kind: type[ApiError], words: str
) -> None:
    """Teaches: nothing is written, and the words are the real server's."""
    async with boot(sim) as api:
        with pytest.raises(kind, match=words):
            await apply_to(api, body)
        with pytest.raises(NotFoundError):
            await api.get(CONFIG_MAPS, "cfg")


async def test_who_applies_must_say_who_he_is(sim: Simulation, boot: Any) -> None:
    """Teaches: an apply without a manager could own nothing."""
    async with boot(sim) as api:
        with pytest.raises(InvalidError, match="fieldManager: Required value: is required for apply patch"):
            await apply_to(api, config(a="1"), "")


async def test_a_stale_resource_version_is_a_conflict_and_a_dry_run_writes_nothing(sim: Simulation, boot: Any) -> None:
    """Teaches: a configuration may carry a precondition."""
    async with boot(sim) as api:
        dry = await apply_to(api, config(a="1"), dry_run=True)
        assert dry.object["data"] == {"a": "1"}
        made = await apply_to(api, config(a="1"))
        assert (await apply_to(api, config(a="1"))).revision == made.revision
        stale = with_fields(config(a="2"), {"resourceVersion": "1"}, "metadata")
        with pytest.raises(ConflictError, match="please apply your changes to the latest version"):
            await apply_to(api, stale)


NODE = Schema.load().node(CONFIG_MAPS)
DATA = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"), max_size=4)


@settings(max_examples=60, deadline=None)
@given(DATA, DATA, DATA)
def test_applying_is_idempotent_and_a_subset_removes_what_was_owned_alone(
    first: dict[str, str], second: dict[str, str], shared: dict[str, str]
) -> None:
    """Teaches: the laws of server-side apply, for any configurations."""
    run(lambda: _laws(first, second, shared))


async def _laws(first: dict[str, str], second: dict[str, str], shared: dict[str, str]) -> None:
    sim = Simulation(0)
    tracker = FieldTracker(CONFIG_MAPS, lambda: NODE)

    def once(live: Object, data: dict[str, str], manager: str) -> Object:
        request = Request("patch", CONFIG_MAPS, options=Options(field_manager=manager, force=True))
        return apply(tracker, RequestContext(sim, request, API_SERVER), live, config(**data))

    obj = once(EMPTY, first, "one")
    assert once(obj, first, "one") == obj
    obj = once(once(obj, shared, "two"), {**second, **shared}, "one")
    subset = {name: value for name, value in second.items() if name == "a"}
    left = once(obj, subset, "one")
    assert all((left.get("data") or {})[name] == value for name, value in subset.items())
    assert set(left.get("data") or {}) == set(subset) | set(shared)
