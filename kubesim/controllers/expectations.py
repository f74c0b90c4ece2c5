"""Remembers what a controller has asked for and not yet seen, so that a stale cache is not acted upon twice.

After creating three Pods a controller's cache still shows none: were it to count again, it would create three
more. So it notes "three creations expected", its informer handlers cross them off, and until then it only
reports. A wish that is never fulfilled (a Pod created and gone between two looks) lapses after five minutes.
Upstream: UIDTrackingControllerExpectations in pkg/controller/controller_utils.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

EXPECTATIONS_TIMEOUT_SECONDS = 300.0


class Expectations:
    """Per owner key: how many creations, and the deletion of which Pods, the cache has yet to show."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._creations: dict[str, int] = {}
        self._deletions: dict[str, dict[str, None]] = {}
        self._since: dict[str, float] = {}

    def expect_creations(self, key: str, count: int) -> None:
        """`count` Pods are about to be created; replaces what was expected before."""
        self._begin(key)
        self._creations[key] = count

    def expect_deletions(self, key: str, pod_keys: Iterable[str]) -> None:
        """These Pods are about to be deleted; replaces what was expected before."""
        self._begin(key)
        self._deletions[key] = dict.fromkeys(pod_keys)

    def expect(self, key: str, creations: int, pod_keys: Iterable[str]) -> None:
        """Both at once; replaces what was expected before."""
        self._begin(key)
        self._creations[key] = creations
        self._deletions[key] = dict.fromkeys(pod_keys)

    def creation_observed(self, key: str, count: int = 1) -> None:
        """The cache shows a new Pod, or a creation failed and will never be shown."""
        if key in self._creations:
            self._creations[key] -= count

    def deletion_observed(self, key: str, pod_key: str) -> None:
        """The cache shows that a Pod is deleted or terminating, or its deletion failed. Counted once per Pod."""
        self._deletions.get(key, {}).pop(pod_key, None)

    def satisfied(self, key: str) -> bool:
        """Whether the cache has caught up, or has had long enough to."""
        if key not in self._since:
            return True
        if self._creations.get(key, 0) <= 0 and not self._deletions.get(key):
            return True
        return self._now() - self._since[key] > EXPECTATIONS_TIMEOUT_SECONDS

    def forget(self, key: str) -> None:
        """The owner is gone."""
        for table in (self._creations, self._deletions, self._since):
            table.pop(key, None)

    def _begin(self, key: str) -> None:
        self.forget(key)
        self._since[key] = self._now()
