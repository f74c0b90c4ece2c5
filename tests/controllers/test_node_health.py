"""Tests of kubesim.controllers.node_health."""

from typing import Any

from kubesim.api.stored import Stored
from kubesim.controllers.node_health import NodeHealth, first_look, plan_node_health

SECOND = 1_000_000_000
CREATED = "2024-01-13T09:00:00Z"
UNIX_OFFSET_NS = 1_705_136_400 * SECOND  # CREATED is virtual time 0.
NOW = "2024-01-13T09:01:00Z"


def node(ready: str | None = "True", heartbeat: str = CREATED, **pressure: str) -> Stored:
    conditions: list[dict[str, Any]] = [
        {"type": type_, "status": status, "reason": "KubeletSaysSo", "message": "well", "lastHeartbeatTime": heartbeat,
         "lastTransitionTime": CREATED}
        for type_, status in {**pressure, **({"Ready": ready} if ready else {})}.items()
    ]  # fmt: skip
    metadata = {"name": "node-1", "uid": "u", "creationTimestamp": CREATED}
    return Stored(1, {"metadata": metadata, "spec": {}, "status": {"conditions": conditions}})


def lease(renewed: str) -> Stored:
    return Stored(2, {"metadata": {"name": "node-1", "namespace": "kube-node-lease"}, "spec": {"renewTime": renewed}})


def watched(stored: Stored, at_seconds: int = 0) -> NodeHealth:
    health = first_look(stored, at_seconds * SECOND, UNIX_OFFSET_NS)
    health.saw_node(stored, at_seconds * SECOND)
    return health


def test_fifty_seconds_of_silence_are_too_long_and_one_nanosecond_less_is_not() -> None:
    """Teaches: the grace period of v1.36 is 50 s, counted from when a sign of life was *seen*."""
    health = watched(node(), at_seconds=5)
    assert plan_node_health(health, 55 * SECOND - 1, NOW) is None
    assert plan_node_health(health, 55 * SECOND, NOW) is not None


def test_a_renewed_lease_is_a_sign_of_life_and_an_old_one_is_not() -> None:
    """Teaches: heartbeats are Leases; the status is posted only every five minutes."""
    health = watched(node())
    health.saw_lease(lease("2024-01-13T09:00:10.000000Z"), 12 * SECOND)
    assert health.deadline_ns == 62 * SECOND
    health.saw_lease(lease("2024-01-13T09:00:10.000000Z"), 30 * SECOND)
    assert health.deadline_ns == 62 * SECOND
    health.saw_lease(None, 31 * SECOND)  # Deleted: no sign of life, and no reason to forget the last one.
    assert health.deadline_ns == 62 * SECOND


def test_the_kubelets_clock_does_not_matter() -> None:
    """Teaches: dates are only compared with each other, so a kubelet that lives in the past is fine."""
    health = watched(node(), at_seconds=100)
    health.saw_lease(lease("1999-12-31T23:59:00.000000Z"), 110 * SECOND)
    health.saw_lease(lease("1999-12-31T23:59:10.000000Z"), 120 * SECOND)
    assert health.deadline_ns == 170 * SECOND


def test_a_new_heartbeat_in_the_status_is_a_sign_of_life_too() -> None:
    """Teaches: without Leases it works as it did before they existed."""
    health = watched(node())
    health.saw_node(node(heartbeat="2024-01-13T09:00:40Z"), 41 * SECOND)
    assert health.deadline_ns == 91 * SECOND


def test_all_that_the_kubelet_posts_becomes_unknown() -> None:
    """Teaches: reason and message of a node that was lost, word for word; the network is somebody else's condition."""
    stored = node(MemoryPressure="False", NetworkUnavailable="False")
    update = plan_node_health(watched(stored), 50 * SECOND, NOW)
    assert update is not None
    conditions = {condition["type"]: condition for condition in update["status"]["conditions"]}
    assert conditions["Ready"] == {
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
        "lastHeartbeatTime": CREATED,
        "lastTransitionTime": NOW,
    }
    assert conditions["MemoryPressure"]["reason"] == "NodeStatusUnknown"
    assert conditions["NetworkUnavailable"]["status"] == "False"
    assert conditions["DiskPressure"]["reason"] == "NodeStatusNeverUpdated"
    assert conditions["DiskPressure"]["message"] == "Kubelet never posted node status."
    assert stored.object["status"]["conditions"][0]["status"] == "False"  # What came from the cache is untouched.


def test_a_node_whose_kubelet_never_posted_gets_a_minute_from_its_creation() -> None:
    """Teaches: the start-up grace period, counted from creationTimestamp."""
    health = watched(node(ready=None), at_seconds=20)
    assert plan_node_health(health, 60 * SECOND - 1, NOW) is None
    update = plan_node_health(health, 60 * SECOND, NOW)
    assert update is not None
    assert {condition["reason"] for condition in update["status"]["conditions"]} == {"NodeStatusNeverUpdated"}


def test_what_is_unknown_already_is_not_written_again() -> None:
    """Teaches: a lost node costs one write, however long it stays away."""
    health = watched(node("Unknown"))
    assert plan_node_health(health, 500 * SECOND, NOW) is None
