from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.errors import BadRequestError
from kubesim.api.patch import apply_merge_patch

# The examples of RFC 7386 whose target and patch are objects.
EXAMPLES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "expected"), EXAMPLES)
def test_the_examples_of_the_standard_hold(target, patch, expected):
    """Teaches: a null removes, an object merges, everything else replaces."""
    before = copy.deepcopy((target, patch))
    assert apply_merge_patch(target, patch) == expected
    assert (target, patch) == before


@pytest.mark.parametrize(("patch", "found"), [([], "array"), ("x", "string"), (1, "number"), (None, "null")])
def test_a_patch_must_be_an_object(patch, found):
    """Teaches: upstream's words for a body of the wrong type."""
    with pytest.raises(BadRequestError) as caught:
        apply_merge_patch({}, patch)
    into = "Go value of type map[string]interface {}"
    assert caught.value.message == f"error decoding patch: json: cannot unmarshal {found} into {into}"


leaves = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.text("ab", max_size=1), st.lists(st.integers(0, 3)))
objects = st.recursive(
    st.dictionaries(st.text("abc", min_size=1, max_size=1), leaves, max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=1), st.one_of(leaves, inner), max_size=3),
    max_leaves=8,
)


@given(objects, objects)
def test_applying_a_patch_twice_is_applying_it_once(target, patch):
    """Teaches: merge patches are idempotent, so a retry is harmless."""
    once = apply_merge_patch(target, patch)
    assert apply_merge_patch(once, patch) == once


@given(objects, objects)
def test_fields_that_the_patch_does_not_name_are_untouched(target, patch):
    """Teaches: two people may patch different fields at once."""
    patched = apply_merge_patch(target, patch)
    for name in target.keys() - patch.keys():
        assert patched[name] is target[name]


@given(objects)
def test_an_empty_patch_changes_nothing(target):
    """Teaches: `kubectl patch -p '{}'` says (no change)."""
    assert apply_merge_patch(target, {}) == target
