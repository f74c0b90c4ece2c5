"""Holds a controller back until its caches show what it wrote itself.

Since v1.36 a ReplicaSet is not synced from a cache older than the controller's own last write; the sync fails
with the words below and comes back after its back-off. Expectations alone could not tell: they count Pods, while
a status may be stale too.
Upstream: pkg/controller/util/consistency.
"""

from __future__ import annotations

from kubesim.client.informer import Informer
from kubesim.controllers.controller import RetryLaterError


class OwnWrites:
    """Per owner key: the newest revision that was written of each kind."""

    def __init__(self) -> None:
        self._written: dict[str, dict[Informer, int]] = {}

    def wrote(self, key: str, informer: Informer, revision: int) -> None:
        """An object that `informer` caches was written on behalf of `key`."""
        written = self._written.setdefault(key, {})
        written[informer] = max(revision, written.get(informer, 0))

    def check(self, key: str) -> None:
        """Raises RetryLaterError if a cache is behind."""
        written = self._written.get(key)
        if not written:
            return
        for informer, revision in written.items():
            if informer.revision < revision:
                raise RetryLaterError(
                    f"read version: {informer.revision} is not as new as written version: {revision} "
                    f"for group resource {informer.resource.qualified}"
                )
        del self._written[key]

    def forget(self, key: str) -> None:
        """The owner is gone."""
        self._written.pop(key, None)
