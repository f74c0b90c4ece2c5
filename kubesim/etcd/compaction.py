"""Forgetting the past: after a compaction at N only the state at N and what came later can be read.

Nobody does it unasked: a Kubernetes apiserver compacts its etcd every five minutes, so that a watch can be
resumed for that long. A run of kubesim keeps everything and can be looked at at any past moment.

The log says which keys changed since the last compaction, so the cost follows what is forgotten, not how
many keys there are. Upstream walks the whole index in the background, in batches, and calls that scheduled
compaction; here it is done when the call returns.

Upstream: server/storage/mvcc/kvstore_compaction.go.
"""

from __future__ import annotations

from kubesim.etcd.revision import RevisionLog
from kubesim.etcd.tree_index import TreeIndex


def compact(index: TreeIndex, log: RevisionLog, revision: int) -> None:
    """Drops every change that was overwritten at or before `revision` from index and log.

    The log keeps `revision` itself: a watch may still begin there.
    """
    changed = {kv.key: None for main in range(log.first, revision + 1) for kv in log.at(main)}
    index.compact(changed, revision)
    log.forget_below(revision)
