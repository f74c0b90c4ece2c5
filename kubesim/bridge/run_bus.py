"""A virtual run on the bus: `kubesim run NAME --mqtt URL`."""

from __future__ import annotations

from kubesim.bridge.address import BrokerAddress
from kubesim.bridge.mqtt import Connection
from kubesim.bridge.outbox import Outbox
from kubesim.bridge.publisher import Publisher
from kubesim.bridge.topics import Topics
from kubesim.cluster import SimCluster

DRAIN_SECONDS = 30.0


class RunBus:
    """Takes the lines of a run's recording, as a file would. The cluster's states begin with the first of them."""

    def __init__(self, address: BrokerAddress, name: str) -> None:
        self._topics = Topics(address.prefix, name)
        self._outbox = Outbox()
        self._connection = Connection(address, self._topics, self._outbox)
        self._publisher: Publisher | None = None
        self._began = False

    def follow(self, cluster: SimCluster) -> None:
        """Publishes this cluster."""
        self._publisher = Publisher(cluster, self._topics, self._outbox)
        self._connection.start()

    def write(self, line: bytes) -> object:
        """One line of the recording."""
        assert self._publisher is not None, "a run has a cluster before it has lines"
        if not self._began:
            self._began = True
            self._publisher.start()
        return self._publisher.write(line)

    def close(self) -> str:
        """Sends what waits, for half a minute at most; the result says what did not get through, "" if all did."""
        if self._publisher is None:
            return ""
        left = self._connection.close(DRAIN_SECONDS)
        lost = left + self._outbox.dropped
        if not lost:
            return ""
        why = f" ({self._connection.last_failure})" if self._connection.last_failure else ""
        return f"{lost} messages did not reach the broker{why}"
