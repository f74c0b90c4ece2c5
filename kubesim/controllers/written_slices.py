"""Slices that were just written, for as long as the informer does not show them.

Without this, a sync that follows at once would see the slices of before and, for instance, create one twice.
(Upstream refuses to sync until the cache has caught up, and tries again a second later.) It also tells apart our own
writes, when they come back as events, from those of somebody else, after which a Service has to be looked through.
Upstream: util/endpointslice_tracker.go of k8s.io/endpointslice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubesim.api.stored import Stored
from kubesim.client.informer import Informer
from kubesim.controllers.endpoint_slice_plan import KnownSlice


class Memory(NamedTuple):
    """What is remembered of one Service's slices, by slice key."""

    written: dict[str, Stored | None]  # None: deleted.
    foreign: dict[str, int]  # Revisions that we cannot account for (yet).
    known: dict[str, tuple[Stored, KnownSlice]]


class WrittenSlices:
    """Overlays an informer's slices with our own latest writes, by Service key."""

    def __init__(self, informer: Informer) -> None:
        self._informer = informer
        self._services: dict[str, Memory] = {}

    def present(self, service: str, cached: Iterable[Stored]) -> list[KnownSlice]:
        """The Service's slices as they are after all that we wrote, without those on their way out."""
        memory = self._memory(service)
        newest: dict[str, Stored | None] = {stored.key: stored for stored in cached}
        newest |= memory.written
        present = []
        for key, stored in newest.items():
            if stored is not None and "deletionTimestamp" not in stored.object["metadata"]:
                present.append(self._known(memory, key, stored))
        return present

    def wrote(self, service: str, stored: Stored) -> None:
        """We created or updated a slice."""
        memory = self._memory(service)
        if memory.foreign.get(stored.key) == stored.revision:
            del memory.foreign[stored.key]  # Its event was faster than the answer.
        cached = self._informer.get(stored.key)
        if cached is None or cached.revision < stored.revision:
            memory.written[stored.key] = stored

    def deleted(self, service: str, known: KnownSlice) -> None:
        """We deleted a slice."""
        memory = self._memory(service)
        key = f"{known.object['metadata']['namespace']}/{known.name}"
        memory.known.pop(key, None)
        if self._informer.get(key) is None:
            memory.foreign.pop(key, None)
            memory.written.pop(key, None)
        else:
            memory.written[key] = None

    def saw(self, service: str, stored: Stored) -> bool:
        """An event shows a slice; says whether it is, as far as we know, none of our writes."""
        memory = self._memory(service)
        written = memory.written.get(stored.key)
        if written is None or stored.revision > written.revision:
            memory.foreign[stored.key] = stored.revision
        elif stored.revision == written.revision:
            del memory.written[stored.key]
            return False
        return stored.key in memory.foreign

    def saw_deleted(self, service: str, stored: Stored) -> bool:
        """An event says that a slice is gone; says whether it was somebody else."""
        memory = self._memory(service)
        memory.known.pop(stored.key, None)
        if memory.written.pop(stored.key, stored) is None:
            return False
        memory.foreign[stored.key] = stored.revision
        return True

    def was_disturbed(self, service: str) -> bool:
        """Whether somebody else wrote since this was last asked."""
        memory = self._memory(service)
        was_disturbed = bool(memory.foreign)
        memory.foreign.clear()
        return was_disturbed

    def forget(self, service: str) -> None:
        """The Service is gone, or a write failed and nothing is certain: the informer alone counts."""
        self._services.pop(service, None)

    def _memory(self, service: str) -> Memory:
        memory = self._services.get(service)
        if memory is None:
            memory = self._services[service] = Memory({}, {}, {})
        return memory

    def _known(self, memory: Memory, key: str, stored: Stored) -> KnownSlice:
        remembered = memory.known.get(key)
        if remembered is None or remembered[0] is not stored:
            remembered = memory.known[key] = (stored, KnownSlice(stored.object))
        return remembered[1]
