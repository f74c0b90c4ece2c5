"""The scheduler on a real apiserver of ours: what it writes, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from kubesim.api.errors import ConflictError, TransportError
from kubesim.api.resources import EVENTS, LEASES, NODES, PODS, SERVICE_ACCOUNTS
from kubesim.api.stored import Stored
from kubesim.api.views import Event, Lease, Pod, PodCondition
from kubesim.api.wire import MERGE_PATCH, ClientCertificate, Request, Response, WatchStream
from kubesim.apiserver.server import ApiServer
from kubesim.client.client import Client
from kubesim.client.in_process import InProcessTransport
from kubesim.etcd.member import Member
from kubesim.scheduler import Scheduler, SchedulerConfiguration
from kubesim.scheduler.queued_pod import Place
from kubesim.sim import Simulation, Tasks, run

MakeObject = Callable[..., Stored]
ALONE = SchedulerConfiguration(leader_elect=False)
HALF_A_CPU = {"cpu": "500m"}


class Refusing:
    """A transport that refuses the first bindings."""

    def __init__(self, inner: InProcessTransport) -> None:
        self._inner = inner
        self.refusals: list[Exception] = []

    async def request(self, request: Request) -> Response:
        if request.subresource == "binding" and self.refusals:
            raise self.refusals.pop(0)
        return await self._inner.request(request)

    async def watch(self, request: Request) -> WatchStream:
        return await self._inner.watch(request)


class Bench:
    """An apiserver, an admin and a scheduler."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.server = ApiServer(sim, Member(sim))
        self.admin = self.client("admin")
        self.transport = Refusing(InProcessTransport(sim, self.server, source="scheduler"))
        self.scheduler = self.make_scheduler(ALONE)

    def client(self, name: str, transport: Any = None) -> Client:
        transport = transport or InProcessTransport(self.sim, self.server, source=name)
        return Client(transport, name, ClientCertificate(name, ("system:masters",)))

    def make_scheduler(self, config: SchedulerConfiguration) -> Scheduler:
        return Scheduler(self.sim, self.client("kube-scheduler", self.transport), config=config)

    async def add_node(self, node: Stored) -> None:
        """A node as its kubelet and the node controller leave it: ready and without the taint of the new."""
        await self.admin.create(NODES, node.object)
        await self.admin.patch(NODES, node.name, {"spec": {"taints": None}}, patch_type=MERGE_PATCH)

    async def add_pod(self, pod: Stored) -> None:
        metadata = {key: pod.object["metadata"][key] for key in ("name", "namespace", "labels")}
        spec = {key: part for key, part in pod.object["spec"].items() if key != "priority"}
        await self.admin.create(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    async def pod(self, name: str) -> Pod:
        return (await self.admin.get(PODS, name, "default")).view(Pod)

    async def nodes_of(self, *names: str) -> list[str]:
        return [(await self.pod(name)).spec.node_name for name in names]

    async def condition(self, name: str) -> PodCondition:
        """PodScheduled."""
        return next(c for c in (await self.pod(name)).status.conditions if c.type == "PodScheduled")

    async def events(self) -> list[Event]:
        return [stored.view(Event) for stored in (await self.admin.list(EVENTS)).items]

    def attempts(self, name: str) -> list[tuple[float, str]]:
        """(virtual second, chosen node or "") of every attempt for a Pod."""
        return [
            (record.time_ns / 1e9, record.fields.get("chosen", ""))
            for record in self.sim.trace.records
            if record.event == "scheduling_attempt" and record.fields["pod"] == f"default/{name}"
        ]


@asynccontextmanager
async def bench(sim: Simulation, *, run_scheduler: bool = True) -> AsyncIterator[Bench]:
    made = Bench(sim)
    await made.server.start()
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}
    await made.admin.create(SERVICE_ACCOUNTS, account)
    async with Tasks("bench") as tasks:
        if run_scheduler:
            tasks.spawn(made.scheduler.run(), "scheduler")
        yield made
    await made.server.stop()


async def test_a_pod_gets_a_node_and_says_so(sim: Simulation, node: MakeObject, pod: MakeObject) -> None:
    """Teaches: a placement is a Binding, a condition (by the apiserver) and an event."""
    async with bench(sim) as cluster:
        await cluster.add_node(node("n1"))
        await cluster.add_pod(pod("web", requests=HALF_A_CPU))
        await asyncio.sleep(1)
        assert await cluster.nodes_of("web") == ["n1"]
        assert (await cluster.condition("web")).status == "True"
        (event,) = await cluster.events()
        assert (event.type, event.reason, event.action) == ("Normal", "Scheduled", "Binding")
        assert event.message == "Successfully assigned default/web to n1"
        assert event.reporting_component == "default-scheduler"
        assert cluster.attempts("web") == [(0.0, "n1")]  # Deciding takes no virtual time.


async def test_a_pod_without_room_says_why_and_gets_the_node_that_comes(
    sim: Simulation, node: MakeObject, pod: MakeObject
) -> None:
    """Teaches: the whole story of Pending: event, condition, and the hint that ends it."""
    message = (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are "
        "available: 1 Preemption is not helpful for scheduling."
    )
    async with bench(sim) as cluster:
        await cluster.add_node(node("small", cpu="250m"))
        await cluster.add_pod(pod("web", requests=HALF_A_CPU))
        await asyncio.sleep(20)
        condition = await cluster.condition("web")
        assert (condition.status, condition.reason, condition.message) == ("False", "Unschedulable", message)
        assert condition.last_transition_time == "2024-01-13T09:00:00Z"
        (event,) = await cluster.events()
        assert (event.type, event.reason, event.action, event.message) == (
            "Warning", "FailedScheduling", "Scheduling", message,
        )  # fmt: skip
        await cluster.add_node(node("big"))
        await asyncio.sleep(20)
        # The new node is tainted for an instant: that attempt fails, and an idle scheduler tries again at once.
        assert cluster.attempts("web")[-1] == (20.0, "big")
        assert await cluster.nodes_of("web") == ["big"]


async def test_it_explains_a_pod_on_request(sim: Simulation, node: MakeObject, pod: MakeObject) -> None:
    """Teaches: the whole table, also after the fact: a placed Pod is asked about as if it had no node."""
    async with bench(sim) as cluster:
        await cluster.add_node(node("small", cpu="1"))
        await cluster.add_node(node("big"))
        await cluster.add_pod(pod("web", requests={"cpu": "2"}))
        await cluster.add_pod(pod("theirs", schedulerName="mine"))
        await asyncio.sleep(1)
        table = cluster.scheduler.explain("default/web")
        assert table is not None
        assert [(row.node, row.rejected_by) for row in table.rows] == [("small", "NodeResourcesFit"), ("big", "")]
        assert table.best == ("big",)
        assert cluster.scheduler.explain("default/theirs") is None
        assert cluster.scheduler.explain("default/nobody") is None


async def test_a_cluster_without_nodes_is_asked_again_later(sim: Simulation, node: MakeObject, pod: MakeObject) -> None:
    """Teaches: no node is no verdict of a plugin, so it counts as an error with its back-off of 1, 2, 4 … s."""
    async with bench(sim) as cluster:
        await asyncio.sleep(0.5)
        await cluster.add_pod(pod("web"))
        await asyncio.sleep(10)
        assert [moment for moment, _ in cluster.attempts("web")] == [0.5, 2.0, 5.0, 10.0]
        assert (await cluster.condition("web")).message == "no nodes available to schedule pods"


async def test_a_terminal_pod_frees_its_place(sim: Simulation, node: MakeObject, pod: MakeObject) -> None:
    """Teaches: a Pod that has ended takes no room, long before it is deleted."""
    async with bench(sim) as cluster:
        await cluster.add_node(node("n1", cpu="1"))
        await cluster.add_pod(pod("old", requests={"cpu": "1"}))
        await cluster.add_pod(pod("new", requests={"cpu": "1"}))
        await asyncio.sleep(5)
        assert await cluster.nodes_of("old", "new") == ["n1", ""]
        ended = {"status": {"phase": "Succeeded"}}
        await cluster.admin.patch(PODS, "old", ended, "default", subresource="status")
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        assert cluster.attempts("new")[-1] == (5.0, "n1")


async def test_a_refused_binding_gives_the_place_back_and_is_tried_again(
    sim: Simulation, node: MakeObject, pod: MakeObject
) -> None:
    """Teaches: what was assumed is forgotten when the apiserver says no, whatever the reason."""
    async with bench(sim) as cluster:
        cluster.transport.refusals = [
            TransportError("connection reset", definite=False), ConflictError("Operation cannot be fulfilled"),
        ]  # fmt: skip
        await cluster.add_node(node("n1", cpu="1"))
        await cluster.add_pod(pod("web", requests={"cpu": "1"}))
        await asyncio.sleep(0.1)
        assert cluster.scheduler.cache.nodes["n1"].requested == {}
        condition = await cluster.condition("web")
        assert (condition.reason, condition.message) == (
            "SchedulerError", 'running Bind plugin "DefaultBinder": connection reset',
        )  # fmt: skip
        await asyncio.sleep(10)
        assert [node for _, node in cluster.attempts("web") if node] == ["n1", "n1", "n1"]
        assert [moment for moment, node in cluster.attempts("web") if node] == [0.0, 2.0, 5.0]
        assert await cluster.nodes_of("web") == ["n1"]
        assert (await cluster.condition("web")).status == "True"


async def test_nobody_promises_one_place_twice(sim: Simulation, node: MakeObject, pod: MakeObject) -> None:
    """Teaches: the cache assumes; 40 Pods in one instant fill four nodes and not a millicore more."""
    async with bench(sim) as cluster:
        for number in range(4):
            await cluster.add_node(node(f"n{number}", cpu="4"))
        for number in range(40):
            await cluster.add_pod(pod(f"p{number}", requests=HALF_A_CPU))
        await asyncio.sleep(1)
        placed = await cluster.nodes_of(*(f"p{number}" for number in range(40)))
        assert [placed.count(f"n{number}") for number in range(4)] == [8, 8, 8, 8]
        assert placed.count("") == 8


async def test_pods_of_other_schedulers_are_none_of_its_business(
    sim: Simulation, node: MakeObject, pod: MakeObject
) -> None:
    """Teaches: spec.schedulerName chooses; but what others placed takes up room all the same."""
    async with bench(sim) as cluster:
        await cluster.add_node(node("n1", cpu="1"))
        await cluster.add_pod(pod("theirs", requests={"cpu": "1"}, schedulerName="mine"))
        await asyncio.sleep(1)
        theirs = await cluster.pod("theirs")
        assert theirs.spec.node_name == ""
        await cluster.admin.bind("default", "theirs", theirs.metadata.uid, "n1")
        await cluster.add_pod(pod("ours", requests=HALF_A_CPU))
        await asyncio.sleep(1)
        assert await cluster.nodes_of("ours") == [""]
        assert cluster.attempts("theirs") == []


async def test_a_deleted_pod_is_not_scheduled(sim: Simulation, node: MakeObject, pod: MakeObject) -> None:
    """Teaches: the queue forgets what is gone."""
    async with bench(sim) as cluster:
        await cluster.add_node(node("n1", cpu="250m"))
        await cluster.add_pod(pod("web", requests=HALF_A_CPU))
        await asyncio.sleep(1)
        assert cluster.scheduler.queue.count(Place.UNSCHEDULABLE) == 1
        await cluster.admin.delete(PODS, "web", "default")
        await asyncio.sleep(1)
        assert len(cluster.scheduler.queue) == 0


async def test_a_plugin_that_breaks_does_not_break_the_scheduler(
    sim: Simulation, node: MakeObject, pod: MakeObject
) -> None:
    """Teaches: the event names the plugin, the Pod comes back later, the others go on."""
    async with bench(sim) as cluster:
        (framework,) = cluster.scheduler.frameworks.values()
        fit = next(plugin for plugin in framework.filters if plugin.name == "NodeResourcesFit")
        original = fit.filter

        def broken(state: Any, pod: Any, node: Any) -> Any:
            return 1 // 0 if pod.name == "bad" else original(state, pod, node)

        fit.filter = broken
        await cluster.add_node(node("n1"))
        await cluster.add_pod(pod("bad"))
        await cluster.add_pod(pod("good"))
        await asyncio.sleep(1)
        assert await cluster.nodes_of("bad", "good") == ["", "n1"]
        (event,) = [event for event in await cluster.events() if event.reason == "FailedScheduling"]
        assert event.message.startswith('running "NodeResourcesFit" filter plugin: ZeroDivisionError')
        fit.filter = original
        await asyncio.sleep(3)
        assert await cluster.nodes_of("bad") == ["n1"]


async def test_only_the_leader_schedules_and_another_takes_over(
    sim: Simulation, node: MakeObject, pod: MakeObject
) -> None:
    """Teaches: two schedulers, one lease; the second begins when the first has been silent for 15 s."""
    async with bench(sim, run_scheduler=False) as cluster:
        first, second = (
            cluster.make_scheduler(msgspec.structs.replace(ALONE, leader_elect=True, host=host)) for host in "ab"
        )
        async with Tasks("second") as others:
            async with Tasks("first") as tasks:
                tasks.spawn(first.run(), "scheduler")
                await asyncio.sleep(1)
                others.spawn(second.run(), "scheduler")
                await cluster.add_node(node("n1"))
                await cluster.add_pod(pod("early"))
                await asyncio.sleep(4)
                lease = (await cluster.admin.get(LEASES, "kube-scheduler", "kube-system")).view(Lease)
                assert lease.spec.holder_identity.startswith("a_")
            await cluster.add_pod(pod("late"))
            await asyncio.sleep(5)
            assert await cluster.nodes_of("early", "late") == ["n1", ""]
            await asyncio.sleep(20)
            assert await cluster.nodes_of("late") == ["n1"]


async def test_a_leader_that_lost_its_lease_decides_afresh(sim: Simulation, node: MakeObject, pod: MakeObject) -> None:
    """Teaches: what was under way when the lease went is neither lost nor counted twice."""
    async with bench(sim, run_scheduler=False) as cluster:
        cluster.scheduler = cluster.make_scheduler(msgspec.structs.replace(ALONE, leader_elect=True, host="a"))
        async with Tasks("scheduler") as tasks:
            tasks.spawn(cluster.scheduler.run(), "run")
            await cluster.add_node(node("n1", cpu="1"))
            await asyncio.sleep(1)
            lease = {"spec": {"holderIdentity": "thief", "leaseDurationSeconds": 5}}
            await cluster.admin.patch(LEASES, "kube-scheduler", lease, "kube-system", patch_type=MERGE_PATCH)
            await asyncio.sleep(14)
            await cluster.add_pod(pod("web", requests={"cpu": "1"}))
            await asyncio.sleep(40)
            assert await cluster.nodes_of("web") == ["n1"]
            assert cluster.scheduler.cache.nodes["n1"].requested["cpu"] == 1000


def test_the_same_seed_places_alike(node: MakeObject, pod: MakeObject) -> None:
    """Teaches: chance is part of the recording."""

    def placements(seed: int) -> list[str]:
        async def main() -> list[str]:
            async with bench(Simulation(seed=seed)) as cluster:
                for name in "abc":
                    await cluster.add_node(node(name))
                for number in range(9):
                    await cluster.add_pod(pod(f"p{number}"))
                await asyncio.sleep(1)
                return await cluster.nodes_of(*(f"p{number}" for number in range(9)))

        return run(main)

    assert placements(1) == placements(1)
    assert len({tuple(placements(seed)) for seed in range(4)}) > 1
