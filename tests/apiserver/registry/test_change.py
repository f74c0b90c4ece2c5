"""PUT: who may overwrite whom, what may change, and what counts as a change."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ApiError, BadRequestError, ConflictError, InvalidError, NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, ENDPOINT_SLICES, EVENTS, LEASES, PODS
from kubesim.etcd import Member
from kubesim.sim import Simulation

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


async def test_who_comes_second_with_an_old_revision_gets_a_conflict(sim: Simulation, boot: Any) -> None:
    """Teaches: optimistic concurrency: the resourceVersion that was read is the condition of the write."""
    async with boot(sim) as api:
        read = await api.deployment()
        await api.update(DEPLOYMENTS, with_fields(read.object, {"replicas": 5}, "spec"))
        with pytest.raises(ConflictError) as refusal:
            await api.update(DEPLOYMENTS, with_fields(read.object, {"replicas": 1}, "spec"))
        assert str(refusal.value) == f'Operation cannot be fulfilled on deployments.apps "web": {MODIFIED}'
        assert refusal.value.status()["details"] == {"name": "web", "group": "apps", "kind": "deployments"}
        assert (await api.get(DEPLOYMENTS, "web")).object["spec"]["replicas"] == 5


async def test_without_a_resource_version_the_last_one_wins(sim: Simulation, boot: Any) -> None:
    """Teaches: an unconditional update overwrites whatever is there, where the kind allows it."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "1"}})
        await api.update(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "2"}})
        assert (await api.get(CONFIG_MAPS, "a")).object["data"] == {"k": "2"}
        await api.create(LEASES, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "x"}})
        with pytest.raises(InvalidError) as refusal:
            await api.update(LEASES, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "y"}})
        assert str(refusal.value) == (
            'Lease.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0x0: '
            "must be specified for an update"
        )


async def test_a_change_that_changes_nothing_is_not_written(sim: Simulation, boot: Any, events_of: Any) -> None:
    """Teaches: no new revision, no event: so a controller may write what is there already."""
    async with boot(sim) as api:
        made = await api.deployment()
        stream = await api.watch(DEPLOYMENTS, resource_version=str(made.revision))
        assert (await api.update(DEPLOYMENTS, made.object)) is made
        with_status = with_fields(made.object, {"replicas": 9}, "status")
        assert (await api.update(DEPLOYMENTS, with_status)) is made
        assert await events_of(stream) == []


async def test_generation_counts_what_is_wanted(sim: Simulation, boot: Any) -> None:
    """Teaches: spec counts, status and labels do not; of a Deployment annotations do."""
    async with boot(sim) as api:
        one = await api.deployment()
        two = await api.update(DEPLOYMENTS, with_fields(one.object, {"replicas": 5}, "spec"))
        assert two.object["metadata"]["generation"] == 2
        three = await api.update(DEPLOYMENTS, with_fields(two.object, {"labels": {"a": "b"}}, "metadata"))
        assert three.object["metadata"]["generation"] == 2
        four = await api.update(DEPLOYMENTS, with_fields(three.object, {"annotations": {"a": "b"}}, "metadata"))
        assert four.object["metadata"]["generation"] == 3
        body = with_fields(with_fields(four.object, {"generation": 99}, "metadata"), {"replicas": 3}, "status")
        five = await api.update(DEPLOYMENTS, body, subresource="status")
        assert five.object["metadata"]["generation"] == 3


async def test_everything_of_an_endpoint_slice_is_wanted(sim: Simulation, boot: Any) -> None:
    """Teaches: a kind without spec counts all its fields, and its labels."""
    async with boot(sim) as api:
        one = await api.create(ENDPOINT_SLICES, {"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": []})
        two = await api.update(ENDPOINT_SLICES, {**one.object, "endpoints": [{"addresses": ["10.0.0.1"]}]})
        assert two.object["metadata"]["generation"] == 2
        noted = with_fields(two.object, {"annotations": {"a": "b"}}, "metadata")
        assert (await api.update(ENDPOINT_SLICES, noted)).object["metadata"]["generation"] == 2
        with pytest.raises(InvalidError, match=r'addressType: Invalid value: "IPv6": field is immutable$'):
            await api.patch(ENDPOINT_SLICES, "s", {"addressType": "IPv6"})


async def test_status_and_the_rest_change_through_different_doors(sim: Simulation, boot: Any) -> None:
    """Teaches: PUT keeps the old status, PUT to /status keeps everything else."""
    async with boot(sim) as api:
        made = await api.deployment()
        both = with_fields(with_fields(made.object, {"replicas": 7}, "spec"), {"replicas": 7}, "status")
        changed = await api.update(DEPLOYMENTS, both, subresource="status")
        assert changed.object["spec"]["replicas"] == 3
        assert changed.object["status"] == {"replicas": 7}
        both = with_fields(with_fields(changed.object, {"replicas": 8}, "spec"), {"replicas": 8}, "status")
        changed = await api.update(DEPLOYMENTS, both)
        assert changed.object["spec"]["replicas"] == 8
        assert changed.object["status"] == {"replicas": 7}


async def test_the_identity_of_an_object_is_for_life(sim: Simulation, boot: Any) -> None:
    """Teaches: fields that only the server sets are immutable; left out they are kept."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        old = with_fields(made.object, {"creationTimestamp": "2000-01-01T00:00:00Z"}, "metadata")
        with pytest.raises(InvalidError) as refusal:
            await api.update(CONFIG_MAPS, old)
        assert str(refusal.value) == (
            'ConfigMap "a" is invalid: metadata.creationTimestamp: Invalid value: "2000-01-01T00:00:00Z": '
            "field is immutable"
        )
        changed = await api.update(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
        assert changed.uid == made.uid
        assert changed.object["metadata"]["creationTimestamp"] == made.object["metadata"]["creationTimestamp"]


async def test_another_uid_means_another_object(sim: Simulation, boot: Any) -> None:
    """Teaches: the uid tells an object from a namesake that was there before."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        with pytest.raises(ConflictError) as refusal:
            await api.update(CONFIG_MAPS, {"metadata": {"name": "a", "uid": "other"}, "data": {"k": "v"}})
        assert str(refusal.value) == (
            'Operation cannot be fulfilled on configmaps "a": StorageError: invalid object, Code: 4, '
            "Key: /registry/configmaps/default/a, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: other, UID in object meta: {made.uid}"
        )


async def test_a_resource_version_is_a_number(sim: Simulation, boot: Any) -> None:
    """Teaches: opaque to clients, but not to the server."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        with pytest.raises(ApiError) as refusal:
            await api.update(CONFIG_MAPS, {"metadata": {"name": "a", "resourceVersion": "abc"}})
        assert str(refusal.value) == 'strconv.ParseUint: parsing "abc": invalid syntax'


async def test_what_does_not_exist_cannot_be_replaced(sim: Simulation, boot: Any) -> None:
    """Teaches: 404, but for Leases and Events, which PUT creates."""
    async with boot(sim) as api:
        with pytest.raises(NotFoundError, match=r'^configmaps "a" not found$'):
            await api.update(CONFIG_MAPS, {"metadata": {"name": "a"}})
        made = await api.call("update", LEASES, "l", {"metadata": {"name": "l"}, "spec": {"holderIdentity": "x"}})
        assert made.code == 201
        event = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"}, "reason": "Tested"}
        assert (await api.update(EVENTS, event)).object["reason"] == "Tested"


async def test_the_name_in_the_body_is_that_of_the_path(sim: Simulation, boot: Any) -> None:
    """Teaches: an object cannot be renamed."""
    async with boot(sim) as api:
        with pytest.raises(BadRequestError) as refusal:
            await api.call("update", CONFIG_MAPS, "a", {"metadata": {"name": "b"}})
        assert str(refusal.value) == "the name of the object (b) does not match the name on the URL (a)"


async def test_no_finalizer_can_be_added_to_what_is_being_deleted(sim: Simulation, boot: Any) -> None:
    """Teaches: the end can be delayed only by who was there before; anything else may still change."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a", "finalizers": ["example.com/one"]}})
        await api.delete(CONFIG_MAPS, "a")
        both = ["example.com/one", "example.com/two"]
        with pytest.raises(InvalidError) as refusal:
            await api.patch(CONFIG_MAPS, "a", {"metadata": {"finalizers": both}})
        assert str(refusal.value) == (
            'ConfigMap "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object '
            'is being deleted, found new finalizers []string{"example.com/two"}'
        )
        noted = await api.patch(CONFIG_MAPS, "a", {"metadata": {"annotations": {"a": "b"}}})
        assert noted.object["metadata"]["annotations"] == {"a": "b"}


async def test_a_change_does_not_touch_what_others_hold(sim: Simulation, boot: Any) -> None:
    """Teaches: copy on write: old revisions stay as they were, and share what did not change."""
    async with boot(sim) as api:
        one = await api.deployment()
        before = one.encoded
        two = await api.update(DEPLOYMENTS, with_fields(one.object, {"replicas": 9}, "spec"))
        assert one.encoded == before
        assert two.object["spec"]["template"] is one.object["spec"]["template"]


async def test_a_refusal_rests_on_what_etcd_says_now(sim: Simulation, boot: Any) -> None:
    """Teaches: before a server says no because of what it remembers, it asks etcd whether that is still so."""
    etcd = Member(sim)
    async with boot(sim, etcd) as one, boot(sim, etcd, name="apiserver-2") as two:
        made = await one.pod()
        await one.bind("web", "n1")
        await two.delete(PODS, "web", {"gracePeriodSeconds": 0})
        again = await two.create(PODS, {"metadata": {"name": "web"}, "spec": {"containers": [
            {"name": "c", "image": "nginx"}]}})  # fmt: skip
        assert again.uid != made.uid
        # `one` believes in the old Pod, which is bound; yet the new one is not.
        await one.bind("web", "n2")
        assert (await two.get(PODS, "web")).object["spec"]["nodeName"] == "n2"


async def test_a_dry_run_of_a_change_answers_but_does_not_write(sim: Simulation, boot: Any) -> None:
    """Teaches: the object as it would be."""
    async with boot(sim) as api:
        made = await api.deployment()
        tried = await api.update(DEPLOYMENTS, with_fields(made.object, {"replicas": 9}, "spec"), dry_run=True)
        assert tried.object["spec"]["replicas"] == 9
        assert (await api.get(DEPLOYMENTS, "web")) is made
