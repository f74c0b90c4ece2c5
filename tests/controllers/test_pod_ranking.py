"""Which Pods a ReplicaSet deletes first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.stored import Stored
from kubesim.api.views import Pod
from kubesim.controllers.pod_ranking import (
    DELETION_COST_ANNOTATION,
    Candidate,
    age_bucket,
    compare,
    deletion_cost,
    pods_to_delete,
)
from kubesim.sim import parse_timestamp

NOW = parse_timestamp("2024-01-13T10:00:00Z")


def pod(
    uid: str, *, node: str = "n1", phase: str = "Running", ready: str = "2024-01-13T09:00:00Z", cost: str = "",
    restarts: int = 0, created: str = "2024-01-13T09:00:00Z", deleted: str = "",
) -> Stored:  # fmt: skip
    """A Pod; `ready` is since when, "" means not ready."""
    metadata: dict[str, Any] = {"name": uid, "namespace": "default", "uid": uid, "creationTimestamp": created}
    if cost:
        metadata["annotations"] = {DELETION_COST_ANNOTATION: cost}
    if deleted:
        metadata["deletionTimestamp"] = deleted
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": ready or created}
    statuses = [{"name": "c", "restartCount": restarts}]
    status = {"phase": phase, "conditions": [condition], "containerStatuses": statuses}
    return Stored(1, {"metadata": metadata, "spec": {"nodeName": node}, "status": status})


def order(*pods: Stored) -> list[str]:
    """The uids of the Pods in the order in which they would go."""
    related = list(pods)
    return [pods_to_delete(pods, count, related, NOW)[-1].uid for count in range(1, len(pods))]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(pod("z", node="", phase="Pending", ready=""), pod("a", ready=""), id="not assigned"),
        pytest.param(pod("z", phase="Pending", ready=""), pod("a", ready=""), id="pending"),
        pytest.param(pod("z", phase="Unknown"), pod("a"), id="unknown phase before running"),
        pytest.param(pod("z", ready=""), pod("a"), id="not ready"),
        pytest.param(pod("z", cost="-5"), pod("a"), id="cheap by annotation"),
        pytest.param(pod("z"), pod("a", cost="100"), id="the other is dear by annotation"),
        pytest.param(pod("z", ready="2024-01-13T09:59:00Z"), pod("a"), id="ready for a short time"),
        pytest.param(pod("z", restarts=3), pod("a"), id="restarted more often"),
        pytest.param(pod("z", created="2024-01-13T09:59:00Z"), pod("a"), id="younger"),
        pytest.param(pod("a"), pod("z"), id="all alike, so the uid decides"),
        pytest.param(pod("a"), pod("z", ready="2024-01-13T09:05:00Z"), id="ages alike in log2, so the uid decides"),
        pytest.param(
            pod("a"), pod("z", ready="2024-01-13T09:05:00Z", restarts=9), id="ages alike but not equal: uid at once"
        ),
    ],
)
def test_each_criterion_decides_when_all_before_it_are_equal(first: Stored, second: Stored) -> None:
    """Teaches: the Pod whose loss hurts least goes first."""
    assert order(first, second) == [first.uid]
    assert order(second, first) == [first.uid]


def test_a_pod_that_shares_its_node_with_siblings_goes_before_a_younger_one_that_does_not() -> None:
    """Teaches: scaling down spreads what is left over the nodes."""
    alone = pod("alone", node="n1", ready="2024-01-13T09:59:59Z")
    crowded = [pod(f"crowd-{number}", node="n2") for number in range(2)]
    assert order(alone, *crowded) == ["crowd-0", "crowd-1"]


def test_siblings_of_other_replica_sets_count_and_ended_ones_do_not() -> None:
    """Teaches: the old and the new set of a Deployment spread together."""
    one, two = pod("a", node="n1"), pod("b", node="n2")
    sibling = pod("c", node="n2")
    leaving = pod("d", node="n1", deleted="2024-01-13T09:59:00Z")
    ended = pod("e", node="n1", phase="Failed")
    assert pods_to_delete([one, two], 1, [one, two, sibling, leaving, ended], NOW) == [two]


def test_when_all_must_go_nobody_is_ranked() -> None:
    """Teaches: ranking costs time, and here it would change nothing."""
    pods = [pod("b"), pod("a")]
    assert pods_to_delete(pods, 5, pods, NOW) == pods


@pytest.mark.parametrize(
    ("text", "cost"), [("7", 7), ("-7", -7), ("", 0), ("007", 0), ("+7", 0), ("x", 0), ("2147483648", 0)]
)
def test_a_deletion_cost_must_be_a_plain_number_of_32_bits(text: str, cost: int) -> None:
    """Teaches: a malformed annotation counts as none."""
    assert deletion_cost(pod("a", cost=text).view(Pod)) == cost


def test_ages_fall_into_buckets_of_powers_of_two_nanoseconds() -> None:
    """Teaches: a rough age, so that a rollout a minute ago is not one exact order."""
    assert age_bucket(NOW, NOW) == -1
    assert age_bucket(NOW - 3000, NOW) == age_bucket(NOW - 3600, NOW) == 41
    assert age_bucket(NOW - 60, NOW) == 35


candidates = st.builds(
    Candidate,
    st.tuples(st.booleans(), st.integers(0, 2), st.booleans(), st.integers(-1, 1), st.integers(-2, 0)),
    st.sampled_from([None, NOW - 3600, NOW - 3500, NOW - 10]),
    st.integers(0, 2),
    st.sampled_from([NOW - 3600, NOW - 3500, NOW - 10]),
    st.uuids().map(str),
)


@given(candidates, candidates)
def test_of_two_pods_exactly_one_goes_first(first: Candidate, second: Candidate) -> None:
    """Teaches: the ranking never leaves two different Pods undecided, so a run is repeatable."""
    if first.uid == second.uid:
        return
    forth, back = compare(first, second, NOW), compare(second, first, NOW)
    assert forth != 0
    assert (forth < 0) == (back > 0)


@given(st.lists(candidates, min_size=3, max_size=3, unique_by=lambda candidate: candidate.uid))
def test_the_ranking_is_an_order_when_ready_times_are_equal(three: list[Candidate]) -> None:
    """Teaches: who goes before one that goes before a third goes before the third."""
    first, second, third = (candidate._replace(ready_since=NOW - 60) for candidate in three)
    if compare(first, second, NOW) < 0 and compare(second, third, NOW) < 0:
        assert compare(first, third, NOW) < 0


@given(st.permutations(range(6)), st.lists(candidates, min_size=6, max_size=6, unique_by=lambda one: one.uid))
def test_the_order_of_the_cache_does_not_decide(shuffled: list[int], six: list[Candidate]) -> None:
    """Teaches: two controllers with the same Pods choose the same ones."""
    pods = [pod(one.uid, cost=str(one.standing[3]), restarts=one.restarts) for one in six]
    again = [pods[index] for index in shuffled]
    assert pods_to_delete(pods, 3, pods, NOW) == pods_to_delete(again, 3, again, NOW)
