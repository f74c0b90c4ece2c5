"""Tests of kubesim.controllers.endpoint_slice, against a real apiserver."""

from typing import Any

from kubesim.api.resources import ENDPOINT_SLICES, PODS, SERVICES
from kubesim.api.stored import Object
from kubesim.controllers.endpoint_slice import EndpointSliceController
from kubesim.sim import Simulation

CONTROLLERS = (EndpointSliceController,)
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
WATCHED = (ENDPOINT_SLICES,)


async def service(cluster: Any, name: str = "web", **spec: Any) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": name}, "ports": ports} | spec,
    }
    return (await cluster.client.create(SERVICES, body)).object


async def slices(cluster: Any, name: str = "web") -> list[Object]:
    items = (await cluster.client.list(ENDPOINT_SLICES, "default")).items
    return [s.object for s in items if s.object["metadata"]["labels"]["kubernetes.io/service-name"] == name]


def state(endpoint_slice: Object) -> dict[str, str]:
    """Each Pod with the first letters of what it is: r(eady), s(erving), t(erminating)."""
    return {
        entry["targetRef"]["name"]: "".join(name[0] for name, value in entry["conditions"].items() if value)
        for entry in endpoint_slice.get("endpoints") or ()
    }


async def states(cluster: Any, name: str = "web") -> dict[str, str]:
    merged: dict[str, str] = {}
    for endpoint_slice in await slices(cluster, name):
        merged |= state(endpoint_slice)
    return merged


async def test_a_new_service_has_an_empty_slice_at_once(sim: Simulation, plane: Any) -> None:
    """Teaches: name, labels, owner and annotation of a slice; the two lists are null as long as there is nothing."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        owner = await service(cluster)
        await cluster.at(1)
        (empty,) = await slices(cluster)
        assert empty["metadata"]["name"].startswith("web-")
        assert empty["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
        assert empty["metadata"]["annotations"] == {TRIGGER: "2024-01-13T09:00:00Z"}
        assert (empty["addressType"], empty["endpoints"], empty["ports"]) == ("IPv4", None, None)


async def test_endpoints_follow_the_readiness_of_their_pods(sim: Simulation, plane: Any) -> None:
    """Teaches: one slice through a Pod's life: unready, ready, terminating, gone."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await cluster.node("node-1", **{"topology.kubernetes.io__zone": "eu-1"})
        await service(cluster)
        await cluster.at(5)
        await cluster.pod("a", "node-1", ready="False", ip="10.0.0.1")
        await cluster.at(10)
        await cluster.pod_status("a", "True")
        await cluster.at(15)
        await cluster.client.delete(PODS, "a", "default")
        await cluster.at(20)
        await cluster.client.delete(PODS, "a", "default", grace_period_seconds=0)
        await cluster.at(25)
        (after,) = await slices(cluster)
        assert cluster.story(after["metadata"]["name"], state) == [
            (0.0, {}),
            (5.001, {"a": ""}),
            (10.001, {"a": "rs"}),
            (15.001, {"a": "st"}),
            (20.001, {}),
        ]
        times = cluster.story(
            after["metadata"]["name"], lambda obj: obj["metadata"].get("annotations", {}).get(TRIGGER)
        )
        assert times == [
            (0.0, "2024-01-13T09:00:00Z"),
            (5.001, "2024-01-13T09:00:05Z"),
            (10.001, "2024-01-13T09:00:10Z"),
            (15.001, None),
        ]
        entry = next(s.object["endpoints"][0] for t, _, s in cluster.seen if t == 10.001)
        assert (entry["nodeName"], entry["zone"], entry["addresses"]) == ("node-1", "eu-1", ["10.0.0.1"])


async def test_changes_of_one_instant_are_one_write(sim: Simulation, plane: Any) -> None:
    """Teaches: the queue holds a Service once, however many of its Pods changed."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await cluster.node("node-1")
        await service(cluster)
        for number in range(20):
            await cluster.pod(f"web-{number}", "node-1", ready="False", ip=f"10.0.0.{number}")
        await cluster.at(10)
        before = len(cluster.seen)
        for number in range(20):
            await cluster.pod_status(f"web-{number}", "True")
        await cluster.at(11)
        assert set((await states(cluster)).values()) == {"rs"}
        assert len(cluster.seen) - before == 1


async def test_two_hundred_and_fifty_pods_fill_three_slices(sim: Simulation, plane: Any) -> None:
    """Teaches: a slice holds a hundred, so that a change is sent as a hundred entries and not as all of them."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await cluster.node("node-1")
        for number in range(250):
            await cluster.pod(f"web-{number}", "node-1", ready="True", ip=f"10.0.1.{number}")
        await service(cluster)
        await cluster.at(5)
        assert sorted(len(s["endpoints"]) for s in await slices(cluster)) == [50, 100, 100]
        before = len(cluster.seen)
        await cluster.pod_status("web-7", "False")
        await cluster.at(6)
        assert len(cluster.seen) - before == 1
        assert (await states(cluster))["web-7"] == ""


async def test_a_pod_belongs_to_every_service_that_selects_it(sim: Simulation, plane: Any) -> None:
    """Teaches: labels decide, and they may change at any time."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await cluster.node("node-1")
        await service(cluster, "web")
        await service(cluster, "also", selector={"app": "web"})
        await service(cluster, "other", selector={"app": "other"})
        await cluster.pod("a", "node-1", ready="True", ip="10.0.0.1")
        await cluster.at(1)
        assert [list(await states(cluster, name)) for name in ("web", "also", "other")] == [["a"], ["a"], []]
        await cluster.client.merge_patch(PODS, "a", {"metadata": {"labels": {"app": "other"}}}, "default")
        await cluster.at(2)
        assert [list(await states(cluster, name)) for name in ("web", "also", "other")] == [[], [], ["a"]]


async def test_another_selector_is_another_set_of_pods(sim: Simulation, plane: Any) -> None:
    """Teaches: how traffic is switched between two versions; the trigger time goes, for no Pod changed."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await cluster.node("node-1")
        await service(cluster)
        await cluster.pod("blue", "node-1", ready="True", ip="10.0.0.1")
        await cluster.pod("green", "node-1", ready="True", ip="10.0.0.2", labels={"app": "green"})
        await cluster.at(1)
        await cluster.client.merge_patch(SERVICES, "web", {"spec": {"selector": {"app": "green"}}}, "default")
        await cluster.at(2)
        assert list(await states(cluster)) == ["green"]
        await cluster.client.merge_patch(SERVICES, "web", {"spec": {"selector": {"app": "none"}}}, "default")
        await cluster.at(3)
        (empty,) = await slices(cluster)
        assert (empty["endpoints"], empty["ports"]) == (None, None)
        assert "annotations" not in empty["metadata"]


async def test_a_headless_service_names_its_members(sim: Simulation, plane: Any) -> None:
    """Teaches: hostname and subdomain make DNS names; the label tells proxies that there is no address to serve."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await cluster.node("node-1")
        await service(cluster, "db", clusterIP="None")
        labels = {"app": "db"}
        await cluster.pod("db-0", "node-1", ready="True", ip="10.0.0.1", hostname="db-0", subdomain="db", labels=labels)
        await cluster.at(1)
        (headless,) = await slices(cluster, "db")
        assert headless["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
        assert headless["endpoints"][0]["hostname"] == "db-0"


async def test_what_somebody_does_to_a_slice_is_undone(sim: Simulation, plane: Any) -> None:
    """Teaches: a managed slice is no place for one's own entries; a deleted one comes back."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await cluster.node("node-1")
        await service(cluster)
        await cluster.pod("a", "node-1", ready="True", ip="10.0.0.1")
        await cluster.at(1)
        (ours,) = await slices(cluster)
        name = ours["metadata"]["name"]
        await cluster.client.merge_patch(ENDPOINT_SLICES, name, {"endpoints": []}, "default")
        await cluster.at(2)
        assert list(await states(cluster)) == ["a"]
        await cluster.client.delete(ENDPOINT_SLICES, name, "default")
        await cluster.at(3)
        assert list(await states(cluster)) == ["a"]


async def test_a_pod_of_an_unknown_node_waits_until_the_node_is_there(sim: Simulation, plane: Any) -> None:
    """Teaches: the Service is looked at again after 1, 2, 4 … seconds."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await service(cluster)
        await cluster.pod("a", "node-1", ready="True", ip="10.0.0.1")
        await cluster.at(2)
        assert await states(cluster) == {}
        await cluster.node("node-1")
        await cluster.at(4)
        assert list(await states(cluster)) == ["a"]


async def test_services_without_a_selector_are_left_to_others(sim: Simulation, plane: Any) -> None:
    """Teaches: their endpoints are written by hand, or there are none, as for ExternalName."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await service(cluster, "manual", selector=None)
        await service(cluster, "outside", type="ExternalName", externalName="example.com")
        await cluster.at(1)
        assert await slices(cluster, "manual") == []
        assert await slices(cluster, "outside") == []
