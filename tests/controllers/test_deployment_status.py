"""What a Deployment reports, against the words and dates of a real control plane."""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Stored
from kubesim.controllers.deployment_plan import Limits
from kubesim.controllers.deployment_status import (
    compute_status,
    is_complete,
    is_progressing,
    make_condition,
    remove_condition,
    seconds_until_deadline,
    set_condition,
    with_progress,
    with_replica_failure,
)
from kubesim.sim import parse_timestamp

START, LATER = "2024-01-13T09:00:00Z", "2024-01-13T09:00:05Z"
CREATED = make_condition("Progressing", "True", "NewReplicaSetCreated", 'Created new replica set "web-1"', START)


def deployment(status: dict[str, Any] | None = None, **spec: Any) -> Stored:
    metadata = {"name": "web", "namespace": "default", "uid": "d", "generation": 1}
    return Stored(
        1,
        {"metadata": metadata, "spec": {"replicas": 3, "progressDeadlineSeconds": 20, **spec}, "status": status or {}},
    )


def replica_set(name: str = "web-1", *, wants: int = 3, conditions: Any = (), **status: int) -> Stored:
    metadata = {"name": name, "namespace": "default", "uid": name}
    return Stored(
        1, {"metadata": metadata, "spec": {"replicas": wants}, "status": {**status, "conditions": list(conditions)}}
    )


def judged(owner: Stored, *sets: Stored, at: str = LATER) -> dict[str, Any]:
    """The status after one sync, the last set being the new one."""
    new = sets[-1] if sets else None
    status = compute_status(owner, Limits(3, 1, 0), sets, new, at)
    return with_replica_failure(with_progress(owner, status, new, at, parse_timestamp(at)), sets, new)


def reasons(status: dict[str, Any]) -> dict[str, str]:
    return {entry["type"]: f"{entry['status']}/{entry['reason']}" for entry in status.get("conditions", ())}


def test_the_first_status_counts_what_is_missing() -> None:
    """Teaches: what a real cluster writes 50 ms after a Deployment of 3 was created, field by field."""
    status = judged(deployment({"conditions": [CREATED]}), replica_set())
    assert status == {
        "observedGeneration": 1,
        "unavailableReplicas": 3,
        "terminatingReplicas": 0,
        "conditions": [
            CREATED,
            make_condition(
                "Available",
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
                LATER,
            ),
        ],
    }
    assert list(status) == ["observedGeneration", "unavailableReplicas", "terminatingReplicas", "conditions"]


def test_a_rollout_tells_its_story_by_reasons() -> None:
    """Teaches: created, updated, available: one condition, three reasons; and its transition time never moves."""
    first = judged(deployment({"conditions": [CREATED]}), replica_set(replicas=3))
    assert reasons(first) == {"Available": "False/MinimumReplicasUnavailable", "Progressing": "True/ReplicaSetUpdated"}
    progressing = first["conditions"][-1]
    assert progressing["message"] == 'ReplicaSet "web-1" is progressing.'
    assert (progressing["lastTransitionTime"], progressing["lastUpdateTime"]) == (START, LATER)
    done = judged(deployment(first), replica_set(replicas=3, readyReplicas=3, availableReplicas=3))
    assert reasons(done) == {"Available": "True/MinimumReplicasAvailable", "Progressing": "True/NewReplicaSetAvailable"}
    assert done["conditions"][-1]["message"] == 'ReplicaSet "web-1" has successfully progressed.'


def test_a_finished_rollout_is_not_judged_again_when_a_pod_dies() -> None:
    """Teaches: self-healing flips Available and leaves Progressing alone."""
    finished = judged(
        deployment({"conditions": [CREATED]}), replica_set(replicas=3, readyReplicas=3, availableReplicas=3)
    )
    hurt = judged(deployment(finished), replica_set(replicas=3, readyReplicas=2, availableReplicas=2))
    assert reasons(hurt) == {
        "Available": "False/MinimumReplicasUnavailable",
        "Progressing": "True/NewReplicaSetAvailable",
    }


def test_nothing_moving_for_the_deadline_is_a_failed_rollout() -> None:
    """Teaches: the condition turns False; nothing is rolled back."""
    stuck = judged(deployment({"conditions": [CREATED]}), replica_set(replicas=3))
    in_time = judged(deployment(stuck), replica_set(replicas=3), at="2024-01-13T09:00:25Z")
    assert reasons(in_time)["Progressing"] == "True/ReplicaSetUpdated"
    late = judged(deployment(stuck), replica_set(replicas=3), at="2024-01-13T09:00:26Z")
    condition = late["conditions"][-1]
    assert (condition["status"], condition["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert condition["message"] == 'ReplicaSet "web-1" has timed out progressing.'
    assert condition["lastTransitionTime"] == "2024-01-13T09:00:26Z"
    assert seconds_until_deadline(deployment(late), parse_timestamp("2024-01-13T09:00:26Z")) is None


def test_progress_after_the_deadline_repairs_the_condition() -> None:
    """Teaches: a rollout that failed may still succeed."""
    failed = make_condition("Progressing", "False", "ProgressDeadlineExceeded", "", START)
    status = judged(deployment({"conditions": [failed]}), replica_set(replicas=3))
    assert status["conditions"][-1]["lastTransitionTime"] == LATER
    assert reasons(status)["Progressing"] == "True/ReplicaSetUpdated"


def test_without_a_deadline_there_is_no_progressing() -> None:
    """Teaches: progressDeadlineSeconds of 2147483647 switches the judgement off."""
    owner = deployment({"conditions": [CREATED]}, progressDeadlineSeconds=2**31 - 1)
    assert set(reasons(judged(owner, replica_set(replicas=3)))) == {"Available"}
    assert seconds_until_deadline(owner, 0) is None


def test_a_standing_rollout_is_looked_at_when_its_deadline_passes() -> None:
    """Teaches: no event announces that nothing happens."""
    owner = deployment({"conditions": [CREATED]})
    assert seconds_until_deadline(owner, parse_timestamp(START) + 8) == 12


def test_the_failure_of_a_replica_set_shows_on_its_deployment() -> None:
    """Teaches: an exceeded quota is visible in `kubectl describe deployment`; the new set's failure wins."""
    failure = {
        "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota",
        "lastTransitionTime": START,
    }  # fmt: skip
    old = replica_set("web-0", conditions=[{**failure, "message": "old"}])
    status = judged(deployment(), old, replica_set(conditions=[failure]))
    assert status["conditions"][-1] == {**failure, "lastUpdateTime": START}
    healed = judged(deployment(status), replica_set("web-0"), replica_set())
    assert "ReplicaFailure" not in reasons(healed)


def test_terminating_pods_of_all_sets_are_counted() -> None:
    """Teaches: since v1.36 `terminatingReplicas` tells why a rollout is not over yet."""
    status = judged(deployment(), replica_set("web-0", wants=0, terminatingReplicas=2), replica_set(replicas=3))
    assert status["terminatingReplicas"] == 2


def test_complete_means_all_new_all_available_and_none_old() -> None:
    """Teaches: when `kubectl rollout status` says successfully rolled out."""
    done = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    assert is_complete(deployment(), done)
    for field in done:
        assert not is_complete(deployment(), {**done, field: 0})


def test_any_step_forward_is_progress() -> None:
    """Teaches: old Pods going counts as much as new ones coming."""
    before = {"replicas": 4, "updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3}
    assert not is_progressing(before, before)
    assert is_progressing(before, {**before, "replicas": 3})
    assert is_progressing(before, {**before, "readyReplicas": 4})
    assert not is_progressing(before, {**before, "availableReplicas": 2})


def test_conditions_are_replaced_only_when_something_changed() -> None:
    """Teaches: a standing condition keeps its dates, so that `describe` shows since when."""
    again = make_condition("Progressing", "True", "NewReplicaSetCreated", "other words", LATER)
    assert set_condition([CREATED], again) == [CREATED]
    other = make_condition("Progressing", "True", "ReplicaSetUpdated", "", LATER)
    assert set_condition([CREATED], other) == [{**other, "lastTransitionTime": START}]
    assert remove_condition([CREATED], "Progressing") == []
