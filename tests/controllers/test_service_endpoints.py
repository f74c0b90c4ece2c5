"""Tests of kubesim.controllers.service_endpoints."""

from typing import Any

from kubesim.api.stored import Stored
from kubesim.controllers.service_endpoints import Changes, ServiceEndpoints

CREATED = "2024-01-13T09:00:00Z"


def at(second: int) -> str:
    return f"2024-01-13T09:00:{second:02d}Z"


def pod(name: str, *, since: int = 1, app: str = "web", ip: str = "10.0.0.1", node: str = "node-1") -> Stored:
    """A ready Pod, ready since that second."""
    return Stored(1, {
        "metadata": {"name": name, "namespace": "default", "uid": name, "labels": {"app": app}},
        "spec": {"nodeName": node, "containers": []},
        "status": {
            "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at(since)}],
        },
    })  # fmt: skip


def service(**spec: Any) -> Stored:
    spec = {"selector": {"app": "web"}, "ipFamilies": ["IPv4"], "clusterIP": "10.96.0.1"} | spec
    metadata = {"name": "web", "namespace": "default", "uid": "s", "creationTimestamp": CREATED}
    return Stored(1, {"metadata": metadata, "spec": spec})


class World:
    """The Pods of a namespace, and one Service over them."""

    def __init__(self, *pods: Stored, **spec: Any) -> None:
        self.state = ServiceEndpoints()
        self.service = service(**spec)
        self.pods = {stored.key: stored for stored in pods}
        self.looked_at: list[str] = []

    def put(self, stored: Stored) -> None:
        self.pods[stored.key] = stored
        self.state.pod_changed(stored.key)

    def remove(self, key: str) -> None:
        del self.pods[key]
        self.state.pod_changed(key)

    def update(self) -> Changes:
        """A sync that then writes everything."""
        self.looked_at = []
        changes = self.state.update(self.service, lambda: list(self.pods.values()), self._get, self._zone_of)
        self.state.is_rechecking = False
        return changes

    def names(self) -> list[str]:
        return [key.name for endpoints in self.state.wanted.values() for key in endpoints]

    def _get(self, key: str) -> Stored | None:
        self.looked_at.append(key)
        return self.pods.get(key)

    def _zone_of(self, node: str) -> str | None:
        return {"node-1": "", "node-2": "eu-2"}.get(node)


def test_the_first_look_takes_in_all_pods_that_the_service_selects() -> None:
    """Teaches: afterwards only changes are looked at."""
    world = World(pod("a"), pod("b"), pod("c", app="other"))
    assert world.update().touched is None
    assert world.names() == ["a", "b"]
    world.update()
    assert world.looked_at == []


def test_a_changed_pod_is_the_only_one_looked_at() -> None:
    """Teaches: what a Pod's change costs does not grow with the Service; its old and new endpoints are touched."""
    world = World(pod("a"), pod("b"))
    world.update()
    world.put(pod("b", ip="10.0.0.9"))
    changes = world.update()
    assert world.looked_at == ["default/b"]
    assert changes.touched is not None
    assert [(key.name, key.addresses) for key in changes.touched] == [("b", ("10.0.0.1",)), ("b", ("10.0.0.9",))]


def test_a_pod_that_is_gone_or_lost_its_label_has_no_endpoint() -> None:
    """Teaches: a label is all that ties a Pod to a Service."""
    world = World(pod("a"), pod("b"), pod("c"))
    world.update()
    world.remove("default/a")
    world.put(pod("b", app="other"))
    world.update()
    assert world.names() == ["c"]
    world.remove("default/c")
    world.update()
    assert world.state.wanted == {}


def test_a_changed_service_looks_at_everything_again() -> None:
    """Teaches: another selector, another set; those that left are taken out as well."""
    world = World(pod("a"), pod("b", app="other"))
    world.update()
    world.service = service(selector={"app": "other"})
    assert world.update().touched is None
    assert world.names() == ["b"]


def test_a_pod_on_a_node_that_is_not_known_waits() -> None:
    """Teaches: its zone is unknown, and the node may never come; unless the Service wants every address."""
    world = World(pod("a", node="node-9"), pod("b", node="node-2"))
    assert world.update().unplaced == ["default/a"]
    assert world.names() == ["b"]
    (endpoint,) = [entry for endpoints in world.state.wanted.values() for entry in endpoints.values()]
    assert endpoint["zone"] == "eu-2"
    eager = World(pod("a", node="node-9"), publishNotReadyAddresses=True)
    assert eager.update().unplaced == []
    assert eager.names() == ["a"]


def test_the_trigger_time_is_that_of_the_earliest_change_that_is_news() -> None:
    """Teaches: from it one can tell how long a change took to reach the nodes."""
    world = World(pod("a", since=5), pod("b", since=3))
    assert world.update().trigger_time == CREATED  # The Service itself is news too.
    world.put(pod("a", since=9))
    world.put(pod("b", since=8))
    assert world.update().trigger_time == at(8)
    world.put(pod("b", since=8, ip="10.0.0.3"))
    assert world.update().trigger_time == ""  # Its readiness did not change.
    world.remove("default/a")
    assert world.update().trigger_time == ""


def test_until_everything_is_written_all_slices_are_compared() -> None:
    """Teaches: after a failed write nobody knows which part of it arrived."""
    world = World(pod("a"))
    world.update()
    world.state.is_rechecking = True
    assert world.update().touched is None
