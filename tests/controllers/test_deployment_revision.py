"""Templates, their hashes, and the numbers of revisions."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.stored import Stored
from kubesim.controllers.deployment_revision import (
    DESIRED_REPLICAS,
    LAST_APPLIED,
    POD_TEMPLATE_HASH,
    REVISION,
    REVISION_HISTORY,
    extended_history,
    find_new_set,
    fnv32a,
    next_revision,
    replicas_annotations,
    revision_of,
    same_template,
    set_annotations,
    template_hash,
    with_hash_label,
)

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "nginx:1"}]},
}


def replica_set(
    name: str, template: dict[str, Any], *, created: str = "2024-01-13T09:00:00Z", number: str = "1"
) -> Stored:
    metadata = {"name": name, "namespace": "default", "uid": name, "creationTimestamp": created}
    metadata_with_number: dict[str, Any] = {**metadata, "annotations": {REVISION: number}}
    return Stored(1, {"metadata": metadata_with_number, "spec": {"template": template}})


def labelled(hash_: str, image: str = "nginx:1") -> dict[str, Any]:
    """The template as its ReplicaSet has it."""
    return {
        "metadata": {"labels": with_hash_label({"app": "web"}, hash_)},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }


@pytest.mark.parametrize(("data", "value"), [(b"", 2166136261), (b"a", 0xE40C292C), (b"foobar", 0xBF9CF968)])
def test_fnv_1a_is_the_published_one(data: bytes, value: int) -> None:
    """Teaches: the hash behind the names of ReplicaSets is a simple one."""
    assert fnv32a(data) == value


def test_a_hash_looks_like_those_of_a_real_cluster() -> None:
    """Teaches: web-7887448d46 ends with a number, written in ten letters that spell no words."""
    assert re.fullmatch(r"[4-9bcdf]{1,10}", template_hash(TEMPLATE, None))


def test_the_hash_ignores_the_order_of_fields_and_minds_their_values() -> None:
    """Teaches: the same template always finds the same ReplicaSet."""
    turned = {name: TEMPLATE[name] for name in reversed(TEMPLATE)}
    other = {**TEMPLATE, "spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}
    assert template_hash(turned, None) == template_hash(TEMPLATE, None)
    assert template_hash(other, None) != template_hash(TEMPLATE, None)


def test_a_collision_gives_another_name() -> None:
    """Teaches: what status.collisionCount is for."""
    assert len({template_hash(TEMPLATE, count) for count in (None, 0, 1, 2)}) == 4


def test_templates_are_compared_without_their_hash() -> None:
    """Teaches: the label pod-template-hash is the controller's own and no change of the user's."""
    assert same_template(TEMPLATE, labelled("abc"))
    assert same_template(
        {"metadata": {}, **TEMPLATE}, {**TEMPLATE, "metadata": {**TEMPLATE["metadata"], "annotations": {}}}
    )
    assert not same_template(TEMPLATE, labelled("abc", "nginx:2"))


def test_of_two_sets_with_the_template_the_elder_is_the_new_one() -> None:
    """Teaches: after a controller made two by mistake, all replicas of it agree on one."""
    young = replica_set("a", labelled("x"), created="2024-01-13T09:00:02Z")
    elder = replica_set("b", labelled("y"), created="2024-01-13T09:00:01Z")
    assert find_new_set(TEMPLATE, [young, elder]) is elder
    assert find_new_set({**TEMPLATE, "spec": {}}, [young, elder]) is None


def test_the_next_revision_is_one_above_all_older_ones() -> None:
    """Teaches: numbers are never reused, so history stays readable."""
    sets = [replica_set("a", TEMPLATE, number="3"), replica_set("b", TEMPLATE, number="x")]
    assert next_revision(sets) == 4
    assert next_revision([]) == 1
    assert revision_of(sets[1]) == 0


def test_a_rolled_back_set_gets_a_new_number_and_remembers_the_old() -> None:
    """Teaches: undo moves revision 1 to the top as 4; `rollout history` then lists 2, 3, 4."""
    rolled_back = set_annotations({}, {REVISION: "1", DESIRED_REPLICAS: "3"}, 4)
    assert rolled_back == {REVISION: "4", REVISION_HISTORY: "1", DESIRED_REPLICAS: "3"}
    assert set_annotations({}, rolled_back, 6)[REVISION_HISTORY] == "1,4"


def test_a_set_that_is_ahead_keeps_its_number() -> None:
    """Teaches: when old sets were deleted, the count starts lower and must not go back."""
    assert set_annotations({}, {REVISION: "7"}, 2) == {REVISION: "7"}
    assert set_annotations({}, {REVISION: "nonsense"}, 2) == {REVISION: "nonsense"}


def test_annotations_of_the_deployment_reach_its_set_except_bookkeeping() -> None:
    """Teaches: kubernetes.io/change-cause is seen in `rollout history` because it is copied."""
    deployment = {"kubernetes.io/change-cause": "upgrade", REVISION: "9", LAST_APPLIED: "{}"}
    assert set_annotations(deployment, {}, 1) == {"kubernetes.io/change-cause": "upgrade", REVISION: "1"}


def test_replicas_annotations_are_text() -> None:
    """Teaches: how a set notices later that its Deployment was scaled."""
    assert replicas_annotations(8, 10) == {
        "deployment.kubernetes.io/desired-replicas": "8",
        "deployment.kubernetes.io/max-replicas": "10",
    }


@given(st.lists(st.integers(1, 10**6), max_size=500))
def test_a_long_history_forgets_its_beginning(numbers: list[int]) -> None:
    """Teaches: annotations are limited in size."""
    history = ""
    for number in numbers:
        history = extended_history(history, str(number))
    assert len(history) <= 2000
    assert ",".join(map(str, numbers)).endswith(history)


def test_the_hash_label_is_added_to_none_or_some() -> None:
    """Teaches: the label keeps Pods of two sets of one Deployment apart."""
    assert with_hash_label(None, "h") == {POD_TEMPLATE_HASH: "h"}
