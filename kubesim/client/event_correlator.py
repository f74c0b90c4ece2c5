"""Keeps a component from flooding the cluster with Events: what client-go does before it writes one.

Three steps, in this order:

* *aggregate*: from the 10th different message about one object for one reason within ten minutes, events
  become one: "(combined from similar events): " and the latest message;
* *count*: an event that was said before is not created again, its count is raised;
* *filter*: about one object a component may say 25 things, and then one more every five minutes.

Upstream: k8s.io/client-go/tools/record/events_cache.go.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from kubesim.api.stored import Object
from kubesim.client.rate_limit import TokenBucket
from kubesim.sim import Clock

CACHE_ENTRIES_MAX = 4096
AGGREGATE_MESSAGES = 10
AGGREGATE_INTERVAL_SECONDS = 600
SPAM_BURST = 25
SPAM_QPS = 1 / 300
COMBINED = "(combined from similar events): "

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """The entries that were used last, at most `size`."""

    def __init__(self, size: int = CACHE_ENTRIES_MAX) -> None:
        self._size = size
        self._entries: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        """The entry, which counts as a use of it."""
        value = self._entries.pop(key, None)
        if value is not None:
            self._entries[key] = value
        return value

    def put(self, key: Key, value: Value) -> None:
        """Keeps an entry; the one that was not used for longest may have to go."""
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._size:
            del self._entries[next(iter(self._entries))]

    def __len__(self) -> int:
        return len(self._entries)


class Subject(NamedTuple):
    """Who speaks about what."""

    component: str
    host: str
    kind: str
    namespace: str
    name: str
    uid: str
    api_version: str


class Group(NamedTuple):
    """Events that differ only in their message."""

    subject: Subject
    type: str
    reason: str
    reporting_component: str
    reporting_instance: str


class Sentence(NamedTuple):
    """Events that say the same."""

    subject: Subject
    field_path: str
    type: str
    reason: str
    message: str


class Similar:
    """The messages of one group, oldest first, and when the last one came."""

    __slots__ = ("last_seconds", "messages")

    def __init__(self) -> None:
        self.messages: dict[str, None] = {}
        self.last_seconds = 0.0


class Told(NamedTuple):
    """What the cluster knows already."""

    name: str
    first_timestamp: str
    times: int


class Correlated(NamedTuple):
    """What to write: the whole event, and if it exists already the patch that raises its count."""

    event: Object
    patch: Object | None


class EventCorrelator:
    """Decides what becomes of each event of one component. `rename` makes the name of a combined event."""

    def __init__(self, clock: Clock, rename: Callable[[str], str]) -> None:
        self._clock = clock
        self._rename = rename
        self._similar: LruCache[Group, Similar] = LruCache()
        self._told: LruCache[Hashable, Told] = LruCache()
        self._buckets: LruCache[Subject, TokenBucket] = LruCache()

    def correlate(self, event: Object) -> Correlated | None:
        """What to write for `event`; None if the component talks too much about that object."""
        subject = subject_of(event)
        event, key = self._aggregate(event, subject)
        correlated = self._count(event, key)
        bucket = self._buckets.get(subject) or TokenBucket(self._clock, SPAM_QPS, SPAM_BURST)
        self._buckets.put(subject, bucket)
        return correlated if bucket.try_take() else None

    def _aggregate(self, event: Object, subject: Subject) -> tuple[Object, Hashable]:
        """The event or the one that stands for all of its group, and the key under which it is counted."""
        group = Group(subject, event["type"], event["reason"], event["reportingComponent"], event["reportingInstance"])
        now = self._clock.now()
        similar = self._similar.get(group)
        if similar is None or now - similar.last_seconds > AGGREGATE_INTERVAL_SECONDS:
            similar = Similar()
        similar.messages[event["message"]] = None
        similar.last_seconds = now
        self._similar.put(group, similar)
        if len(similar.messages) < AGGREGATE_MESSAGES:
            field_path = event["involvedObject"].get("fieldPath", "")
            return event, Sentence(subject, field_path, event["type"], event["reason"], event["message"])
        del similar.messages[next(iter(similar.messages))]
        return self._combined(event), group

    def _combined(self, event: Object) -> Object:
        """Like upstream's, it does not say who reported it."""
        metadata = {"name": self._rename(subject_of(event).name), "namespace": event["metadata"]["namespace"]}
        return {
            **event,
            "metadata": metadata,
            "message": COMBINED + event["message"],
            "reportingComponent": "",
            "reportingInstance": "",
        }

    def _count(self, event: Object, key: Hashable) -> Correlated:
        told = self._told.get(key)
        patch: Object | None = None
        if told is not None:
            patch = {
                "count": told.times + 1,
                "lastTimestamp": event["lastTimestamp"],
                "message": event["message"],
            }
            metadata = {**event["metadata"], "name": told.name}
            event = {**event, **patch, "metadata": metadata, "firstTimestamp": told.first_timestamp}
        self._told.put(key, Told(event["metadata"]["name"], event["firstTimestamp"], event["count"]))
        return Correlated(event, patch)


def subject_of(event: Object) -> Subject:
    """Who speaks about what in `event`."""
    source, about = event["source"], event["involvedObject"]
    return Subject(
        source.get("component", ""),
        source.get("host", ""),
        about.get("kind", ""),
        about.get("namespace", ""),
        about.get("name", ""),
        about.get("uid", ""),
        about.get("apiVersion", ""),
    )
