"""What a container finds in a mounted ConfigMap or Secret: not what it says now, but what the kubelet last wrote.

Every Pod is looked at again once a minute from its start; a change reaches its files then. A file that is mounted
alone (`subPath`) never changes while the container runs. Here nothing is written ahead: who looks inside is told what
the last look would have found, by the date of the object's last change.
Upstream: pkg/volume/util/atomic_writer.go, pkg/kubelet/util/manager. Left out: the jitter of up to half a minute.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubesim.api.stored import Object
from kubesim.sim import Clock

SYNC_SECONDS = 60.0
Values = Mapping[str, bytes]


class MountedFiles:
    """What the Pods of one node have mounted, by Pod, kind and name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str, str], tuple[Values, float, Values]] = {}  # Now, since when, at first.

    def note(self, key: tuple[str, str, str], values: Values) -> None:
        """It was written for the first time, now."""
        self._known.setdefault(key, (values, self._clock.now(), values))

    def current(self, key: tuple[str, str, str], obj: Object | None, values: Values, *, alone: bool) -> Values:
        """What is in the files: what the last look found."""
        found = self._known.get(key)
        if found is None:
            return values
        old, mounted, first = found
        if alone:
            return first
        if obj is None:
            return old
        since_look = (self._clock.now() - mounted) % SYNC_SECONDS
        if self._clock.now() - mounted < SYNC_SECONDS or changed_seconds_ago(self._clock, obj) < since_look:
            return old
        self._known[key] = (values, mounted, first)
        return values

    def forget(self, pod_uid: str) -> None:
        """The Pod is gone."""
        for key in [key for key in self._known if key[0] == pod_uid]:
            del self._known[key]


def changed_seconds_ago(clock: Clock, obj: Object) -> float:
    """How long ago somebody last changed an object."""
    metadata = obj["metadata"]
    dates = [each["time"] for each in metadata.get("managedFields") or () if each.get("time")]
    return min((clock.since(date) for date in (*dates, metadata["creationTimestamp"])), default=0.0)
