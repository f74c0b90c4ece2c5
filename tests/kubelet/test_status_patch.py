"""The patch that takes the apiserver from one status to another."""

from __future__ import annotations

from kubesim.kubelet.status_manager import status_patch


def test_nothing_changed_is_no_patch() -> None:
    """Teaches: a quiet Pod costs no request."""
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    assert status_patch(status, {**status}) == {}


def test_only_what_changed_is_sent() -> None:
    """Teaches: a strategic merge patch: lists with a key are merged, others replaced, null removes."""
    old = {
        "phase": "Pending",
        "reason": "x",
        "qosClass": "Burstable",
        "conditions": [{"type": "Ready", "status": "False", "reason": "r"}, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "c", "ready": False}],
    }
    new = {
        "phase": "Running",
        "qosClass": "Burstable",
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "c", "ready": True}],
    }
    assert status_patch(old, new) == {
        "reason": None,
        "phase": "Running",
        "conditions": [{"reason": None, "status": "True", "type": "Ready"}],
        "$setElementOrder/conditions": [{"type": "Ready"}, {"type": "PodScheduled"}],
        "containerStatuses": [{"name": "c", "ready": True}],
    }


def test_conditions_of_others_are_theirs_to_write() -> None:
    """Teaches: a kubelet never touches DisruptionTarget."""
    others = {"type": "DisruptionTarget", "status": "True"}
    assert status_patch({"conditions": []}, {"conditions": [others]}) == {}
    assert status_patch({"conditions": [others]}, {"conditions": []}) == {}


def test_an_address_that_went_is_deleted_from_its_list() -> None:
    """Teaches: `$patch: delete` removes an item of a merged list."""
    patch = status_patch({"podIPs": [{"ip": "10.0.0.1"}]}, {"podIPs": [{"ip": "10.0.0.2"}]})
    assert patch["podIPs"] == [{"ip": "10.0.0.2"}, {"$patch": "delete", "ip": "10.0.0.1"}]
