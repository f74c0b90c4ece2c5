"""An informer against the store it copies, under random writes and random trouble on its watch."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from kubesim.api.resources import PODS
from kubesim.api.stored import Stored
from kubesim.client import Client, Effect, FaultyTransport, Informers, InProcessTransport, Rule
from kubesim.sim import CAUSES, SimLoop, Simulation

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


class InformerMachine(RuleBasedStateMachine):
    """What handlers were told must be a legal story, and once nothing moves the copy must equal the store."""

    make_server: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.loop = SimLoop()
        self.loop.run_until_complete(self.start())

    async def start(self) -> None:
        sim = Simulation(seed=1)
        self.server = type(self).make_server()
        self.transport = FaultyTransport(sim, InProcessTransport(sim, self.server, source="manager"))
        self.informers = Informers(sim, Client(self.transport, "manager"))
        self.pods = self.informers.of(PODS)
        self.told: dict[str, Stored] = {}
        self.pods.add_handler(on_add=self.on_add, on_update=self.on_update, on_delete=self.on_delete)
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
        self.loop.run_until_complete(asyncio.wait_for(asyncio.sleep(seconds), None))

    @rule(name=NAMES, owner=OWNERS)
    def put(self, name: str, owner: str) -> None:
        metadata: dict[str, Any] = {"name": name, "namespace": f"ns-{name}"}
        if owner:
            metadata["ownerReferences"] = [{"uid": owner, "controller": True}]
        self.server.put(PODS, {"metadata": metadata})

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        if f"ns-{name}/{name}" in self.server.of(PODS):
            self.server.remove(PODS, f"ns-{name}/{name}")

    @rule()
    def bookmark(self) -> None:
        self.server.bookmark()

    @rule()
    def compact(self) -> None:
        self.server.compact()

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
        truth = self.server.of(PODS)
        assert self.told == truth
        assert {stored.key: stored for stored in self.pods.list()} == truth
        assert len(self.pods) == len(truth)
        for key, stored in truth.items():
            assert self.pods.get(key) is stored
            assert list(self.pods.list(stored.namespace)) == [stored]
        for uid in ("rs-1", "rs-2"):
            owned = {key for key, stored in truth.items() if uid in str(stored.object["metadata"])}
            assert {stored.key for stored in self.pods.by_index("controller", uid)} == owned

    def teardown(self) -> None:
        self.settle()
        self.run.cancel()
        self.sleep(0)
        self.loop.close()


def test_an_informer_always_converges_to_the_store(make_server: Any) -> None:
    """Teaches: whatever happens to a watch, in the end everybody works from the truth."""

    class Machine(InformerMachine):
        pass

    Machine.make_server = make_server
    run_state_machine_as_test(Machine, settings=settings(max_examples=80, stateful_step_count=30, deadline=None))
