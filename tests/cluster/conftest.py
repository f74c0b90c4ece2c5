"""What the tests of a whole cluster ask again and again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubesim.api.resources import LEASES, NODES, PODS
from kubesim.api.stored import Object, Stored
from kubesim.cluster import SimCluster
from kubesim.recording import Change
from kubesim.recording.facts import condition


class Story:
    """A cluster, and when what happened in it."""

    def __init__(self, cluster: SimCluster) -> None:
        self.cluster = cluster
        self.changes: list[Change] = []
        cluster.observer.listen(self.changes.append)

    def first(self, kind: str, name: str, holds: Callable[[Object], bool], *, since: float = 0.0) -> float:
        """The virtual second at which `holds` became true of an object (its kind and a part of its name)."""
        for change in self.changes:
            seconds = change.time_ns / 1e9
            if change.kind == kind and name in change.new.name and seconds >= since and holds(change.object):
                return seconds
        raise AssertionError(f"that never happened to a {kind} {name}")

    def deleted(self, kind: str, *, since: float = 0.0) -> list[float]:
        """When objects of a kind went."""
        times = [change.time_ns / 1e9 for change in self.changes if (change.kind, change.verb) == (kind, "DELETED")]
        return [seconds for seconds in times if seconds >= since]

    def last_renewal(self, node: str) -> float:
        """When the node's Lease was last renewed."""
        return [
            change.time_ns / 1e9 for change in self.changes if change.resource is LEASES and change.new.name == node
        ][-1]

    def restarts(self) -> int:
        """How often containers were started again."""
        statuses = [pod.object["status"].get("containerStatuses") or () for pod in self.cluster.all(PODS)]
        return sum(status["restartCount"] for group in statuses for status in group)

    def pods_on(self, node: str) -> list[Stored]:
        """The Pods that are bound to a node, also those that are asked to end."""
        return [pod for pod in self.cluster.all(PODS) if pod.object["spec"].get("nodeName") == node]

    def ready(self, node: str) -> str:
        """The status of the node's condition Ready; "" if there is no such Node."""
        stored = self.cluster.get(NODES, node)
        return str(condition(stored.object, "Ready")["status"]) if stored is not None else ""

    def taints(self, node: str) -> set[tuple[str, str]]:
        """The node's taints, as (key without its group, effect)."""
        stored = self.cluster.get(NODES, node)
        assert stored is not None
        return {(each["key"].rpartition("/")[2], each["effect"]) for each in stored.object["spec"].get("taints") or ()}


def is_ready_as(status: str) -> Callable[[Object], bool]:
    """Whether the condition Ready has that status."""
    return lambda obj: condition(obj, "Ready").get("status") == status


@pytest.fixture
def ready_as() -> Callable[[str], Callable[[Object], bool]]:
    return is_ready_as


@pytest.fixture
def story() -> type[Story]:
    """`story(cluster)` begins to write down what happens."""
    return Story
