"""Objects that live only for a while."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubesim.api.errors import NotFoundError
from kubesim.api.resources import EVENTS
from kubesim.api.wire import DELETED
from kubesim.apiserver.lease_manager import OBJECTS_MAX, LeaseManager
from kubesim.etcd import Member
from kubesim.sim import Simulation


async def test_an_event_is_forgotten_after_an_hour(sim: Simulation, boot: Any, drained: Any) -> None:
    """Teaches: etcd's leases do it; the minute more is what a lease is shared for."""
    async with boot(sim) as api:
        made = await api.create(EVENTS, {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"}})
        stream = await api.watch(EVENTS, resource_version=str(made.revision))
        await asyncio.sleep(3600)
        await api.get(EVENTS, "e")
        await asyncio.sleep(120)
        with pytest.raises(NotFoundError):
            await api.get(EVENTS, "e")
        (event,) = await drained(stream)
        assert (event.type, event.stored.name) == (DELETED, "e")
        assert event.stored.revision > made.revision
        assert (await api.list(EVENTS)).items == []


async def test_an_event_that_is_counted_on_lives_on(sim: Simulation, boot: Any) -> None:
    """Teaches: every write gives the object a new hour."""
    async with boot(sim) as api:
        await api.create(EVENTS, {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"}, "count": 1})
        await asyncio.sleep(3000)
        await api.patch(EVENTS, "e", {"count": 2})
        await asyncio.sleep(3000)
        assert (await api.get(EVENTS, "e")).object["count"] == 2


async def test_a_lease_is_shared_for_a_minute_and_a_thousand_objects(sim: Simulation) -> None:
    """Teaches: a lease costs something, so many objects hang on one."""
    manager = LeaseManager(Member(sim), sim.clock, 3600)
    first = await manager.lease()
    assert {await manager.lease() for _ in range(OBJECTS_MAX - 1)} == {first}
    second = await manager.lease()
    assert second != first
    await asyncio.sleep(61)
    assert await manager.lease() not in (first, second)
