"""What a ReplicaSet needs, decided from Pods alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.stored import Stored
from kubesim.controllers.replica_plan import (
    BURST_REPLICAS,
    ReplicaCounts,
    ReplicaPlan,
    count_replicas,
    failure_conditions,
    plan_replicas,
    replica_status,
    slow_start_batches,
)
from kubesim.sim import parse_timestamp

NOW = parse_timestamp("2024-01-13T10:00:00Z")


def pod(name: str, ready_since: str = "", labels: dict[str, str] | None = None) -> Stored:
    """A running Pod, ready since then or not at all."""
    metadata = {"name": name, "namespace": "default", "uid": name, "creationTimestamp": "2024-01-13T09:00:00Z"}
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": ready_since}
    status: dict[str, Any] = {"phase": "Running", "conditions": [condition] if ready_since else []}
    return Stored(1, {"metadata": {**metadata, "labels": labels or {}}, "spec": {"nodeName": "n1"}, "status": status})


def pods(count: int) -> list[Stored]:
    return [pod(f"p{number:04d}") for number in range(count)]


def test_the_gap_is_closed_from_both_sides() -> None:
    """Teaches: a controller compares what is with what should be; it does not care how it came to be."""
    three = pods(3)
    assert plan_replicas(3, three, list, NOW) == ReplicaPlan()
    assert plan_replicas(5, three, list, NOW) == ReplicaPlan(create=2)
    assert plan_replicas(1, three, lambda: three, NOW) == ReplicaPlan(delete=three[:2])


def test_one_step_creates_or_deletes_at_most_500() -> None:
    """Teaches: big changes happen in bursts, each waiting until the cache has seen the one before."""
    assert plan_replicas(5000, [], list, NOW).create == BURST_REPLICAS
    assert len(plan_replicas(0, pods(501), list, NOW).delete) == BURST_REPLICAS


@given(st.integers(0, 50), st.integers(0, 50))
def test_carrying_a_plan_out_leaves_what_was_wanted(desired: int, existing: int) -> None:
    """Teaches: one step is enough below the burst."""
    there = pods(existing)
    plan = plan_replicas(desired, there, lambda: there, NOW)
    assert existing + plan.create - len(plan.delete) == desired
    assert not (plan.create and plan.delete)
    assert len({stored.uid for stored in plan.delete}) == len(plan.delete)


@given(st.integers(0, 2000))
def test_slow_start_doubles_until_all_are_tried(count: int) -> None:
    """Teaches: when a quota refuses the first, the other 499 are not even tried."""
    batches = list(slow_start_batches(count))
    assert sum(batches) == count
    assert batches[:-1] == [2**index for index in range(len(batches) - 1)]


def test_slow_start_of_ten() -> None:
    """Teaches: 1, 2, 4, and what is left."""
    assert list(slow_start_batches(10)) == [1, 2, 4, 3]


def test_a_pod_is_available_once_it_was_ready_for_long_enough() -> None:
    """Teaches: minReadySeconds keeps a Pod that crashes after a second from counting."""
    active = [pod("a", "2024-01-13T09:59:50Z"), pod("b", "2024-01-13T09:59:57Z"), pod("c")]
    counts = count_replicas(active, 0, {}, 10, NOW)
    assert counts == ReplicaCounts(3, 3, 2, 1, 0, 7.0)
    assert count_replicas(active, 0, {}, 0, NOW) == ReplicaCounts(3, 3, 2, 2, 0, None)


def test_fully_labeled_pods_carry_all_labels_of_the_template() -> None:
    """Teaches: the selector is often only a part of the template's labels."""
    active = [pod("a", labels={"app": "web", "tier": "x", "more": "y"}), pod("b", labels={"app": "web"})]
    assert count_replicas(active, 2, {"app": "web", "tier": "x"}, 0, NOW).fully_labeled == 1


def test_a_status_leaves_zeros_out_but_says_how_many_replicas() -> None:
    """Teaches: what is absent from a Go status is zero; a real cluster's first status looks like this."""
    empty = replica_status(ReplicaCounts(), 1, (), terminating=True)
    assert empty == {"replicas": 0, "terminatingReplicas": 0, "observedGeneration": 1}
    full = replica_status(ReplicaCounts(3, 3, 2, 1), 4, (), terminating=False)
    assert list(full) == [
        "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"
    ]  # fmt: skip


def test_a_failure_is_noted_once_and_cleared_by_success() -> None:
    """Teaches: the condition keeps the first message; later tries fail with other Pod names and the same reason."""
    first = failure_conditions((), -2, ValueError("quota"), "2024-01-13T10:00:00Z")
    assert first == [
        {
            "type": "ReplicaFailure", "status": "True", "lastTransitionTime": "2024-01-13T10:00:00Z",
            "reason": "FailedCreate", "message": "quota",
        }
    ]  # fmt: skip
    assert failure_conditions(first, -2, ValueError("other"), "2024-01-13T10:00:09Z") == first
    assert failure_conditions(first, 0, None, "2024-01-13T10:00:09Z") == []


@pytest.mark.parametrize(("surplus", "reason"), [(-1, "FailedCreate"), (1, "FailedDelete")])
def test_the_reason_says_which_way_it_failed(surplus: int, reason: str) -> None:
    """Teaches: there is one condition for both."""
    assert failure_conditions((), surplus, ValueError(), "")[0]["reason"] == reason
