"""Keeps the past of a long-lived cluster from growing without end.

A real kube-apiserver has etcd forget every five minutes what is older than five minutes. Here the past is worth more
(it can be looked at), so only what goes beyond REVISIONS_MAX revisions is forgotten, half of it at a time; whoever
still watches from there hears 410 Gone and lists again.

Upstream: k8s.io/apiserver/pkg/storage/etcd3/compact.go.
"""

from __future__ import annotations

import asyncio

from kubesim.cluster import SimCluster

REVISIONS_MAX = 100_000
LOOK_SECONDS = 300


async def keep_history_short(cluster: SimCluster, revisions_max: int = REVISIONS_MAX) -> None:
    """Looks every five virtual minutes, until cancelled."""
    store = cluster.etcd.store
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if store.revision - store.compacted_revision > revisions_max:
            forgotten = store.revision - revisions_max // 2
            await cluster.etcd.compact(forgotten)
            cluster.sim.trace.forget_origins_below(forgotten)
