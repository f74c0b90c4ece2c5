"""Tests of kubesim.controllers.written_slices."""

from typing import Any

from kubesim.api.resources import ENDPOINT_SLICES
from kubesim.api.stored import Stored
from kubesim.api.wire import ADDED, DELETED, MODIFIED, WatchEvent
from kubesim.client.informer import Informer
from kubesim.controllers.endpoint_slice_plan import KnownSlice
from kubesim.controllers.written_slices import WrittenSlices

SERVICE = "default/web"


def endpoint_slice(revision: int, name: str = "web-a", **metadata: Any) -> Stored:
    head: dict[str, Any] = {"name": name, "namespace": "default", "uid": name, "resourceVersion": str(revision)}
    return Stored(revision, {"metadata": head | metadata, "addressType": "IPv4", "endpoints": None, "ports": None})


class World:
    """An informer that a test feeds, and the overlay over it."""

    def __init__(self) -> None:
        self.informer = Informer(ENDPOINT_SLICES)
        self.written = WrittenSlices(self.informer)
        self.foreign: list[int] = []
        self.informer.add_handler(on_add=self._saw, on_update=lambda _old, new: self._saw(new), on_delete=self._gone)

    def event(self, kind: str, stored: Stored) -> None:
        self.informer.apply([WatchEvent(kind, stored)])

    def revisions(self) -> list[int]:
        present = self.written.present(SERVICE, self.informer.list())
        return [int(known.object["metadata"]["resourceVersion"]) for known in present]

    def _saw(self, stored: Stored) -> None:
        if self.written.saw(SERVICE, stored):
            self.foreign.append(stored.revision)

    def _gone(self, stored: Stored) -> None:
        if self.written.saw_deleted(SERVICE, stored):
            self.foreign.append(stored.revision)


async def test_what_was_written_counts_before_the_cache_shows_it() -> None:
    """Teaches: a sync right after a write must not work from what was before."""
    world = World()
    world.written.wrote(SERVICE, endpoint_slice(5))
    assert world.revisions() == [5]
    world.event(ADDED, endpoint_slice(5))
    assert world.revisions() == [5]
    assert world.foreign == []
    assert not world.written.was_disturbed(SERVICE)


async def test_a_late_event_of_an_earlier_write_does_not_bring_the_old_slice_back() -> None:
    """Teaches: events of two writes may both be on their way."""
    world = World()
    world.written.wrote(SERVICE, endpoint_slice(5))
    world.written.wrote(SERVICE, endpoint_slice(6))
    world.event(ADDED, endpoint_slice(5))
    assert world.revisions() == [6]
    world.event(MODIFIED, endpoint_slice(6))
    assert world.revisions() == [6]
    assert world.foreign == []


async def test_an_event_may_be_faster_than_the_answer() -> None:
    """Teaches: then it looks like somebody else's write until the answer explains it."""
    world = World()
    world.event(ADDED, endpoint_slice(5))
    assert world.foreign == [5]
    world.written.wrote(SERVICE, endpoint_slice(5))
    assert not world.written.was_disturbed(SERVICE)


async def test_a_write_of_somebody_else_disturbs() -> None:
    """Teaches: whoever edits a managed slice by hand has it put right."""
    world = World()
    world.written.wrote(SERVICE, endpoint_slice(5))
    world.event(ADDED, endpoint_slice(5))
    world.event(MODIFIED, endpoint_slice(9))
    assert world.foreign == [9]
    assert world.written.was_disturbed(SERVICE)
    assert not world.written.was_disturbed(SERVICE)  # It is told once.


async def test_a_deleted_slice_is_gone_before_the_cache_knows() -> None:
    """Teaches: our own deletion is no disturbance, somebody else's is."""
    world = World()
    world.written.wrote(SERVICE, endpoint_slice(5))
    world.event(ADDED, endpoint_slice(5))
    world.written.deleted(SERVICE, KnownSlice(endpoint_slice(5).object))
    assert world.revisions() == []
    world.event(DELETED, endpoint_slice(6))
    assert not world.written.was_disturbed(SERVICE)
    world.event(ADDED, endpoint_slice(7, "web-b"))
    world.written.was_disturbed(SERVICE)
    world.event(DELETED, endpoint_slice(8, "web-b"))
    assert world.written.was_disturbed(SERVICE)


async def test_a_slice_on_its_way_out_is_not_counted() -> None:
    """Teaches: what is being deleted cannot be filled."""
    world = World()
    world.event(ADDED, endpoint_slice(5, deletionTimestamp="2024-01-13T09:00:00Z"))
    assert world.revisions() == []
    world.written.forget(SERVICE)
    assert world.revisions() == []
