"""What a teacher's screen shows of a classroom: one row a cluster, made from what is on the bus. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from kubesim.bridge.topics import ROOT, SCHEMA

CLUSTERS_MAX = 1000  # A bus is open to everybody; a screen is not to grow without end.
OBJECTS_MAX = 20_000  # Of one cluster.


@dataclass
class ClusterSeen:
    """What was heard of one cluster."""

    name: str
    online: bool = False
    dropped: int = 0
    clock: Mapping[str, Any] = field(default_factory=dict)
    nodes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    pods: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    components: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    last_fault: str = ""
    strange: int = 0  # Messages of another schema than ours.

    def row(self) -> dict[str, Any]:
        """The facts of a row, for people and programs alike."""
        ready = [name for name, node in self.nodes.items() if node.get("ready") == "True"]
        running = [pod for pod in self.pods.values() if pod.get("phase") == "Running" and pod.get("ready")]
        stopped = [str(each.get("name", "")) for each in self.components.values() if each.get("state") != "running"]
        return {
            "cluster": self.name,
            "online": self.online,
            "date": self.clock.get("date", ""),
            "mode": self.clock.get("mode", ""),
            "speed": self.clock.get("speed", 0),
            "nodes": len(self.nodes),
            "nodesReady": len(ready),
            "nodesDown": sorted(set(self.nodes) - set(ready)),
            "pods": len(self.pods),
            "podsReady": len(running),
            "componentsDown": sorted(stopped),
            "lastFault": self.last_fault,
            "dropped": self.dropped,
            "otherSchema": self.strange,
        }


class Roster:
    """All clusters below a prefix."""

    def __init__(self, prefix: str) -> None:
        self._base = f"{prefix}{ROOT}/"
        self._clusters: dict[str, ClusterSeen] = {}

    @property
    def topics(self) -> list[str]:
        """What to subscribe to: no more than a screen needs."""
        states = ["bridge", "clock", "nodes/+/status", "pods/+/+/status", "components/+/status", "trace/record"]
        return [f"{self._base}+/{state}" for state in states]

    def hear(self, topic: str, payload: bytes) -> None:
        """One message; what is no message of ours is passed over."""
        name, _, what = topic.removeprefix(self._base).partition("/")
        fields = decoded(payload)
        if not topic.startswith(self._base) or not what or fields is None:
            return
        if name not in self._clusters and len(self._clusters) >= CLUSTERS_MAX:
            return
        seen = self._clusters.setdefault(name, ClusterSeen(name))
        if fields and fields.get("schema") != SCHEMA:
            seen.strange += 1
            return
        self._note(seen, what, fields)

    def rows(self) -> list[dict[str, Any]]:
        """One for each cluster, by name."""
        return [self._clusters[name].row() for name in sorted(self._clusters)]

    def _note(self, seen: ClusterSeen, what: str, fields: Mapping[str, Any]) -> None:
        kind, _, name = what.partition("/")
        if what == "bridge":
            seen.online, seen.dropped = fields.get("state") == "online", int(fields.get("dropped", 0))
        elif what == "clock":
            seen.clock = fields
        elif kind in ("nodes", "pods", "components"):
            known = {"nodes": seen.nodes, "pods": seen.pods, "components": seen.components}[kind]
            if not fields:
                known.pop(name.removesuffix("/status"), None)
            elif len(known) < OBJECTS_MAX:
                known[name.removesuffix("/status")] = fields
        elif what == "trace/record" and (record := fields.get("record", {})).get("event") == "fault":
            seen.last_fault = f"{record.get('verb')} {record.get('name')}"


def decoded(payload: bytes) -> dict[str, Any] | None:
    """The fields of a message; none at all for an empty one, None for what is no JSON object."""
    if not payload:
        return {}
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None
