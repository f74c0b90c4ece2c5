"""Deployments, ReplicaSets, ReplicationControllers, and the kinds with one or two rules."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import InvalidError
from kubesim.api.meta import with_fields
from kubesim.api.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    LEASES,
    NAMESPACES,
    NODES,
    PRIORITY_CLASSES,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    SECRETS,
    Resource,
)
from kubesim.api.stored import Object
from kubesim.sim import Simulation

CONTAINERS = [{"name": "c", "image": "i"}]


def template(labels: dict[str, str] | None = None, **spec: Any) -> Object:
    metadata = {"labels": labels} if labels else {}
    return {"metadata": metadata, "spec": {"containers": CONTAINERS, **spec}}


async def refusal_of(api: Any, resource: Resource, obj: Object) -> str:
    with pytest.raises(InvalidError) as refusal:
        await api.create(resource, obj)
    return str(refusal.value)


async def test_a_selector_must_select_the_template(sim: Simulation, boot: Any) -> None:
    """Teaches: else a controller would make Pods that it does not see, for ever."""
    async with boot(sim) as api:
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template({"a": "c"})}
        assert await refusal_of(api, DEPLOYMENTS, {"metadata": {"name": "x"}, "spec": spec}) == (
            'Deployment.apps "x" is invalid: spec.template.metadata.labels: Invalid value: {"a":"c"}: '
            "`selector` does not match template `labels`"
        )
        spec = {"replicas": -1, "template": template()}
        assert await refusal_of(api, DEPLOYMENTS, {"metadata": {"name": "x"}, "spec": spec}) == (
            'Deployment.apps "x" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, '
            "spec.selector: Required value, spec.template.metadata.labels: Invalid value: null: "
            "`selector` does not match template `labels`]"
        )


async def test_recreate_and_rolling_update_do_not_mix(sim: Simulation, boot: Any) -> None:
    """Teaches: a Deployment restarts its Pods always; its strategy has parameters only for rolling."""
    async with boot(sim) as api:
        spec = {
            "strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}},
            "selector": {"matchLabels": {"a": "b"}},
            "template": template({"a": "b"}, restartPolicy="Never"),
        }
        assert await refusal_of(api, DEPLOYMENTS, {"metadata": {"name": "x"}, "spec": spec}) == (
            'Deployment.apps "x" is invalid: [spec.template.spec.restartPolicy: Unsupported value: "Never": supported '
            'values: "Always", spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is '
            "'Recreate']"
        )
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template({"a": "b"}), "strategy": rolling,
                "progressDeadlineSeconds": 5, "minReadySeconds": 5}  # fmt: skip
        assert await refusal_of(api, DEPLOYMENTS, {"metadata": {"name": "x"}, "spec": spec}) == (
            'Deployment.apps "x" is invalid: [spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be '
            "0 when `maxSurge` is 0, spec.progressDeadlineSeconds: Invalid value: 5: "
            "must be greater than minReadySeconds]"
        )


async def test_a_selector_is_for_life(sim: Simulation, boot: Any) -> None:
    """Teaches: changing it would orphan the Pods of before."""
    async with boot(sim) as api:
        spec = {"selector": {"matchLabels": {"a": "rs"}}, "template": template({"a": "rs"})}
        await api.create(REPLICA_SETS, {"metadata": {"name": "r"}, "spec": spec})
        with pytest.raises(InvalidError) as refusal:
            await api.patch(REPLICA_SETS, "r", {"spec": {"selector": {"matchLabels": {"x": "y"}}}})
        assert str(refusal.value) == (
            'ReplicaSet.apps "r" is invalid: [spec.template.metadata.labels: Invalid value: {"a":"rs"}: `selector` '
            'does not match template `labels`, spec.selector: Invalid value: {"matchLabels":{"a":"rs","x":"y"}}: '
            "field is immutable]"
        )


async def test_a_new_replica_set_says_that_it_has_none_yet(sim: Simulation, boot: Any) -> None:
    """Teaches: status.replicas is there from the beginning; a Deployment's status is empty."""
    async with boot(sim) as api:
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template({"a": "b"})}
        body = {"metadata": {"name": "x"}, "spec": spec, "status": {"replicas": 9}}
        assert (await api.create(REPLICA_SETS, body)).object["status"] == {"replicas": 0}
        assert (await api.create(DEPLOYMENTS, body)).object["status"] == {}


async def test_the_status_of_a_workload_changes_no_labels(sim: Simulation, boot: Any) -> None:
    """Teaches: what a controller saw may be old; its word on the status must not undo a user's labels."""
    async with boot(sim) as api:
        made = await api.deployment()
        stale = with_fields({**made.object, "status": {"replicas": 1}}, {"labels": {"a": "b"}}, "metadata")
        changed = await api.update(DEPLOYMENTS, stale, subresource="status")
        assert "labels" not in changed.object["metadata"]


async def test_a_replication_controller_selects_by_a_plain_map(sim: Simulation, boot: Any) -> None:
    """Teaches: the ReplicaSet's ancestor knows no expressions, and takes its selector from the template."""
    async with boot(sim) as api:
        spec = {"template": template({"a": "b"})}
        made = await api.create(REPLICATION_CONTROLLERS, {"metadata": {"name": "r"}, "spec": spec})
        assert made.object["spec"]["selector"] == {"a": "b"}
        spec = {"selector": {"a": "c"}, "template": template({"a": "b"})}
        assert "`selector` does not match template `labels`" in await refusal_of(
            api, REPLICATION_CONTROLLERS, {"metadata": {"name": "x"}, "spec": spec}
        )


async def test_an_empty_or_wrong_selector_is_refused(sim: Simulation, boot: Any) -> None:
    """Teaches: a selector of everything would adopt the whole namespace."""
    async with boot(sim) as api:
        wrong = {"matchExpressions": [{"key": "a", "operator": "Near", "values": ["b"]}]}
        spec = {"selector": wrong, "template": template({"a": "b"})}
        assert 'operator: Invalid value: "Near": not a valid selector operator' in await refusal_of(
            api, DEPLOYMENTS, {"metadata": {"name": "x"}, "spec": spec}
        )


async def test_a_namespace_is_a_label_and_carries_its_name(sim: Simulation, boot: Any) -> None:
    """Teaches: names of namespaces become parts of host names."""
    async with boot(sim) as api:
        made = (await api.create(NAMESPACES, {"metadata": {"name": "dev"}})).object
        assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "dev"}
        assert (made["spec"], made["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})
        assert "a lowercase RFC 1123 label must consist of" in await refusal_of(
            api, NAMESPACES, {"metadata": {"name": "Bad.ns"}}
        )
        long = "a" * 64
        assert await refusal_of(api, NAMESPACES, {"metadata": {"name": long}}) == (
            f'Namespace "{long}" is invalid: [metadata.name: Invalid value: "{long}": must be no more than 63 '
            f'characters, metadata.labels: Invalid value: "{long}": must be no more than 63 bytes]'
        )
        kept = await api.patch(NAMESPACES, "dev", {"metadata": {"labels": None}})
        assert kept.object["metadata"]["labels"] == {"kubernetes.io/metadata.name": "dev"}


async def test_a_lease_lasts_some_time(sim: Simulation, boot: Any) -> None:
    """Teaches: upstream's words."""
    async with boot(sim) as api:
        await api.create(LEASES, {"metadata": {"name": "l"}, "spec": {"leaseDurationSeconds": 10}})
        with pytest.raises(InvalidError) as refusal:
            await api.patch(LEASES, "l", {"spec": {"leaseDurationSeconds": 0}})
        assert str(refusal.value) == (
            'Lease.coordination.k8s.io "l" is invalid: spec.leaseDurationSeconds: Invalid value: 0: '
            "must be greater than 0"
        )


async def test_an_endpoint_slice_has_one_kind_of_address(sim: Simulation, boot: Any) -> None:
    """Teaches: IPv4, IPv6 or names."""
    async with boot(sim) as api:
        body = {"metadata": {"name": "bad"}, "addressType": "IPv9", "endpoints": []}
        assert await refusal_of(api, ENDPOINT_SLICES, body) == (
            'EndpointSlice.discovery.k8s.io "bad" is invalid: addressType: Unsupported value: "IPv9": supported '
            'values: "FQDN", "IPv4", "IPv6"'
        )


async def test_configuration_can_be_declared_unchangeable(sim: Simulation, boot: Any) -> None:
    """Teaches: immutable ConfigMaps and Secrets; a Secret's type is always for life."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "1"}, "immutable": True})
        with pytest.raises(InvalidError) as refusal:
            await api.patch(CONFIG_MAPS, "a", {"data": {"k": "2"}, "immutable": None})
        assert str(refusal.value) == (
            'ConfigMap "a" is invalid: [immutable: Forbidden: field is immutable when `immutable` is set, '
            "data: Forbidden: field is immutable when `immutable` is set]"
        )
        made = await api.create(SECRETS, {"metadata": {"name": "s"}})
        assert made.object["type"] == "Opaque"
        with pytest.raises(InvalidError, match=r'type: Invalid value: "other": field is immutable$'):
            await api.patch(SECRETS, "s", {"type": "other"})


async def test_the_highest_priorities_are_the_systems(sim: Simulation, boot: Any) -> None:
    """Teaches: names and values that users cannot take, and a value that never changes."""
    async with boot(sim) as api:
        assert await refusal_of(api, PRIORITY_CLASSES, {"metadata": {"name": "big"}, "value": 2000000000}) == (
            'PriorityClass.scheduling.k8s.io "big" is invalid: value: Forbidden: maximum allowed value of a user '
            "defined priority is 1000000000"
        )
        assert await refusal_of(api, PRIORITY_CLASSES, {"metadata": {"name": "system-x"}, "value": 1}) == (
            'PriorityClass.scheduling.k8s.io "system-x" is invalid: metadata.name: Forbidden: priority class names '
            "with 'system-' prefix are reserved for system use only. error: "
            "system-x is not a known system priority class"
        )
        await api.create(PRIORITY_CLASSES, {"metadata": {"name": "hi"}, "value": 1})
        with pytest.raises(InvalidError, match=r"value: Forbidden: may not be changed in an update\.$"):
            await api.patch(PRIORITY_CLASSES, "hi", {"value": 5})


async def test_a_nodes_pod_range_is_for_life(sim: Simulation, boot: Any) -> None:
    """Teaches: addresses of Pods come from it."""
    async with boot(sim) as api:
        await api.node()
        await api.patch(NODES, "n1", {"spec": {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]}})
        with pytest.raises(InvalidError, match="node updates may not change podCIDR"):
            await api.patch(NODES, "n1", {"spec": {"podCIDR": "10.244.9.0/24"}})
