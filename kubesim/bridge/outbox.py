"""What waits to be published: bounded, and shared by two threads.

The cluster's thread puts in and never waits; the connection's thread takes out. Of a retained topic only the latest
message waits, and what the broker should hold is kept, so that it can be said again to a broker that forgot it. Of
the trace at most `records_max` lines wait: beyond that the oldest are dropped and counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock

from kubesim.bridge.topics import Message

RECORDS_MAX = 20_000


class Outbox:
    """Messages on their way to the broker. `wake` is called when something comes into an empty outbox."""

    def __init__(self, records_max: int = RECORDS_MAX) -> None:
        self.dropped = 0  # Trace lines that nobody will ever see.
        self.wake: Callable[[], None] = lambda: None
        self._records_max = records_max
        self._lock = Lock()
        self._records: deque[Message] = deque()
        self._states: dict[str, Message] = {}  # Topic -> the latest message that was not sent yet.
        self._known: dict[str, Message] = {}  # Topic -> what the broker should hold.

    def put(self, message: Message) -> None:
        """Adds a message; never waits."""
        with self._lock:
            was_empty = not (self._records or self._states)
            if message.retain:
                self._remember(message)
            else:
                self._records.append(message)
                if len(self._records) > self._records_max:
                    self._records.popleft()
                    self.dropped += 1
        if was_empty:
            self.wake()

    def take(self, count: int) -> list[Message]:
        """Up to `count` messages: states first, then the trace in its order."""
        with self._lock:
            taken = [self._states.pop(topic) for topic in list(self._states)[:count]]
            while self._records and len(taken) < count:
                taken.append(self._records.popleft())
        return taken

    def give_back(self, messages: list[Message]) -> None:
        """What was taken and perhaps not delivered; it goes out again, in its old order."""
        with self._lock:
            for message in messages:
                if message.retain:
                    self._states.setdefault(message.topic, message)  # Unless something newer waits.
            records = [message for message in messages if not message.retain]
            self._records.extendleft(reversed(records))
            while len(self._records) > self._records_max:
                self._records.popleft()
                self.dropped += 1

    def say_again(self) -> None:
        """Everything retained goes out once more: a broker that was restarted may have forgotten it."""
        with self._lock:
            self._states = {**self._known, **self._states}

    def knows(self, topic: str) -> bool:
        """Whether a retained topic is one of ours at present."""
        with self._lock:
            return topic in self._known

    def is_empty(self) -> bool:
        """Whether nothing waits."""
        with self._lock:
            return not (self._records or self._states)

    def __len__(self) -> int:
        with self._lock:
            return len(self._records) + len(self._states)

    def _remember(self, message: Message) -> None:
        self._states.pop(message.topic, None)  # The newer one stands at the end.
        self._states[message.topic] = message
        if message.payload:
            self._known[message.topic] = message
        else:
            self._known.pop(message.topic, None)
