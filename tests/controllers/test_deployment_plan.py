"""How big each ReplicaSet of a Deployment should be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.controllers.deployment_plan import (
    Limits,
    Scale,
    SetSize,
    active_or_latest,
    plan_new_set,
    plan_old_sets,
    plan_scaling,
    resolve_limits,
)


def size(name: str, replicas: int, available: int | None = None, *, age: int = 0, **more: int) -> SetSize:
    """A set, all of its Pods available unless said; a greater `age` is older."""
    created = f"2024-01-13T09:{59 - age:02d}:00Z"
    return SetSize(name, created, replicas, replicas if available is None else available, **more)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "limits"),
    [
        (8, "25%", "25%", Limits(8, 2, 2)),
        (3, "25%", "25%", Limits(3, 1, 0)),
        (10, 1, 0, Limits(10, 1, 0)),
        (4, 0, 0, Limits(4, 0, 1)),
        (1, "0%", "50%", Limits(1, 0, 1)),
        (2, 0, 5, Limits(2, 0, 2)),
        (0, "25%", "25%", Limits(0, 0, 0)),
    ],
)
def test_percentages_round_towards_a_rollout_that_moves(
    replicas: int, surge: int | str, unavailable: int | str, limits: Limits
) -> None:
    """Teaches: 25 % of 3 is one more and none less, which is why small Deployments flip Available when scaled."""
    assert resolve_limits(replicas, surge, unavailable) == limits


def test_the_new_set_grows_into_the_room_that_the_surge_leaves() -> None:
    """Teaches: 8 old ones and a surge of 2 leave room for 2 new ones."""
    limits = Limits(8, 2, 2)
    assert plan_new_set(limits, size("new", 0), 8) == 2
    assert plan_new_set(limits, size("new", 2), 10) == 2
    assert plan_new_set(limits, size("new", 6), 7) == 8
    assert plan_new_set(limits, size("new", 9), 9) == 8


def test_old_sets_give_way_only_as_far_as_availability_allows() -> None:
    """Teaches: of 8 and 2 unavailable, 6 must stay; new Pods that are not available yet do not count."""
    limits = Limits(8, 2, 2)
    assert plan_old_sets(limits, size("new", 2, 0), [size("old", 8)]) == [Scale("old", 6)]
    assert plan_old_sets(limits, size("new", 4, 0), [size("old", 6)]) == []
    assert plan_old_sets(limits, size("new", 4, 1), [size("old", 6)]) == [Scale("old", 5)]
    assert plan_old_sets(limits, size("new", 8, 8), [size("old", 2)]) == [Scale("old", 0)]


def test_old_pods_that_are_not_available_go_first() -> None:
    """Teaches: a rollout out of a broken version is not held up by it."""
    limits = Limits(4, 1, 1)
    old = [size("broken", 2, 0, age=1), size("good", 3, 3, age=9)]
    assert plan_old_sets(limits, size("new", 0), old) == [Scale("broken", 0)]


def test_a_stuck_rollout_keeps_the_old_version_up() -> None:
    """Teaches: what golden/rollout-stuck shows: 3 of 4 old ones stay, 2 new ones wait."""
    assert plan_old_sets(Limits(4, 1, 1), size("new", 1, 0), [size("old", 4)]) == [Scale("old", 3)]
    assert plan_new_set(Limits(4, 1, 1), size("new", 1, 0), 4) == 2
    assert plan_old_sets(Limits(4, 1, 1), size("new", 2, 0), [size("old", 3)]) == []


def test_scaling_in_the_middle_of_a_rollout_keeps_the_shares() -> None:
    """Teaches: 10 to 15 replicas with 8 old and 5 new Pods (maxSurge 3) gives each set half as many again."""
    limits = Limits(15, 3, 2)
    old, new = size("old", 8, max_before=13, age=1), size("new", 5, max_before=13)
    assert plan_scaling(limits, True, 13, new, [old]) == [Scale("old", 11), Scale("new", 7)]


def test_what_rounding_leaves_goes_to_the_biggest_set() -> None:
    """Teaches: the total is always met."""
    limits = Limits(10, 0, 1)
    sets = [size(name, 3, max_before=9, age=age) for name, age in (("a", 3), ("b", 2), ("c", 1))]
    steps = plan_scaling(limits, True, 9, None, sets)
    assert sum(step.replicas for step in steps) == 10
    assert steps[0] == Scale("c", 4)


def test_a_single_active_set_just_takes_the_new_size() -> None:
    """Teaches: outside a rollout scaling is simple."""
    assert plan_scaling(Limits(10), True, 3, size("new", 3), [size("old", 0)]) == [Scale("new", 10)]
    assert plan_scaling(Limits(3), True, 3, size("new", 3), []) == []
    assert plan_scaling(Limits(4), True, 0, None, [size("young", 0, age=1), size("elder", 0, age=9)]) == [
        Scale("young", 4)
    ]
    assert plan_scaling(Limits(4), True, 0, None, []) == []


def test_once_the_new_set_is_complete_the_old_ones_go_to_zero() -> None:
    """Teaches: a paused Deployment whose new set has all its Pods does not keep old ones."""
    new = size("new", 4, 4, desired_before=4)
    assert plan_scaling(Limits(4), True, 6, new, [size("old", 2)]) == [Scale("old", 0)]
    assert plan_scaling(Limits(4), False, 6, size("new", 4, 3, desired_before=4), [size("old", 2)]) == []


def test_several_active_sets_have_no_single_one() -> None:
    """Teaches: then shares must be computed."""
    assert active_or_latest(size("new", 1), [size("old", 1)]) is None
    assert active_or_latest(size("new", 0), [size("old", 1)]) == size("old", 1)


@given(st.integers(1, 30), st.integers(0, 30), st.integers(0, 30), st.lists(st.integers(0, 12), max_size=3))
def test_shares_always_add_up(replicas: int, surge: int, new: int, old: list[int]) -> None:
    """Teaches: however odd the shares, a scaled rollout wants exactly what is allowed.

    What rounding leaves is the biggest set's affair. If it has less than that to give up (four sets of one Pod, two
    of which must go), it gives all, and the next look goes on: so does the real one.
    """
    limits = Limits(replicas, surge, 1)
    olds = [size(f"old-{index}", count, age=index, max_before=sum(old) + new) for index, count in enumerate(old)]
    steps = plan_scaling(limits, True, sum(old) + new, size("new", new, 0, max_before=sum(old) + new), olds)
    assert all(step.replicas >= 0 for step in steps)
    if len([count for count in (*old, new) if count > 0]) > 1:
        wanted = sum(step.replicas for step in steps)
        gave_all = steps[0].replicas == 0
        assert wanted == limits.total_max or (gave_all and limits.total_max < wanted < sum(old) + new)


def test_the_biggest_set_cannot_give_up_more_than_it_has() -> None:
    """Teaches: then one look is not enough."""
    olds = [size(f"old-{index}", 1, age=index, max_before=4) for index in range(3)]
    steps = plan_scaling(Limits(1, 1, 1), True, 4, size("new", 1, 0, max_before=4), olds)
    assert sorted(step.replicas for step in steps) == [0, 1, 1, 1]


rollouts = st.tuples(st.integers(1, 25), st.integers(0, 5), st.integers(0, 5)).map(lambda drawn: resolve_limits(*drawn))


@given(rollouts, st.lists(st.integers(1, 6), max_size=3), st.data())
def test_a_rolling_update_keeps_its_promises_and_ends(limits: Limits, batches: list[int], data: st.DataObject) -> None:
    """Teaches: never more than replicas + maxSurge, never fewer available than replicas - maxUnavailable.

    Pods become available in batches of any size; terminated ones are gone at once.
    """
    new, old = size("new", 0), size("old", limits.replicas, age=1)
    for step in range(20 * limits.replicas + 20):
        grown = plan_new_set(limits, new, new.replicas + old.replicas)
        if grown != new.replicas:
            new = size("new", grown, new.available)
        else:
            for scale in plan_old_sets(limits, new, [old]):
                old = size("old", scale.replicas, min(old.available, scale.replicas), age=1)
        assert new.replicas + old.replicas <= limits.total_max
        assert new.available + old.available >= limits.available_min
        if new.available == limits.replicas and old.replicas == 0:
            return
        ready = data.draw(st.integers(0, 4)) if step < 20 else 4
        new = size("new", new.replicas, min(new.replicas, new.available + ready))
    pytest.fail("the rollout never ended")
