"""The way of a request through the whole server, and what is there when it starts."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from kubesim.api.errors import ForbiddenError, MethodNotSupportedError, NotFoundError, UnauthorizedError
from kubesim.api.resources import (
    CONFIG_MAPS,
    ENDPOINT_SLICES,
    LEASES,
    NAMESPACES,
    PODS,
    PRIORITY_CLASSES,
    SERVICES,
)
from kubesim.api.wire import BearerToken, ClientCertificate
from kubesim.etcd import Member
from kubesim.etcd.messages import RangeRequest
from kubesim.sim import Simulation


async def test_a_new_cluster_has_its_namespaces_and_its_own_service(sim: Simulation, boot: Any) -> None:
    """Teaches: what the apiserver itself creates before anybody asks."""
    async with boot(sim) as api:
        namespaces = await api.list(NAMESPACES)
        assert [item.name for item in namespaces.items] == ["default", "kube-node-lease", "kube-public", "kube-system"]
        service = await api.get(SERVICES, "kubernetes")
        assert service.object["spec"]["clusterIP"] == "10.96.0.1"
        assert service.object["spec"]["ports"] == [
            {"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}
        ]
        assert (await api.get(ENDPOINT_SLICES, "kubernetes")).object["endpoints"][0]["conditions"] == {"ready": True}
        classes = {item.name: item.object["value"] for item in (await api.list(PRIORITY_CLASSES)).items}
        assert classes == {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}


async def test_a_server_that_starts_again_finds_everything_as_it_was(sim: Simulation, boot: Any) -> None:
    """Teaches: the apiserver keeps nothing; etcd does."""
    etcd = Member(sim)
    async with boot(sim, etcd) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
        before = await api.list(NAMESPACES)
    async with boot(sim, etcd) as api:
        assert (await api.get(CONFIG_MAPS, "a")).object["data"] == {"k": "v"}
        assert [item.revision for item in (await api.list(NAMESPACES)).items] == [
            item.revision for item in before.items
        ]


async def test_two_servers_on_one_etcd_see_each_others_writes(sim: Simulation, boot: Any, events_of: Any) -> None:
    """Teaches: any number of apiservers can serve one cluster, since the truth is in etcd."""
    etcd = Member(sim)
    async with boot(sim, etcd) as one, boot(sim, etcd, name="apiserver-2") as two:
        stream = await two.watch(CONFIG_MAPS, resource_version="0")
        made = await one.create(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "1"}})
        assert (await two.get(CONFIG_MAPS, "a")).object == made.object
        changed = await two.patch(CONFIG_MAPS, "a", {"data": {"k": "2"}})
        assert (await one.get(CONFIG_MAPS, "a")).revision == changed.revision
        # `one` still believes in its own revision, and finds out in the transaction.
        await one.patch(CONFIG_MAPS, "a", {"data": {"l": "3"}})
        assert (await two.get(CONFIG_MAPS, "a")).object["data"] == {"k": "2", "l": "3"}
        await one.delete(CONFIG_MAPS, "a")
        assert await events_of(stream) == [("ADDED", "a"), ("MODIFIED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_authentication_comes_before_authorization(sim: Simulation, boot: Any) -> None:
    """Teaches: 401 means "who are you?", 403 means "you may not"."""
    async with boot(sim) as api:
        with pytest.raises(UnauthorizedError):
            await api.list(PODS, credential=BearerToken("x"))
        with pytest.raises(ForbiddenError):
            await api.list(PODS, credential=ClientCertificate("joe"))


async def test_what_is_not_served_is_not_found(sim: Simulation, boot: Any) -> None:
    """Teaches: a kind without status has no /status, and a subresource knows only some verbs."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        with pytest.raises(NotFoundError, match=r"^the server could not find the requested resource$"):
            await api.get(CONFIG_MAPS, "a", subresource="status")
        with pytest.raises(
            MethodNotSupportedError, match=r"^the server does not allow this method on the requested resource$"
        ):
            await api.call("delete", PODS, "a", subresource="status")


async def test_the_trace_knows_who_wrote_a_revision_and_because_of_what(sim: Simulation, boot: Any) -> None:
    """Teaches: causes live beside the objects, never in them."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}}, causes=(3, "step 1"))
        origin = sim.trace.origins[made.revision]
        assert (origin.by, origin.causes, origin.time_ns) == ("test", (3, "step 1"), sim.clock.now_ns())
        default = await api.get(NAMESPACES, "default")
        assert sim.trace.origins[default.revision].by == "apiserver"


async def test_etcd_keeps_json_without_a_resource_version_under_upstreams_keys(sim: Simulation, boot: Any) -> None:
    """Teaches: the resourceVersion is the etcd revision of the last write, so it is not stored."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        kv = (await api.etcd.range(RangeRequest(b"/registry/configmaps/default/a"))).kvs[0]
        assert kv.mod_revision == made.revision
        value = orjson.loads(kv.value)
        assert "resourceVersion" not in value["metadata"]
        assert made.object["metadata"]["resourceVersion"] == str(made.revision)
        await api.node("n1")
        for key in (b"/registry/minions/n1", b"/registry/services/specs/default/kubernetes",
                    b"/registry/namespaces/default", b"/registry/priorityclasses/system-node-critical"):  # fmt: skip
            assert (await api.etcd.range(RangeRequest(key))).kvs, key


async def test_a_handle_travels_from_the_write_to_the_watcher_unchanged(
    sim: Simulation, boot: Any, drained: Any
) -> None:
    """Teaches: one revision is one object in memory; nothing is decoded again."""
    async with boot(sim) as api:
        stream = await api.watch(LEASES, resource_version="0")
        made = await api.create(LEASES, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "x"}})
        assert [event.stored for event in await drained(stream)] == [made]
        assert (await api.get(LEASES, "l")) is made
        assert (await api.list(LEASES)).items[0] is made


async def test_a_stopped_server_ends_its_watches(sim: Simulation, boot: Any) -> None:
    """Teaches: a client whose watch ends begins another from the last revision it saw."""
    async with boot(sim) as api:
        stream = await api.watch(PODS)
    assert list(await stream.next()) == []
