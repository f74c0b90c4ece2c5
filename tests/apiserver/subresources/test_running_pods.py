"""ephemeralcontainers and resize: what may change in a Pod that runs."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import InvalidError
from kubesim.api.resources import PODS
from kubesim.api.wire import STRATEGIC_MERGE_PATCH
from kubesim.sim import Simulation


def debugger(name: str = "dbg", **fields: Any) -> dict[str, Any]:
    return {"spec": {"ephemeralContainers": [{"name": name, "image": "busybox", **fields}]}}


def resources(**more: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "c", **more}]}}


async def test_a_container_to_look_around_with_is_added_and_stays(sim: Simulation, boot: Any) -> None:
    """Teaches: ephemeral containers come with defaults, and are neither changed nor taken away."""
    async with boot(sim) as api:
        await api.pod()
        made = await api.patch(PODS, "web", debugger(), subresource="ephemeralcontainers")
        assert made.object["metadata"]["generation"] == 2
        assert made.object["spec"]["ephemeralContainers"] == [
            {
                "name": "dbg", "image": "busybox", "imagePullPolicy": "Always", "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            }
        ]  # fmt: skip
        with pytest.raises(InvalidError) as refusal:
            await api.patch(PODS, "web", debugger(image="other"), subresource="ephemeralcontainers")
        assert str(refusal.value) == (
            'Pod "web" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "dbg" may not be '
            'changed\n@@ -1,6 +1,6 @@\n {\n  "Name": "dbg",\n- "Image": "busybox",\n+ "Image": "other",\n'
            '  "Command": null,\n  "Args": null,\n  "WorkingDir": "",\n'
        )
        gone = [{"op": "remove", "path": "/spec/ephemeralContainers/0"}]
        with pytest.raises(InvalidError, match=r'existing ephemeral containers "dbg" may not be removed'):
            await api.patch(PODS, "web", gone, "application/json-patch+json", subresource="ephemeralcontainers")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "c"}, r'spec.ephemeralContainers\[0\].name: Duplicate value: "c"'),
        ({"targetContainerName": "x"}, r'spec.ephemeralContainers\[0\].targetContainerName: Not found: "x"'),
        ({"ports": [{"containerPort": 80}]}, r"ports: Forbidden: cannot be set for an Ephemeral Container"),
        ({"resources": {"limits": {"cpu": "1"}}}, r"resources: Forbidden: cannot be set for an Ephemeral Container"),
        ({"image": ""}, r"spec.ephemeralContainers\[0\].image: Required value"),
    ],
)
async def test_what_an_ephemeral_container_may_not_be(
    sim: Simulation, boot: Any, fields: dict[str, Any], words: str
) -> None:
    """Teaches: it looks on; nothing is run by it."""
    async with boot(sim) as api:
        await api.pod()
        with pytest.raises(InvalidError, match=words):
            await api.patch(PODS, "web", debugger(**fields), subresource="ephemeralcontainers")


async def test_ephemeral_containers_are_not_born_with_a_pod(sim: Simulation, boot: Any) -> None:
    """Teaches: neither a new Pod nor a change of the main resource brings them."""
    async with boot(sim) as api:
        with pytest.raises(InvalidError, match=r"spec.ephemeralContainers: Forbidden: cannot be set on create"):
            await api.pod("other", **debugger()["spec"])
        await api.pod()
        with pytest.raises(InvalidError, match=r"pod updates may not change fields other than"):
            await api.patch(PODS, "web", debugger())


async def test_a_resize_changes_resources_and_nothing_else(sim: Simulation, boot: Any) -> None:
    """Teaches: the main resource refuses what its subresource does."""
    async with boot(sim) as api:
        requests = {"requests": {"cpu": "100m"}}
        await api.pod(containers=[{"name": "c", "image": "nginx", "resources": requests}])
        more = {"resources": {"requests": {"cpu": "200m"}}}
        with pytest.raises(InvalidError, match=r"pod updates may not change fields other than"):
            await api.patch(PODS, "web", resources(**more))
        resized = (
            await api.patch(PODS, "web", resources(image="other", **more), STRATEGIC_MERGE_PATCH, subresource="resize")
        ).object
        assert resized["metadata"]["generation"] == 2
        container = resized["spec"]["containers"][0]
        assert (container["image"], container["resources"]) == ("nginx", more["resources"])


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            {"limits": {"cpu": "50m"}},
            r'spec.containers\[0\].resources.requests: Invalid value: "100m": must be less than or equal to cpu limit',
        ),
        ({"requests": {"cpu": None}}, r"Pod QOS Class may not change as a result of resizing"),
        ({"requests": {"cpu": None, "memory": "1Mi"}}, r"resources.requests: Forbidden: resource requests cannot be"),
        ({"requests": {"ephemeral-storage": "1Mi"}}, r"spec: Forbidden: only cpu and memory resources are mutable"),
    ],
)
async def test_what_a_resize_may_not_do(sim: Simulation, boot: Any, wanted: dict[str, Any], words: str) -> None:
    """Teaches: the quality of service is for life."""
    async with boot(sim) as api:
        await api.pod(containers=[{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "100m"}}}])
        with pytest.raises(InvalidError, match=words):
            await api.patch(PODS, "web", resources(resources=wanted), STRATEGIC_MERGE_PATCH, subresource="resize")
