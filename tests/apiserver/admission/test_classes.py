"""Plugins that complete an object from a class: storage, ingress, runtime; and what keeps things that are in use."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError, InvalidError
from kubesim.api.resources import (
    INGRESS_CLASSES,
    INGRESSES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    PRIORITY_CLASSES,
    RUNTIME_CLASSES,
    SERVICE_ACCOUNTS,
    STORAGE_CLASSES,
)
from kubesim.api.stored import Object
from kubesim.sim import Simulation

STANDARD: Object = {
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "p",
}


def claim(**spec: Any) -> Object:
    resources = {"requests": {"storage": "1Gi"}}
    return {"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources, **spec}}


async def test_a_claim_gets_the_default_class_and_a_finalizer(sim: Simulation, boot: Any) -> None:
    """Teaches: `storageClassName: ""` is an answer too, and keeps the default away."""
    async with boot(sim) as api:
        await api.create(STORAGE_CLASSES, STANDARD)
        made = (await api.create(PERSISTENT_VOLUME_CLAIMS, claim())).object
        assert made["spec"]["storageClassName"] == "standard"
        assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
        none = {**claim(storageClassName=""), "metadata": {"name": "none"}}
        assert (await api.create(PERSISTENT_VOLUME_CLAIMS, none)).object["spec"]["storageClassName"] == ""


async def test_a_bound_claim_grows_only_if_its_class_lets_it(sim: Simulation, boot: Any) -> None:
    """Teaches: validation lets only bound claims grow, then `allowVolumeExpansion` of the StorageClass decides."""
    async with boot(sim) as api:
        await api.create(STORAGE_CLASSES, STANDARD)
        made = (await api.create(PERSISTENT_VOLUME_CLAIMS, claim(volumeName="v"))).object
        more = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
        with pytest.raises(InvalidError, match="spec is immutable after creation except resources"):
            await api.patch(PERSISTENT_VOLUME_CLAIMS, "c", more)
        await api.update(PERSISTENT_VOLUME_CLAIMS, {**made, "status": {"phase": "Bound"}}, subresource="status")
        with pytest.raises(ForbiddenError, match="only dynamically provisioned pvc can be resized"):
            await api.patch(PERSISTENT_VOLUME_CLAIMS, "c", more)
        await api.patch(STORAGE_CLASSES, "standard", {"allowVolumeExpansion": True})
        await api.patch(PERSISTENT_VOLUME_CLAIMS, "c", more)


async def test_an_ingress_gets_the_default_class(sim: Simulation, boot: Any) -> None:
    """Teaches: the same for Ingresses."""
    async with boot(sim) as api:
        annotations = {"ingressclass.kubernetes.io/is-default-class": "true"}
        spec = {"controller": "example.com/c"}
        await api.create(INGRESS_CLASSES, {"metadata": {"name": "x", "annotations": annotations}, "spec": spec})
        backend = {"service": {"name": "s", "port": {"number": 80}}}
        made = await api.create(INGRESSES, {"metadata": {"name": "i"}, "spec": {"defaultBackend": backend}})
        assert made.object["spec"]["ingressClassName"] == "x"


async def test_a_runtime_class_brings_overhead_and_nodes(sim: Simulation, boot: Any) -> None:
    """Teaches: what a sandbox costs is charged to the Pod, and only nodes that know it are chosen."""
    async with boot(sim) as api:
        await api.account()
        scheduling = {"nodeSelector": {"kata": "yes"}, "tolerations": [{"key": "kata", "operator": "Exists"}]}
        overhead = {"podFixed": {"cpu": "100m"}}
        await api.create(RUNTIME_CLASSES, {"metadata": {"name": "kata"}, "handler": "kata", "overhead": overhead,
                                           "scheduling": scheduling})  # fmt: skip
        spec = (await api.pod("p", runtimeClassName="kata")).object["spec"]
        assert (spec["overhead"], spec["nodeSelector"]) == ({"cpu": "100m"}, {"kata": "yes"})
        assert {"key": "kata", "operator": "Exists"} in spec["tolerations"]
        with pytest.raises(ForbiddenError, match=r"conflict: runtimeClass\.scheduling\.nodeSelector"):
            await api.pod("q", runtimeClassName="kata", nodeSelector={"kata": "no"})
        with pytest.raises(ForbiddenError, match='pod rejected: RuntimeClass "none" not found'):
            await api.pod("r", runtimeClassName="none")
        with pytest.raises(ForbiddenError, match="Pod Overhead set without corresponding RuntimeClass"):
            await api.pod("s", overhead={"cpu": "1"})


async def test_priority_classes_have_one_default_and_the_systems_stay(sim: Simulation, boot: Any) -> None:
    """Teaches: two defaults would make a Pod's priority a matter of chance."""
    async with boot(sim) as api:
        await api.create(PRIORITY_CLASSES, {"metadata": {"name": "a"}, "value": 5, "globalDefault": True})
        with pytest.raises(ForbiddenError, match="PriorityClass a is already marked as default"):
            await api.create(PRIORITY_CLASSES, {"metadata": {"name": "b"}, "value": 5, "globalDefault": True})
        with pytest.raises(ForbiddenError, match="this is a system priority class and cannot be deleted"):
            await api.delete(PRIORITY_CLASSES, "system-node-critical")


async def test_an_account_may_insist_on_its_own_secrets(sim: Simulation, boot: Any) -> None:
    """Teaches: with the annotation a Pod mounts only secrets that its account lists."""
    async with boot(sim) as api:
        annotations = {"kubernetes.io/enforce-mountable-secrets": "true"}
        account = {"metadata": {"name": "default", "annotations": annotations}, "secrets": [{"name": "mine"}]}
        await api.create(SERVICE_ACCOUNTS, account)
        await api.pod("p", volumes=[{"name": "v", "secret": {"secretName": "mine"}}])
        with pytest.raises(ForbiddenError) as refused:
            await api.pod("q", volumes=[{"name": "v", "secret": {"secretName": "other"}}])
        assert str(refused.value) == (
            'pods "q" is forbidden: volume with secret.secretName="other" is not allowed because service account '
            "default does not reference that secret"
        )
        assert await api.get(PODS, "p")
