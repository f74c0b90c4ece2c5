"""What chance decided in a recording, decided the same way when it is played again.

A control plane draws: the ends of generated names, uids (they break the last tie when a ReplicaSet chooses whom to
delete), and one of several equal nodes. None of it is right or wrong, but much follows from it: who stood on the node
that died, which Pod `kubectl get pods | head -1` names. So the draws of the recording are drawn again: an object that
is created as the n-th of its name or prefix gets the name and uid that the n-th one had, and a Pod goes to the node
where it was, if that node will do. (A recorder sees only its own namespaces: Pods of others may have made a node
less attractive. That scores are right is measured elsewhere, by `kubesim fidelity scheduler`.) What has no counterpart
in the recording is drawn from the seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubesim.api.stored import Object
from kubesim.api.wire import ADDED
from kubesim.recording import Change
from kubesim.sim import Chance, Clock

IN_FLIGHT_SECONDS = 1.0  # A name that was given out and has not appeared by then was refused: it is free again.


class RecordedChance(Chance):
    """Draws what the recording drew. `follow` the cluster before the first draw that matters."""

    def __init__(self, seed: int, lines: Iterable[Object]) -> None:
        super().__init__(seed)
        self._names: dict[str, list[str]] = {}  # Kind/namespace/prefix -> the names, in order.
        self._uids: dict[str, list[str]] = {}  # Kind/namespace/name -> the uids, in order.
        self._nodes: dict[str, str] = {}  # Uid of a Pod -> its node.
        self._nominated: dict[str, str] = {}
        self._given: dict[str, float] = {}
        self._there: set[str] = set()
        self._clock: Clock | None = None
        for line in lines:
            if "verb" in line and line["kind"] != "Event" and not line.get("initial"):
                self._learn(line)

    def follow(self, clock: Clock) -> None:
        """From here on the recording counts."""
        self._clock = clock

    def heard(self, change: Change) -> None:
        """An object of ours was created: its name and uid are taken."""
        if change.verb == ADDED:
            metadata = change.object["metadata"]
            self._there |= {metadata["uid"], f"{change.kind}/{change.new.key}"}

    def uid(self, of: str = "", /) -> str:
        """The uid that the object of this name got in the recording."""
        recorded = self._next(self._uids.get(of, ()))
        return recorded or super().uid(of)

    def generated_name(self, kind: str, namespace: str, prefix: str, /) -> str:
        """The next name of this prefix in the recording."""
        of = f"{kind}/{namespace}/"
        recorded = self._next([of + name for name in self._names.get(of + prefix, ())])
        return recorded.removeprefix(of) if recorded else super().generated_name(kind, namespace, prefix)

    def recorded_node(self, uid: str, /) -> str:
        """The node that the Pod was bound to, or else promised."""
        return self._nodes.get(uid) or self._nominated.get(uid, "")

    def _next(self, values: Sequence[str]) -> str:
        """The first value that nobody has."""
        if self._clock is None:
            return ""
        now = self._clock.now()
        for value in values:
            in_flight = now - self._given.get(value, -IN_FLIGHT_SECONDS) < IN_FLIGHT_SECONDS
            if value not in self._there and not in_flight:
                self._given[value] = now
                return value
        return ""

    def _learn(self, line: Object) -> None:
        obj, of = line["object"], f"{line['kind']}/{line['namespace']}/"
        metadata, uid = obj["metadata"], obj["metadata"]["uid"]
        uids = self._uids.setdefault(of + line["name"], [])
        if uid not in uids:
            uids.append(uid)
            if metadata.get("generateName"):
                self._names.setdefault(of + metadata["generateName"], []).append(line["name"])
        if line["kind"] == "Pod":
            if (obj.get("spec") or {}).get("nodeName"):
                self._nodes.setdefault(uid, obj["spec"]["nodeName"])
            if (obj.get("status") or {}).get("nominatedNodeName"):
                self._nominated[uid] = obj["status"]["nominatedNodeName"]
