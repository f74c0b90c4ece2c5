"""The algebra of field sets, held against plain Python sets of paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.fieldset import (
    EMPTY,
    FieldSet,
    FieldSetError,
    decode,
    difference,
    field_set_of,
    has,
    intersection,
    ordered,
    path_text,
    paths,
    recursive_difference,
    union,
)
from kubesim.api.fieldset.elements import key_element, keys_element, sort_key, value_element

ELEMENTS = st.sampled_from(("f:a", "f:b", 'k:{"name":"c"}', 'v:"x"'))
PATHS = st.lists(ELEMENTS, min_size=1, max_size=3).map(tuple)
PATH_SETS = st.frozensets(PATHS, max_size=6)


def made(wanted: frozenset[tuple[str, ...]]) -> FieldSet:
    result: FieldSet = EMPTY
    for path in sorted(wanted):
        node: FieldSet = {}
        for element in reversed(path):
            node = {element: node}
        result = union(result, node)
    return result


def model(fields: FieldSet) -> frozenset[tuple[str, ...]]:
    return frozenset(paths(fields))


@given(PATH_SETS, PATH_SETS)
def test_the_operations_are_those_of_sets_of_paths(
    one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]
) -> None:
    """Teaches: a tree of path elements is a set, and whether parent or child is in it are two questions."""
    a, b = made(one), made(other)
    assert model(a) == one
    assert model(union(a, b)) == one | other
    assert model(difference(a, b)) == one - other
    assert model(intersection(a, b)) == one & other
    below = {path for path in one if any(path[: length + 1] in other for length in range(len(path)))}
    assert model(recursive_difference(a, b)) == one - below
    assert all(has(a, path) == (path in one) for path in one | other)


@given(PATH_SETS, PATH_SETS)
def test_what_changes_nothing_returns_the_very_same_set(
    one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]
) -> None:
    """Teaches: sets that stay as they are are shared by all revisions."""
    a = made(one | other)
    assert union(a, made(other)) is a or not a
    assert difference(a, made(frozenset(other - one - other))) is a
    assert ordered(ordered(a)) is ordered(a) or ordered(a) == a


@given(PATH_SETS)
def test_a_set_goes_over_the_wire_and_back(one: frozenset[tuple[str, ...]]) -> None:
    """Teaches: the tree is what is written, "." marks a member with others below it."""
    assert model(decode(ordered(made(one)))) == one


def test_elements_are_written_and_shown_as_upstream_does() -> None:
    """Teaches: keys are sorted by name, escaped as Go escapes JSON, and come after fields and before values."""
    port = keys_element({"protocol": "TCP", "containerPort": 80})
    assert port == 'k:{"containerPort":80,"protocol":"TCP"}'
    assert key_element("name", "a<b") == 'k:{"name":"a\\u003cb"}'
    assert path_text(("f:spec", "f:ports", port)) == '.spec.ports[containerPort=80,protocol="TCP"]'
    assert path_text(("f:finalizers", value_element("x"), "i:3")) == '.finalizers[="x"][3]'
    elements = ['v:"a"', "i:2", "i:10", port, 'k:{"name":"c"}', "f:z", "f:a"]
    assert sorted(elements, key=sort_key) == ["f:a", "f:z", port, 'k:{"name":"c"}', 'v:"a"', "i:2", "i:10"]


def test_unknown_kinds_of_elements_are_left_out_and_nonsense_is_refused() -> None:
    """Teaches: a future kind of element must not break an older server."""
    assert decode({"f:a": {}, "x:b": {}}) == {"f:a": {}}
    for wrong in ({"nonsense": {}}, {"k:{": {}}, {"i:x": {}}, {"f:a": 1}, []):
        with pytest.raises(FieldSetError):
            decode(wrong)


def test_dotted_paths_make_sets() -> None:
    """Teaches: a parent is a member only if it is named."""
    assert field_set_of("metadata", "metadata.name") == {"f:metadata": {".": {}, "f:name": {}}}
    assert field_set_of("metadata.name") == {"f:metadata": {"f:name": {}}}
