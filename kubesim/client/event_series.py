"""The newer way of repeating an Event (events.k8s.io): a series instead of a count.

The second occurrence writes a series of two. Later ones are only counted here; the final count is written
once nothing came for six minutes, and every half hour meanwhile. The message is that of the first.
Upstream: k8s.io/client-go/tools/events/event_broadcaster.go.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from kubesim.api.stored import Object
from kubesim.client.event_correlator import Correlated
from kubesim.sim import Clock

FINISH_SECONDS = 360
REFRESH_SECONDS = 1800


class Series:
    """One event and how often it was seen."""

    __slots__ = ("count", "event", "last_seconds", "last_timestamp")

    def __init__(self, event: Object) -> None:
        self.event = event
        self.count = 1
        self.last_seconds = 0.0
        self.last_timestamp = ""

    def as_patch(self) -> Correlated:
        """The event as it is now, and the patch that makes it so."""
        patch = {"series": {"count": self.count, "lastObservedTime": self.last_timestamp}}
        return Correlated({**self.event, **patch}, patch)


class EventSeriesCorrelator:
    """Decides what becomes of each event of one component that uses events.k8s.io."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._series: dict[Hashable, Series] = {}

    def correlate(self, event: Object) -> Correlated | None:
        """What to write for `event`; None if counting it here is enough."""
        key = key_of(event)
        series = self._series.get(key)
        is_new = series is None
        if series is None:
            series = self._series[key] = Series(event)
        else:
            series.count += 1
        series.last_seconds = self._clock.now()
        series.last_timestamp = self._clock.micro_timestamp()
        if is_new:
            return Correlated(event, None)
        return series.as_patch() if series.count == 2 else None

    def finish(self) -> Iterator[Correlated]:
        """Forgets what was not seen for six minutes; yields the final counts."""
        now = self._clock.now()
        for key, series in list(self._series.items()):
            if now - series.last_seconds > FINISH_SECONDS:
                del self._series[key]
                if series.count > 1:
                    yield series.as_patch()

    def refresh(self) -> Iterator[Correlated]:
        """The counts so far, so that the events of a long series do not expire."""
        for series in list(self._series.values()):
            if series.count > 1:
                yield series.as_patch()


def key_of(event: Object) -> Hashable:
    """Events that only differ in time and message belong together; the object's revision counts."""
    about = tuple(sorted(event["involvedObject"].items()))
    return (event["type"], event["action"], event["reason"], event["reportingComponent"], about)
