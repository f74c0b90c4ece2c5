"""Keeps the past of a long-lived cluster from growing without end.

A real kube-apiserver has etcd forget every five minutes what is older than five minutes. Here the past is worth more
(it can be looked at), so the oldest is forgotten only when what is kept outgrows its share of memory, down to half of
it; whoever still watches from there hears 410 Gone and lists again.

Upstream: k8s.io/apiserver/pkg/storage/etcd3/compact.go.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque

from kubesim.cluster import SimCluster
from kubesim.etcd.store import MvccStore

LOOK_SECONDS = 60
REVISION_BYTES = 1500  # What a revision takes beside its value: the decoded object and where it is kept (measured).
ALL_KEYS = b"\x00"
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMG]i?)?B?")
UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "ki": 2**10, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


class History:
    """How much memory the kept revisions of a store take, in steps of one look each."""

    def __init__(self, store: MvccStore) -> None:
        self._store = store
        self._steps: deque[tuple[int, int]] = deque()  # (last revision, bytes), oldest first.
        self._seen = store.revision
        self.size_bytes = 0

    def look(self) -> None:
        """Counts what came since the last look."""
        store = self._store
        if store.revision == self._seen:
            return
        changes = store.history(ALL_KEYS, ALL_KEYS, self._seen + 1)
        size = sum(len(kv.value) + REVISION_BYTES for kv in changes)
        self._seen = store.revision
        self._steps.append((self._seen, size))
        self.size_bytes += size

    def forget_down_to(self, size_bytes: int) -> int:
        """Takes the oldest steps away until so much is left; the result is the revision to compact at, or 0."""
        revision = 0
        while self._steps and self.size_bytes > size_bytes:
            revision, size = self._steps.popleft()
            self.size_bytes -= size
        return revision


async def keep_history_short(cluster: SimCluster, bytes_max: int) -> None:
    """Looks every virtual minute, until cancelled."""
    history = History(cluster.etcd.store)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        history.look()
        if history.size_bytes > bytes_max and (revision := history.forget_down_to(bytes_max // 2)):
            await cluster.etcd.compact(revision)
            cluster.sim.trace.forget_origins_below(revision)


def parse_size(text: str) -> int:
    """Bytes from `256MB`, `1Gi` or `1000000`; ValueError if it is none of that."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return int(float(match[1]) * UNITS[match[2] or ""])
