"""Tests of kubesim.controllers.node_zones."""

import pytest

from kubesim.api.views import Node, ObjectMeta
from kubesim.controllers.node_zones import ZoneCount, ZoneState, eviction_rate, plan_disruption, zone_key, zone_state

NORMAL, PARTIAL, FULL = ZoneState.NORMAL, ZoneState.PARTIAL_DISRUPTION, ZoneState.FULL_DISRUPTION


@pytest.mark.parametrize(
    ("ready", "not_ready", "expected"),
    [
        (3, 0, NORMAL),
        (1, 2, NORMAL),  # 67 %, but only two nodes.
        (3, 3, NORMAL),  # 50 %
        (2, 3, PARTIAL),  # 60 %
        (9, 11, PARTIAL),  # Exactly 55 %.
        (0, 1, FULL),
        (0, 0, NORMAL),
    ],
)
def test_a_zone_is_disrupted_when_most_of_its_nodes_are_lost(ready: int, not_ready: int, expected: ZoneState) -> None:
    """Teaches: from 55 % lost nodes, and more than two, it is rather the network than the nodes."""
    assert zone_state(ZoneCount(ready, not_ready)) is expected


def test_evictions_slow_down_in_a_large_zone_and_stop_in_a_small_one() -> None:
    """Teaches: a node in 10 s, in 100 s, or none."""
    assert eviction_rate(NORMAL, 10) == 0.1
    assert eviction_rate(FULL, 10) == 0.1
    assert eviction_rate(PARTIAL, 51) == 0.01
    assert eviction_rate(PARTIAL, 50) == 0.0


def test_one_lost_zone_of_two_is_evicted_at_the_normal_rate() -> None:
    """Teaches: the other zone can take the Pods, so there is no reason to wait."""
    plan = plan_disruption({"a": ZoneCount(0, 5), "b": ZoneCount(5, 0)}, {"a": NORMAL, "b": NORMAL})
    assert plan.states == {"a": FULL, "b": NORMAL}
    assert plan.rates == {"a": 0.1}
    assert not plan.is_blind


def test_when_everything_is_lost_nothing_is_evicted() -> None:
    """Teaches: if no node answers, it is us who are cut off."""
    plan = plan_disruption({"a": ZoneCount(0, 5), "b": ZoneCount(0, 1)}, {"a": NORMAL, "b": FULL})
    assert plan.is_blind
    assert plan.rates == {"a": 0.0, "b": 0.0}
    again = plan_disruption({"a": ZoneCount(0, 5), "b": ZoneCount(0, 1)}, plan.states)
    assert not again.is_blind  # It was said once.
    assert again.rates == {}


def test_when_a_first_node_answers_again_all_silences_count_from_then() -> None:
    """Teaches: after blindness every node gets its full grace period anew."""
    plan = plan_disruption({"a": ZoneCount(1, 4), "b": ZoneCount(0, 1)}, {"a": FULL, "b": FULL})
    assert plan.sees_again
    assert plan.states == {"a": PARTIAL, "b": FULL}
    assert plan.rates == {"a": 0.0, "b": 0.1}


def test_a_new_zone_gets_its_rate_and_a_vanished_one_is_forgotten() -> None:
    """Teaches: a zone exists as long as it has nodes."""
    plan = plan_disruption({"new": ZoneCount(1, 0)}, {"old": NORMAL})
    assert plan.states == {"new": NORMAL}
    assert plan.rates == {"new": 0.1}


def test_no_nodes_at_all_is_nothing_to_worry_about() -> None:
    """Teaches: an empty cluster is not a lost one."""
    assert not plan_disruption({}, {}).is_blind


def test_region_and_zone_make_the_key_of_a_zone() -> None:
    """Teaches: zones of the same name in two regions are two; a cluster without labels is one zone."""
    labels = {"topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": "1"}
    other = labels | {"topology.kubernetes.io/region": "us"}
    assert zone_key(Node()) == ""
    assert zone_key(Node(metadata=ObjectMeta(labels=labels))) != zone_key(Node(metadata=ObjectMeta(labels=other)))
    old = {"failure-domain.beta.kubernetes.io/region": "eu", "failure-domain.beta.kubernetes.io/zone": "1"}
    assert zone_key(Node(metadata=ObjectMeta(labels=old))) == zone_key(Node(metadata=ObjectMeta(labels=labels)))
