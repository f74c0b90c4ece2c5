"""Tests of the decisions in kubesim.controllers.pod_gc."""

from typing import Any

from kubesim.api.stored import Stored
from kubesim.controllers.pod_gc import is_out_of_service, plan_terminated, plan_terminating, with_failure

NOW = "2024-01-13T09:10:00Z"


def pod(name: str, phase: str, minute: int = 0, **more: Any) -> Stored:
    metadata = {"name": name, "namespace": "default", "creationTimestamp": f"2024-01-13T09:{minute:02d}:00Z"}
    metadata |= {key: value for key, value in more.items() if key == "deletionTimestamp"}
    status = {"phase": phase} | {key: value for key, value in more.items() if key == "reason"}
    return Stored(1, {"metadata": metadata, "spec": {}, "status": status})


def node(ready: str, *keys: str) -> Stored:
    spec = {"taints": [{"key": key, "effect": "NoExecute"} for key in keys]}
    return Stored(
        1, {"metadata": {"name": "n"}, "spec": spec, "status": {"conditions": [{"type": "Ready", "status": ready}]}}
    )


def names(pods: list[Stored]) -> list[str]:
    return [stored.name for stored in pods]


def test_terminated_pods_beyond_the_limit_go_evicted_ones_first_then_the_oldest() -> None:
    """Teaches: finished Pods are kept to be read, but not without limit."""
    pods = [
        pod("young", "Succeeded", 5),
        pod("old", "Failed", 1),
        pod("evicted", "Failed", 9, reason="Evicted"),
        pod("alive", "Running", 0),
    ]
    assert names(plan_terminated(pods, 1)) == ["evicted", "old"]
    assert plan_terminated(pods, 3) == []


def test_terminating_pods_go_oldest_first() -> None:
    """Teaches: those that no kubelet will ever finish."""
    pods = [
        pod("b", "Pending", 2, deletionTimestamp=NOW),
        pod("a", "Pending", 1, deletionTimestamp=NOW),
        pod("c", "Pending", 0),
    ]
    assert names(plan_terminating(pods)) == ["a", "b"]


def test_a_node_is_out_of_service_when_somebody_says_so_and_it_is_not_ready() -> None:
    """Teaches: the taint alone is not enough: a node that still works must not lose its Pods twice."""
    assert is_out_of_service(node("Unknown", "node.kubernetes.io/out-of-service"))
    assert not is_out_of_service(node("True", "node.kubernetes.io/out-of-service"))
    assert not is_out_of_service(node("Unknown", "node.kubernetes.io/unreachable"))


def test_a_pod_is_marked_failed_before_it_goes_unless_it_has_ended() -> None:
    """Teaches: whoever counts its Pods, a Job for instance, must see how each one ended."""
    failed = with_failure(pod("p", "Running").object, "PodGC: node no longer exists", NOW)
    assert failed["status"]["phase"] == "Failed"
    (condition,) = failed["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("DisruptionTarget", "DeletionByPodGC")
    assert "conditions" not in with_failure(pod("p", "Pending").object, "", NOW)["status"]
    done = pod("p", "Succeeded").object
    assert with_failure(done, "PodGC: node no longer exists", NOW) is done
