"""Tests of kubesim.controllers.pod_conditions."""

from typing import Any

from kubesim.controllers.pod_conditions import disruption_target, status_patch, with_pod_condition

BEFORE = "2024-01-13T09:00:00Z"
NOW = "2024-01-13T09:01:00Z"
READY = {"type": "Ready", "status": "True", "lastTransitionTime": BEFORE}


def pod(*conditions: dict[str, Any]) -> dict[str, Any]:
    status = {"phase": "Running", "conditions": list(conditions)}
    return {"metadata": {"name": "p", "uid": "u", "generation": 3}, "spec": {}, "status": status}


def test_a_condition_changes_in_place_and_tells_when() -> None:
    """Teaches: the order of conditions stays, and lastTransitionTime follows the status."""
    changed = with_pod_condition(pod({"type": "Initialized"}, READY), READY | {"status": "False"}, NOW)
    assert changed["status"]["conditions"] == [
        {"type": "Initialized"},
        {"type": "Ready", "status": "False", "lastTransitionTime": NOW},
    ]


def test_a_condition_that_says_nothing_new_changes_nothing() -> None:
    """Teaches: no change, the same object, and so no write."""
    before = pod(READY)
    assert with_pod_condition(before, dict(READY), NOW) is before
    words = with_pod_condition(before, READY | {"reason": "Because"}, NOW)
    assert words["status"]["conditions"][0]["lastTransitionTime"] == BEFORE


def test_why_a_pod_is_disrupted_names_the_generation_that_was_seen() -> None:
    """Teaches: the fields of a DisruptionTarget condition, as v1.36 writes them."""
    assert disruption_target(pod(), "DeletionByPodGC", "PodGC: node no longer exists") == {
        "type": "DisruptionTarget",
        "observedGeneration": 3,
        "status": "True",
        "reason": "DeletionByPodGC",
        "message": "PodGC: node no longer exists",
    }


def test_a_patch_holds_what_changed_and_the_order_of_conditions() -> None:
    """Teaches: conditions are merged by type, so only the new one travels; the uid guards against a namesake."""
    before = pod(READY)
    after = with_pod_condition(before, disruption_target(before, "R", "M"), NOW)
    after = after | {"status": after["status"] | {"phase": "Failed"}}
    patch = status_patch(before, after)
    assert patch["metadata"] == {"uid": "u"}
    assert patch["status"]["phase"] == "Failed"
    assert patch["status"]["$setElementOrder/conditions"] == [{"type": "Ready"}, {"type": "DisruptionTarget"}]
    assert [condition["type"] for condition in patch["status"]["conditions"]] == ["DisruptionTarget"]
    assert status_patch(before, before)["status"] == {}
