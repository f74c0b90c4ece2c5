"""Before and after: which Pods there were, which there are, and which of these stands in for which of those."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kubesim.api.meta import controller_of
from kubesim.api.resources import PODS
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster
from kubesim.recording import Change, condition
from kubesim.what_if.answer import Move

ENDED = ("Succeeded", "Failed")


class Seen(msgspec.Struct, frozen=True):
    """A Pod as it was at a moment."""

    key: str
    uid: str
    owner: str
    node: str
    object: Object

    @property
    def is_leaving(self) -> bool:
        """Whether it is being deleted."""
        return bool(self.object["metadata"].get("deletionTimestamp"))


class Tracker:
    """Remembers the Pods of a cluster at its making, and from then on when each became Ready."""

    def __init__(self, cluster: SimCluster) -> None:
        cluster.observer.flush()
        self._cluster = cluster
        self._began = cluster.sim.clock.now()
        self.before = {pod.uid: pod for pod in pods_of(cluster)}
        self._ready: dict[str, float] = {}
        self._stop = cluster.observer.listen(self._heard)

    def moves(self) -> tuple[Move, ...]:
        """What became of everything that was there, and what came; whoever stayed where it was is no move."""
        self._cluster.observer.flush()
        self._stop()
        after = {pod.uid: pod for pod in pods_of(self._cluster)}
        gone = [pod for uid, pod in self.before.items() if uid not in after or self._left(pod, after[uid])]
        came = [pod for uid, pod in after.items() if uid not in self.before]
        return tuple(self._matched(gone, came, after))

    @property
    def seconds(self) -> float:
        """Since its making."""
        return self._cluster.sim.clock.now() - self._began

    def _left(self, was: Seen, now: Seen) -> bool:
        return (now.is_leaving and not was.is_leaving) or now.node != was.node

    def _matched(self, gone: list[Seen], came: list[Seen], after: dict[str, Seen]) -> Iterator[Move]:
        """Per owner, the first that came stands in for the first that went; of one name, for that one."""
        free = list(came)
        for pod in gone:
            same = [each for each in free if each.owner == pod.owner]
            successor = next((each for each in same if each.key == pod.key), same[0] if same else None)
            if successor is not None:
                free.remove(successor)
            yield self._move(pod, successor, after)
        for pod in free:
            yield self._move(None, pod, after)

    def _move(self, pod: Seen | None, successor: Seen | None, after: dict[str, Seen]) -> Move:
        known = pod or successor
        assert known is not None, "a move is of somebody"
        begun = Move(known.owner, pod.key if pod else "", pod.node if pod else "")
        if successor is None:
            now = after.get(pod.uid) if pod else None
            if now is None:
                why = "" if "/Pod/" not in known.owner else "nobody owns it, so nobody replaces it"
                return msgspec.structs.replace(begun, state="gone", why=why)
            if now.is_leaving:
                why = "it ends once its kubelet says so, or somebody forces it; until then nobody replaces it"
                return msgspec.structs.replace(begun, state="Terminating", why=why)
            successor = now  # It was pending, and found a node.
        ready = self._ready.get(successor.uid)
        state, why = state_of(successor.object)
        return msgspec.structs.replace(
            begun, successor=successor.key, to_node=successor.node, state=state, why=why,
            seconds=None if ready is None else round(ready - self._began, 3),
        )  # fmt: skip

    def _heard(self, change: Change) -> None:
        if change.resource is PODS and condition(change.object, "Ready").get("status") == "True":
            self._ready.setdefault(change.object["metadata"]["uid"], change.time_ns / 1e9)


def pods_of(cluster: SimCluster) -> list[Seen]:
    """All Pods that have not ended, by age and name."""
    found = [stored for stored in cluster.all(PODS) if (stored.object.get("status") or {}).get("phase") not in ENDED]
    found.sort(key=lambda stored: (stored.object["metadata"]["creationTimestamp"], stored.key))
    return [
        Seen(
            stored.key, stored.object["metadata"]["uid"], owner_of(stored.object),
            (stored.object.get("spec") or {}).get("nodeName", ""), stored.object,
        )
        for stored in found
    ]  # fmt: skip


def owner_of(pod: Object) -> str:
    """`namespace/Kind/name` of who would replace it, or of the Pod itself."""
    owner = controller_of(pod)
    kind, name = (owner["kind"], owner["name"]) if owner else ("Pod", pod["metadata"]["name"])
    return f"{pod['metadata'].get('namespace', 'default')}/{kind}/{name}"


def state_of(pod: Object) -> tuple[str, str]:
    """`Ready`, or what it waits for and why."""
    if condition(pod, "Ready").get("status") == "True":
        return "Ready", ""
    scheduled = condition(pod, "PodScheduled")
    status = pod.get("status") or {}
    if scheduled.get("status") == "False":
        return "Pending", str(scheduled.get("message", ""))
    waiting = [
        (each.get("state") or {}).get("waiting") or {}
        for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    ]
    reasons = [each.get("message") or each.get("reason") for each in waiting if each]
    return str(status.get("phase", "")), str(next(filter(None, reasons), ""))
