"""Quotas: what admission charges and refuses, and which quotas there may be."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError, InvalidError
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PODS, RESOURCE_QUOTAS, SECRETS, SERVICES
from kubesim.api.stored import Object
from kubesim.sim import Simulation


async def quota(api: Any, hard: Object, used: Object | None = None, **spec: Any) -> None:
    """A quota that its controller has seen: nothing is used unless said."""
    made = await api.create(RESOURCE_QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}})
    status = {"hard": hard, "used": {**dict.fromkeys(hard, "0"), **(used or {})}}
    await api.update(RESOURCE_QUOTAS, {**made.object, "status": status}, subresource="status")


async def used(api: Any) -> Object:
    status: Object = (await api.get(RESOURCE_QUOTAS, "q")).object["status"]["used"]
    return status


async def refusal(api: Any, resource: Any, obj: Object) -> str:
    with pytest.raises(ForbiddenError) as refused:
        await api.create(resource, obj)
    return str(refused.value)


def pod(name: str, requests: Object | None = None, **spec: Any) -> Object:
    container = {"name": "c", "image": "i", **({"resources": {"requests": requests}} if requests else {})}
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


async def test_what_is_created_is_charged_at_once_and_too_much_is_refused(sim: Simulation, boot: Any) -> None:
    """Teaches: admission itself writes the usage, so that two requests cannot both get the last place."""
    async with boot(sim) as api:
        await api.account()
        await quota(api, {"pods": "2", "requests.cpu": "500m"})
        await api.create(PODS, pod("a", {"cpu": "200m"}))
        assert await used(api) == {"pods": "1", "requests.cpu": "200m"}
        assert await refusal(api, PODS, pod("b", {"cpu": "400m"})) == (
            'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=400m, used: requests.cpu=200m, '
            "limited: requests.cpu=500m"
        )
        assert await used(api) == {"pods": "1", "requests.cpu": "200m"}


async def test_what_a_quota_counts_must_be_stated(sim: Simulation, boot: Any) -> None:
    """Teaches: with a quota on cpu a container that says nothing of cpu cannot be counted."""
    async with boot(sim) as api:
        await api.account()
        await quota(api, {"limits.cpu": "2", "requests.memory": "1Gi"})
        assert await refusal(api, PODS, pod("a")) == (
            'pods "a" is forbidden: failed quota: q: must specify limits.cpu for: c; requests.memory for: c'
        )


async def test_a_dry_run_is_refused_but_never_charged(sim: Simulation, boot: Any) -> None:
    """Teaches: dryRun=All asks admission without any effect."""
    async with boot(sim) as api:
        await quota(api, {"secrets": "1"})
        secret = {"metadata": {"name": "a"}}
        await api.create(SECRETS, secret, dry_run=True)
        assert await used(api) == {"secrets": "0"}
        await api.create(SECRETS, secret)
        with pytest.raises(ForbiddenError):
            await api.create(SECRETS, {"metadata": {"name": "b"}}, dry_run=True)


async def test_a_quota_without_a_status_limits_nothing_yet(sim: Simulation, boot: Any) -> None:
    """Teaches: a quota holds from when its controller has counted; a half-known one refuses."""
    async with boot(sim) as api:
        await api.create(RESOURCE_QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"secrets": "0"}}})
        await api.create(SECRETS, {"metadata": {"name": "a"}})
        known = (await api.get(RESOURCE_QUOTAS, "q")).object
        await api.update(RESOURCE_QUOTAS, {**known, "status": {"hard": {"secrets": "0"}}}, subresource="status")
        assert await refusal(api, SECRETS, {"metadata": {"name": "b"}}) == (
            'secrets "b" is forbidden: status unknown for quota: q, resources: secrets'
        )


async def test_a_service_that_becomes_a_node_port_is_charged_the_difference(sim: Simulation, boot: Any) -> None:
    """Teaches: updates of Services and claims can use more than before."""
    async with boot(sim) as api:
        await quota(api, {"services": "1", "services.nodeports": "0"})
        spec = {"ports": [{"port": 80}], "selector": {"a": "b"}}
        await api.create(SERVICES, {"metadata": {"name": "s"}, "spec": spec})
        with pytest.raises(ForbiddenError) as refused:
            await api.patch(SERVICES, "s", {"spec": {"type": "NodePort"}})
        assert str(refused.value) == (
            'services "s" is forbidden: exceeded quota: q, requested: services.nodeports=1, '
            "used: services.nodeports=0, limited: services.nodeports=0"
        )


async def test_scopes_choose_pods(sim: Simulation, boot: Any) -> None:
    """Teaches: a quota on BestEffort Pods has nothing to say of others."""
    async with boot(sim) as api:
        await api.account()
        await quota(api, {"pods": "1"}, scopes=["BestEffort"])
        await api.create(PODS, pod("modest", {"cpu": "1m"}))
        await api.create(PODS, pod("greedy"))
        assert await used(api) == {"pods": "1"}
        assert "exceeded quota: q" in await refusal(api, PODS, pod("more"))


async def test_storage_is_counted_in_all_and_of_its_class(sim: Simulation, boot: Any) -> None:
    """Teaches: `gold.storageclass.storage.k8s.io/requests.storage` limits one class."""
    gold = "gold.storageclass.storage.k8s.io/requests.storage"
    async with boot(sim) as api:
        await quota(api, {"requests.storage": "10Gi", gold: "2Gi"})
        resources = {"requests": {"storage": "3Gi"}}
        spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": resources}
        await api.create(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": "plain"}, "spec": spec})
        assert await used(api) == {"requests.storage": "3Gi", gold: "0"}
        dear = {"metadata": {"name": "dear"}, "spec": {**spec, "storageClassName": "gold"}}
        assert f"requested: {gold}=3Gi, used: {gold}=0, limited: {gold}=2Gi" in await refusal(
            api, PERSISTENT_VOLUME_CLAIMS, dear
        )


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"hard": {"bogus": "1"}}, 'spec.hard[bogus]: Invalid value: "bogus": must be a standard resource for quota'),
        ({"hard": {"pods": "-1"}}, 'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0'),
        ({"hard": {"pods": "1500m"}}, 'spec.hard[pods]: Invalid value: "1500m": must be an integer'),
        ({"hard": {"pods": "1"}, "scopes": ["Bogus"]}, 'spec.scopes: Invalid value: ["Bogus"]: unsupported scope'),
        (
            {"hard": {"cpu": "1"}, "scopes": ["BestEffort"]},
            'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
        ),
        (
            {"hard": {"pods": "1"}, "scopes": ["Terminating", "NotTerminating"]},
            'spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes',
        ),
        (
            {"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [
                {"scopeName": "PriorityClass", "operator": "In"}]}},
            "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is "
            "'In' or 'NotIn' for scope selector",
        ),
    ],
)  # fmt: skip
async def test_a_quota_that_makes_no_sense_is_refused(sim: Simulation, boot: Any, spec: Object, problem: str) -> None:
    """Teaches: which resources, amounts and scopes a quota may have."""
    async with boot(sim) as api:
        with pytest.raises(InvalidError) as refused:
            await api.create(RESOURCE_QUOTAS, {"metadata": {"name": "bad"}, "spec": spec})
        assert problem in str(refused.value)


async def test_scopes_are_for_life(sim: Simulation, boot: Any) -> None:
    """Teaches: what was counted under one scope means nothing under another."""
    async with boot(sim) as api:
        await quota(api, {"pods": "1"})
        with pytest.raises(InvalidError) as refused:
            await api.patch(RESOURCE_QUOTAS, "q", {"spec": {"scopes": ["BestEffort"]}})
        assert str(refused.value).endswith('spec.scopes: Invalid value: ["BestEffort"]: field is immutable')
