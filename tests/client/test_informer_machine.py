"""An informer against the store it copies, under random writes and random trouble on its watch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from kubesim.api.errors import AlreadyExistsError, NotFoundError
from kubesim.api.resources import CONFIG_MAPS, NAMESPACES
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import ClientCertificate
from kubesim.apiserver import ApiServer
from kubesim.client import Client, Effect, FaultyTransport, Informers, InProcessTransport, Rule
from kubesim.etcd import Member
from kubesim.sim import CAUSES, SimLoop, Simulation

ADMIN = ClientCertificate("admin", ("system:masters",))
NAMES = st.sampled_from("abcde")
OWNERS = st.sampled_from(["", "rs-1", "rs-2"])
TROUBLE = st.sampled_from(
    [
        Rule(effect=Effect.CLOSE_WATCH, times=1),
        Rule(effect=Effect.BREAK_WATCH, times=1),
        Rule(effect=Effect.EXPIRE_WATCH, times=1),
        Rule(effect=Effect.DELAY_EVENTS, seconds=2, times=3),
        Rule(effect=Effect.ERROR, verbs=("list",), times=2, reason="ServiceUnavailable"),
        Rule(effect=Effect.ERROR, verbs=("watch",), times=2, reason="TooManyRequests"),
        Rule(effect=Effect.LOSE_RESPONSE, verbs=("list",), times=1),
        Rule(effect=Effect.LOSE_REQUEST, verbs=("watch",), times=1),
    ]
)
SETTLE_SECONDS = 600  # More than any back-off and any delay.


class RealServer:
    """Our apiserver on our etcd, written to by somebody else."""

    async def start(self, sim: Simulation) -> ApiServer:
        etcd = Member(sim)
        server = ApiServer(sim, etcd)
        await server.start()
        transport = InProcessTransport(sim, server, source="somebody-else")
        self.client = Client(transport, "somebody-else", ADMIN)
        for name in "abcde":
            await self.client.create(NAMESPACES, {"metadata": {"name": f"ns-{name}"}})
        return server

    async def put(self, obj: Object) -> None:
        try:
            await self.client.create(CONFIG_MAPS, obj)
        except AlreadyExistsError:
            await self.client.update(CONFIG_MAPS, obj)

    async def remove(self, key: str) -> None:
        namespace, _, name = key.partition("/")
        with suppress(NotFoundError):
            await self.client.delete(CONFIG_MAPS, name, namespace)

    async def truth(self) -> dict[str, Stored]:
        return {stored.key: stored for stored in (await self.client.list(CONFIG_MAPS)).items}

    def forget_history(self) -> None:
        """Its watch cache does that by itself; rules make a watch expire."""


class FakeServer:
    """The tiny server, which forgets its history on demand."""

    def __init__(self, server: Any) -> None:
        self.server = server

    async def start(self, sim: Simulation) -> Any:
        return self.server

    async def put(self, obj: Object) -> None:
        self.server.put(CONFIG_MAPS, obj)

    async def remove(self, key: str) -> None:
        if key in self.server.of(CONFIG_MAPS):
            self.server.remove(CONFIG_MAPS, key)

    async def truth(self) -> dict[str, Stored]:
        return dict(self.server.of(CONFIG_MAPS))

    def forget_history(self) -> None:
        self.server.bookmark()
        self.server.compact()


class InformerMachine(RuleBasedStateMachine):
    """What handlers were told must be a legal story, and once nothing moves the copy must equal the store."""

    backend: ClassVar[Callable[[], FakeServer | RealServer]]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=SimLoop)
        self.runner.run(self.start())

    async def start(self) -> None:
        sim = Simulation(seed=1)
        self.server = type(self).backend()
        transport = InProcessTransport(sim, await self.server.start(sim), source="manager")
        self.transport = FaultyTransport(sim, transport)
        self.informers = Informers(sim, Client(self.transport, "manager", ADMIN))
        self.copy = self.informers.of(CONFIG_MAPS)
        self.serial = 0
        self.told: dict[str, Stored] = {}
        self.copy.add_handler(on_add=self.on_add, on_update=self.on_update, on_delete=self.on_delete)
        self.run = asyncio.create_task(self.informers.run())

    def on_add(self, stored: Stored) -> None:
        assert stored.key not in self.told, "added twice"
        assert CAUSES.get() == (stored.revision,)
        self.told[stored.key] = stored

    def on_update(self, old: Stored, new: Stored) -> None:
        assert self.told[new.key] is old, "not the state that was told last"
        assert new.revision > old.revision, "went back in time"
        assert new.uid == old.uid
        self.told[new.key] = new

    def on_delete(self, stored: Stored) -> None:
        assert self.told.pop(stored.key).uid == stored.uid, "deleted without being there"

    def sleep(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))

    @rule(name=NAMES, owner=OWNERS)
    def put(self, name: str, owner: str) -> None:
        metadata: Object = {"name": name, "namespace": f"ns-{name}"}
        if owner:
            reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": owner, "controller": True}
            metadata["ownerReferences"] = [reference]
        self.serial += 1
        self.runner.run(self.server.put({"metadata": metadata, "data": {"serial": str(self.serial)}}))

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        self.runner.run(self.server.remove(f"ns-{name}/{name}"))

    @rule()
    def forget_history(self) -> None:
        self.server.forget_history()

    @rule(trouble=TROUBLE)
    def make_trouble(self, trouble: Rule) -> None:
        self.transport.add(trouble)

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 30.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.sleep(seconds)

    @rule()
    def settle(self) -> None:
        """Once nothing moves, the copy, its indices and what handlers were told all equal the store."""
        for trouble in self.transport.rules:
            self.transport.remove(trouble)
        self.sleep(SETTLE_SECONDS)
        assert not self.run.done()
        truth = self.runner.run(self.server.truth())
        assert revisions(self.told) == revisions(truth)
        assert revisions({stored.key: stored for stored in self.copy.list()}) == revisions(truth)
        assert len(self.copy) == len(truth)
        for key, stored in truth.items():
            assert [own.key for own in self.copy.list(stored.namespace)] == [key]
        for uid in ("rs-1", "rs-2"):
            owned = {key for key, stored in truth.items() if uid in str(stored.object["metadata"])}
            assert {stored.key for stored in self.copy.by_index("controller", uid)} == owned

    def teardown(self) -> None:
        self.settle()
        self.runner.close()


def revisions(items: dict[str, Stored]) -> dict[str, tuple[int, str]]:
    return {key: (stored.revision, stored.uid) for key, stored in items.items() if key.startswith("ns-")}


@pytest.mark.parametrize(("kind", "examples"), [("fake", 80), ("real", 15)])
def test_an_informer_always_converges_to_the_store(make_server: Any, kind: str, examples: int) -> None:
    """Teaches: whatever happens to a watch, in the end everybody works from the truth."""

    class Machine(InformerMachine):
        backend = staticmethod(RealServer if kind == "real" else lambda: FakeServer(make_server()))

    run_state_machine_as_test(Machine, settings=settings(max_examples=examples, stateful_step_count=30, deadline=None))
