"""Comparing, collecting, checking and merging by type."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.fieldset import (
    EMPTY,
    TypedError,
    compare,
    field_set,
    merge,
    ordered,
    remove_items,
    validate,
)
from kubesim.api.schema import Node, Schema

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.text("ab", max_size=1)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@pytest.fixture(scope="module")
def pod() -> Node:
    node = Schema.load().kind("v1", "Pod")
    assert node is not None
    return node


def with_containers(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": list(containers)}}


def test_a_struct_that_is_always_there_has_no_owner_and_what_is_added_has(pod: Node) -> None:
    """Teaches: `f:spec` and `f:containers` have no dot, `f:ports` and a container have."""
    port = {"containerPort": 80, "protocol": "TCP"}
    found = compare(pod, {}, with_containers({"name": "c", "image": "i", "ports": [port]}))
    assert found.taken == {
        "f:spec": {
            "f:containers": {
                'k:{"name":"c"}': {
                    ".": {},
                    "f:image": {},
                    "f:name": {},
                    "f:ports": {
                        ".": {},
                        'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:protocol": {}},
                    },
                    "f:resources": {},
                }
            }
        }
    }
    assert found.removed == EMPTY


def test_only_what_differs_is_taken(pod: Node) -> None:
    """Teaches: an item is found by its key wherever it stands, and the default protocol belongs to the key."""
    old = with_containers({"name": "a", "image": "1"}, {"name": "b", "image": "1"})
    new = with_containers({"name": "b", "image": "2"}, {"name": "a", "image": "1"})
    assert compare(pod, old, new).taken == {"f:spec": {"f:containers": {'k:{"name":"b"}': {"f:image": {}}}}}
    gone = compare(pod, old, with_containers({"name": "a", "image": "1"})).removed
    assert list(gone["f:spec"]["f:containers"]) == ['k:{"name":"b"}']


def test_atomic_parts_are_owned_as_a_whole(pod: Node) -> None:
    """Teaches: a node selector or a reference has one owner, whatever is changed in it."""
    old, new = {"spec": {"nodeSelector": {"a": "1"}}}, {"spec": {"nodeSelector": {"a": "1", "b": "2"}}}
    assert compare(pod, old, new).taken == {"f:spec": {"f:nodeSelector": {}}}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"dta": {}}, ".dta: field not declared in schema"),
        (with_containers({"name": "c", "foo": 1}), '.spec.containers[name="c"].foo: field not declared in schema'),
        (
            with_containers({"name": "c"}, {"name": "c"}),
            '.spec.containers: duplicate entries for key [name="c"]',
        ),
        (
            with_containers({"image": "i"}),
            ".spec.containers: element 0: associative list with keys has an element that omits key field "
            '"name" (and doesn\'t have default value)',
        ),
        ({"spec": {"containers": {"a": [1]}}}, ".spec.containers: expected list, got &{map[a:[1]]}"),
        ({"spec": "x"}, ".spec: expected map, got &{x}"),
        ({"spec": {"hostNetwork": "yes"}}, ".spec.hostNetwork: expected boolean, got &{yes}"),
        ({"spec": {"priority": "1"}}, ".spec.priority: expected numeric (int or float), got string"),
        ({"spec": {"nodeName": 1}}, ".spec.nodeName: expected string, got &value.valueUnstructured{Value:1}"),
        (
            {"spec": {"nodeName": 1, "priority": True}},
            "errors:\n  .spec.nodeName: expected string, got &value.valueUnstructured{Value:1}\n"
            "  .spec.priority: expected numeric (int or float), got bool",
        ),
    ],
)
def test_what_does_not_fit_its_type_is_said_in_upstreams_words(pod: Node, config: dict[str, Any], words: str) -> None:
    """Teaches: server-side apply checks types itself, and speaks Go."""
    with pytest.raises(TypedError) as caught:
        validate(pod, config)
    assert str(caught.value) == words


def test_a_configuration_owns_its_leaves_and_items(pod: Node) -> None:
    """Teaches: who applies owns no struct and no list, only what is in them."""
    config = {"metadata": {"labels": {"a": "1"}}, **with_containers({"name": "c", "resources": {}, "env": []})}
    assert field_set(pod, config) == {
        "f:metadata": {"f:labels": {"f:a": {}}},
        "f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:name": {}, "f:resources": {}}}},
    }


def test_merged_items_come_in_the_order_of_the_configuration(pod: Node) -> None:
    """Teaches: items of others stay where they are."""
    live = with_containers({"name": "a"}, {"name": "x"}, {"name": "b", "image": "1"})
    made = merge(pod, live, with_containers({"name": "b", "tty": True}, {"name": "a"}, {"name": "c"}))
    assert made == with_containers(
        {"name": "x"}, {"name": "b", "image": "1", "tty": True}, {"name": "a"}, {"name": "c"}
    )
    assert merge(pod, live, with_containers({"name": "a"})) is live


@given(OBJECTS, OBJECTS)
def test_without_a_type_a_merge_holds_all_that_was_said(live: dict[str, Any], config: dict[str, Any]) -> None:
    """Teaches: applying the same twice changes nothing, and what was merged in can be taken out again."""
    made = merge(None, live, config) if live else config
    assert merge(None, made, config) == made or not made
    assert compare(None, made, made).is_same
    assert remove_items(None, live, EMPTY) == (live or None)
    assert ordered(field_set(None, config)) == ordered(compare(None, {}, config).taken)
