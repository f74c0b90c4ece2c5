"""Who works, of several equals."""

from __future__ import annotations

import asyncio
from typing import Any

from kubesim.api.resources import EVENTS, LEASES
from kubesim.client import Client, Effect, EventRecorder, FaultyTransport, InProcessTransport, LeaderElector, Rule
from kubesim.sim import Simulation, Tasks


class Candidate:
    """One of several; notes when it leads."""

    def __init__(self, sim: Simulation, server: Any, identity: str, *, releases: bool = False) -> None:
        self.sim = sim
        self.leads: list[tuple[float, float]] = []
        self.transport = FaultyTransport(sim, InProcessTransport(sim, server, source=identity))
        client = Client(self.transport, "manager")
        self.recorder = EventRecorder(sim, client, "manager")
        self.elector = LeaderElector(
            sim, client, name="manager", identity=identity, recorder=self.recorder, releases=releases
        )

    async def run(self) -> None:
        async with Tasks(self.elector.identity) as tasks:
            tasks.spawn(self.recorder.run(), "events")
            await self.elector.run(self.lead)

    async def lead(self) -> None:
        began = self.sim.clock.now()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.leads.append((began, self.sim.clock.now()))


def spec(server: Any) -> dict[str, Any]:
    return dict(server.of(LEASES)["kube-system/manager"].object["spec"])


async def test_the_first_to_write_its_name_leads_and_renews(sim: Simulation, server: Any) -> None:
    """Teaches: the fields of a real Lease, and a renewal every two seconds."""
    first = Candidate(sim, server, "host-a_1")
    async with Tasks("test") as tasks:
        tasks.spawn(first.run(), "a")
        await asyncio.sleep(7)
        assert first.elector.is_leader
        assert spec(server) == {
            "holderIdentity": "host-a_1",
            "leaseDurationSeconds": 15,
            "acquireTime": "2024-01-13T09:00:00.000000Z",
            "renewTime": "2024-01-13T09:00:06.000000Z",
            "leaseTransitions": 0,
        }
    (event,) = server.of(EVENTS).values()
    assert event.object["message"] == "host-a_1 became leader"
    assert event.object["reason"] == "LeaderElection"
    assert event.object["involvedObject"]["kind"] == "Lease"
    assert event.namespace == "kube-system"
    assert first.leads == [(0, 7)]


async def test_a_second_candidate_waits_until_the_lease_was_not_renewed(sim: Simulation, server: Any) -> None:
    """Teaches: a leader that dies is followed within lease duration and one jittered retry."""
    first, second = Candidate(sim, server, "a"), Candidate(sim, server, "b")
    async with Tasks("test") as tasks:
        leader = tasks.spawn(first.run(), "a")
        tasks.spawn(second.run(), "b")
        await asyncio.sleep(60)
        assert (first.elector.holder, second.elector.holder) == ("a", "a")
        leader.cancel()
        await asyncio.sleep(30)
        assert second.elector.is_leader
        assert spec(server)["leaseTransitions"] == 1
        renewed, acquired = 58, sim.clock.since(spec(server)["acquireTime"])
        assert renewed + 15 <= 90 - acquired <= renewed + 15 + 2 * 4.4
    assert len(first.leads) == len(second.leads) == 1
    assert first.leads[0][1] < second.leads[0][0]


async def test_a_leader_that_cannot_renew_stops_before_another_begins(sim: Simulation, server: Any) -> None:
    """Teaches: ten seconds without a renewal and it stops; the others wait fifteen. Never do two lead at once."""
    first, second = Candidate(sim, server, "a"), Candidate(sim, server, "b")
    async with Tasks("test") as tasks:
        tasks.spawn(first.run(), "a")
        await asyncio.sleep(1)
        tasks.spawn(second.run(), "b")
        await asyncio.sleep(30)
        rule = Rule(effect=Effect.LOSE_REQUEST)
        first.transport.add(rule)
        await asyncio.sleep(60)
        first.transport.remove(rule)
        await asyncio.sleep(60)
    (lost,) = first.leads
    assert lost == (0, 42)  # The renewal at 32 s was the first to fail.
    assert second.leads[0][0] > 42
    assert spec(server)["holderIdentity"] == "b"
    said = [event.object["message"] for event in server.of(EVENTS).values()]
    assert sorted(said) == ["a became leader", "a stopped leading", "b became leader"]


async def test_an_answer_that_was_lost_does_not_cost_the_lead(sim: Simulation, server: Any) -> None:
    """Teaches: a renewal that happened but was not confirmed makes the next one conflict; reading helps."""
    first = Candidate(sim, server, "a")
    async with Tasks("test") as tasks:
        tasks.spawn(first.run(), "a")
        await asyncio.sleep(5)
        first.transport.add(Rule(effect=Effect.LOSE_RESPONSE, verbs=("update",), times=1))
        await asyncio.sleep(30)
        assert first.elector.is_leader
        assert first.leads == []
    assert spec(server)["leaseTransitions"] == 0


async def test_of_two_that_write_at_once_one_wins(sim: Simulation, server: Any) -> None:
    """Teaches: the apiserver's precondition decides, not the order of asking."""
    candidates = [Candidate(sim, server, name) for name in "abc"]
    async with Tasks("test") as tasks:
        for candidate in candidates:
            tasks.spawn(candidate.run(), candidate.elector.identity)
        await asyncio.sleep(20)
        assert sum(candidate.elector.is_leader for candidate in candidates) == 1


async def test_a_leader_that_is_told_to_end_gives_the_lease_back(sim: Simulation, server: Any) -> None:
    """Teaches: the next one need not wait until the lease expires; a second later it leads."""
    first, second = Candidate(sim, server, "host-a_1", releases=True), Candidate(sim, server, "host-b_2")
    async with Tasks("test") as tasks:
        leading = tasks.spawn(first.run(), "a")
        await asyncio.sleep(1)
        tasks.spawn(second.run(), "b")
        await asyncio.sleep(6)
        leading.cancel()
        await asyncio.sleep(0.1)
        assert spec(server) == {
            "holderIdentity": "", "leaseDurationSeconds": 1, "acquireTime": "2024-01-13T09:00:07.000000Z",
            "renewTime": "2024-01-13T09:00:07.000000Z", "leaseTransitions": 0,
        }  # fmt: skip
        assert not second.elector.is_leader
        await asyncio.sleep(5)
        assert second.elector.is_leader, "it looks every two to four seconds"
    assert first.leads == [(0, 7)]


async def test_who_waits_gives_nothing_back(sim: Simulation, server: Any) -> None:
    """Teaches: only a leader has something to give."""
    first, second = (Candidate(sim, server, name, releases=True) for name in ("host-a_1", "host-b_2"))
    async with Tasks("test") as tasks:
        tasks.spawn(first.run(), "a")
        await asyncio.sleep(1)
        waiting = tasks.spawn(second.run(), "b")
        await asyncio.sleep(6)
        waiting.cancel()
        await asyncio.sleep(0.1)
        assert spec(server)["holderIdentity"] == "host-a_1"
