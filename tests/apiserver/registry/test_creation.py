"""POST: what the server adds, what it drops, what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import AlreadyExistsError, ApiError, BadRequestError, InvalidError, NotFoundError
from kubesim.api.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    HORIZONTAL_POD_AUTOSCALERS,
    NAMESPACES,
    NODES,
    PODS,
)
from kubesim.sim import Simulation

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


async def test_a_new_object_gets_a_uid_a_date_and_a_revision(sim: Simulation, boot: Any) -> None:
    """Teaches: these fields are the server's; what a client puts there is dropped."""
    async with boot(sim) as api:
        mine = {"name": "a", "uid": "mine", "creationTimestamp": "2000-01-01T00:00:00Z", "generation": 7,
                "deletionTimestamp": "2000-01-01T00:00:00Z"}  # fmt: skip
        metadata = (await api.create(CONFIG_MAPS, {"metadata": mine})).object["metadata"]
        assert metadata["uid"] != "mine"
        assert metadata["creationTimestamp"] == "2024-01-13T09:00:00Z"
        assert metadata["namespace"] == "default"
        assert "deletionTimestamp" not in metadata
        assert "generation" not in metadata
        assert int(metadata["resourceVersion"]) > 0


async def test_the_senders_object_is_left_alone(sim: Simulation, boot: Any) -> None:
    """Teaches: in process nothing is copied over a wire, so the server must not write into what it got."""
    async with boot(sim) as api:
        body = {"metadata": {"name": "a"}, "data": {"k": "v"}}
        await api.create(CONFIG_MAPS, body)
        assert body == {"metadata": {"name": "a"}, "data": {"k": "v"}}


async def test_only_kinds_with_a_spec_count_generations(sim: Simulation, boot: Any) -> None:
    """Teaches: Pods and Deployments begin with generation 1; ConfigMaps, Nodes and Services have none."""
    async with boot(sim) as api:
        assert (await api.pod()).object["metadata"]["generation"] == 1
        assert (await api.deployment()).object["metadata"]["generation"] == 1
        slice_ = {"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": []}
        assert (await api.create(ENDPOINT_SLICES, slice_)).object["metadata"]["generation"] == 1
        assert "generation" not in (await api.node()).object["metadata"]


async def test_a_client_cannot_bring_a_status_along(sim: Simulation, boot: Any) -> None:
    """Teaches: spec is what users want, status is what the cluster says; a Node is the exception."""
    async with boot(sim) as api:
        await api.account()
        pod = await api.create(PODS, {"metadata": {"name": "p"}, "status": {"phase": "Running"},
                                      "spec": {"containers": [{"name": "c", "image": "i"}]}})  # fmt: skip
        assert pod.object["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
        assert (await api.deployment()).object["status"] == {}
        node = await api.create(NODES, {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "2"}}})
        assert node.object["status"]["capacity"] == {"cpu": "2"}


async def test_a_name_can_be_generated(sim: Simulation, boot: Any) -> None:
    """Teaches: generateName plus five characters without vowels, so no words arise."""
    async with boot(sim) as api:
        first = await api.create(CONFIG_MAPS, {"metadata": {"generateName": "job-"}})
        second = await api.create(CONFIG_MAPS, {"metadata": {"generateName": "job-"}})
        assert first.name != second.name
        for made in (first, second):
            assert made.name.startswith("job-")
            assert len(made.name) == len("job-") + 5
            assert set(made.name[4:]) <= set("bcdfghjklmnpqrstvwxz2456789")
            assert made.object["metadata"]["generateName"] == "job-"


async def test_a_long_prefix_is_cut_to_keep_the_name_a_label(sim: Simulation, boot: Any) -> None:
    """Teaches: 58 characters of prefix and 5 of suffix make 63, the most that a label may have."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"generateName": "a" * 70}})
        assert made.name[:58] == "a" * 58
        assert len(made.name) == 63


async def test_a_generated_name_that_is_taken_is_drawn_again(
    sim: Simulation, boot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teaches: collisions are rare, and not the client's problem."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "x-aaaaa"}})
        suffixes = iter(["aaaaa", "aaaaa", "bbbbb"])
        monkeypatch.setattr(sim.chance, "name_suffix", lambda: next(suffixes))
        assert (await api.create(CONFIG_MAPS, {"metadata": {"generateName": "x-"}})).name == "x-bbbbb"


async def test_eight_collisions_are_enough(sim: Simulation, boot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: every retry has a limit."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "x-aaaaa"}})
        monkeypatch.setattr(sim.chance, "name_suffix", lambda: "aaaaa")
        with pytest.raises(AlreadyExistsError, match=r'^configmaps "x-aaaaa" already exists$'):
            await api.create(CONFIG_MAPS, {"metadata": {"generateName": "x-"}})


async def test_a_name_is_needed(sim: Simulation, boot: Any) -> None:
    """Teaches: all complaints come in one answer, each with its field."""
    async with boot(sim) as api:
        await api.account()
        pod = {"metadata": {}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        with pytest.raises(InvalidError) as refusal:
            await api.create(PODS, pod)
        assert (
            str(refusal.value) == 'Pod "" is invalid: metadata.name: Required value: name or generateName is required'
        )
        with pytest.raises(InvalidError) as refusal:
            await api.create(PODS, {"metadata": {"name": "Bad_Name"}, "spec": {"containers": [{"name": "c"}]}})
        assert str(refusal.value) == (
            f'Pod "Bad_Name" is invalid: [metadata.name: Invalid value: "Bad_Name": {SUBDOMAIN}, '
            "spec.containers[0].image: Required value]"
        )
        assert refusal.value.status()["details"] == {
            "name": "Bad_Name",
            "kind": "Pod",
            "causes": [
                {"reason": "FieldValueInvalid", "message": f'Invalid value: "Bad_Name": {SUBDOMAIN}',
                 "field": "metadata.name"},
                {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.containers[0].image"},
            ],
        }  # fmt: skip


async def test_a_name_may_be_253_characters_long(sim: Simulation, boot: Any) -> None:
    """Teaches: names are DNS subdomains."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a" * 253}})
        with pytest.raises(InvalidError, match=r"metadata.name: .*: must be no more than 253 characters$"):
            await api.create(CONFIG_MAPS, {"metadata": {"name": "a" * 254}})


async def test_a_name_can_be_taken_once(sim: Simulation, boot: Any) -> None:
    """Teaches: 409 AlreadyExists."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        with pytest.raises(AlreadyExistsError, match=r'^configmaps "a" already exists$') as refusal:
            await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        assert refusal.value.status()["code"] == 409


async def test_a_name_is_taken_as_long_as_its_holder_is_being_deleted(sim: Simulation, boot: Any) -> None:
    """Teaches: delete and create again is no atomic replacement."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a", "finalizers": ["example.com/hold"]}})
        await api.delete(CONFIG_MAPS, "a")
        with pytest.raises(AlreadyExistsError, match=r'^object is being deleted: configmaps "a" already exists$'):
            await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})


async def test_an_object_goes_where_the_path_says(sim: Simulation, boot: Any) -> None:
    """Teaches: the namespace in the object must agree with that of the request."""
    async with boot(sim) as api:
        with pytest.raises(
            BadRequestError,
            match=r"^the namespace of the provided object does not match the namespace sent on the request$",
        ):
            await api.create(CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "kube-system"}})
        with pytest.raises(NotFoundError, match=r'^namespaces "nowhere" not found$'):
            await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}}, namespace="nowhere")


async def test_a_new_object_has_no_resource_version_yet(sim: Simulation, boot: Any) -> None:
    """Teaches: what was read from one cluster cannot be created in another as it is."""
    async with boot(sim) as api:
        with pytest.raises(ApiError, match=r"^resourceVersion should not be set on objects to be created$"):
            await api.create(CONFIG_MAPS, {"metadata": {"name": "a", "resourceVersion": "5"}})


async def test_an_unknown_field_is_dropped_with_a_warning_or_refused(sim: Simulation, boot: Any) -> None:
    """Teaches: fieldValidation Warn (the server's default), Strict (kubectl's) and Ignore."""
    async with boot(sim) as api:
        body = {"metadata": {"name": "a"}, "dta": {}}
        response = await api.call("create", CONFIG_MAPS, "", body, dry_run=True)
        assert response.warnings == ('unknown field "dta"',)
        assert "dta" not in response.stored.object
        assert (await api.call("create", CONFIG_MAPS, "", body, dry_run=True, field_validation="Ignore")).warnings == ()
        with pytest.raises(BadRequestError) as refusal:
            await api.create(CONFIG_MAPS, body, field_validation="Strict")
        assert str(refusal.value) == (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dta"'
        )


async def test_a_wrong_type_is_refused_in_the_words_of_gos_decoder(sim: Simulation, boot: Any) -> None:
    """Teaches: the real server decodes into Go structs, and its messages show it."""
    async with boot(sim) as api:
        with pytest.raises(BadRequestError) as refusal:
            await api.create(DEPLOYMENTS, {"metadata": {"name": "x"}, "spec": {"replicas": "two"}})
        assert str(refusal.value) == (
            'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go '
            "struct field DeploymentSpec.spec.replicas of type int32"
        )


async def test_another_version_or_kind_is_refused(sim: Simulation, boot: Any) -> None:
    """Teaches: the body says what it is, and must be what the path says."""
    async with boot(sim) as api:
        with pytest.raises(BadRequestError) as refusal:
            await api.create(DEPLOYMENTS, {"apiVersion": "v1", "kind": "Deployment", "metadata": {"name": "x"}})
        assert str(refusal.value) == (
            'Deployment in version "v1" cannot be handled as a Deployment: no kind "Deployment" is registered for '
            'version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"'
        )
        with pytest.raises(BadRequestError, match=r"converting \(v1\.Pod\) to \(core\.Namespace\): unknown conversion"):
            await api.create(NAMESPACES, {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}})
        older = {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v1", "metadata": {"name": "x"}}
        with pytest.raises(BadRequestError, match="does not match the expected API version"):
            await api.create(HORIZONTAL_POD_AUTOSCALERS, older)


async def test_a_dry_run_does_everything_but_write(sim: Simulation, boot: Any) -> None:
    """Teaches: defaults, admission and validation all happen, so the answer is what would be stored."""
    async with boot(sim) as api:
        await api.account()
        revision = (await api.list(PODS)).revision
        pod = {"metadata": {"generateName": "p-"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        made = await api.create(PODS, pod, dry_run=True)
        assert made.object["spec"]["serviceAccountName"] == "default"
        assert made.name.startswith("p-")
        listed = await api.list(PODS)
        assert (listed.items, listed.revision) == ([], revision)
        with pytest.raises(InvalidError):
            await api.create(PODS, {"metadata": {"name": "p"}, "spec": {}}, dry_run=True)
