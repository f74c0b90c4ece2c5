from __future__ import annotations

import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.errors import BadRequestError, InvalidError, RequestEntityTooLargeError
from kubesim.api.patch import apply_json_patch

DATA = {"data": {"a": "1", "b": "2"}, "list": [1, 2, 3]}


def op(name: str, path: str, **more: object) -> dict[str, object]:
    return {"op": name, "path": path, **more}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (op("add", "/data/d", value="4"), {"data": {"a": "1", "b": "2", "d": "4"}, "list": [1, 2, 3]}),
        (op("add", "/list/1", value=9), {"data": DATA["data"], "list": [1, 9, 2, 3]}),
        (op("add", "/list/-", value=9), {"data": DATA["data"], "list": [1, 2, 3, 9]}),
        (op("remove", "/data/a"), {"data": {"b": "2"}, "list": [1, 2, 3]}),
        (op("remove", "/list/0"), {"data": DATA["data"], "list": [2, 3]}),
        (op("remove", "/list/-1"), {"data": DATA["data"], "list": [1, 2]}),
        (op("replace", "/data/b", value="x"), {"data": {"a": "1", "b": "x"}, "list": [1, 2, 3]}),
        (op("replace", "/list/2", value=0), {"data": DATA["data"], "list": [1, 2, 0]}),
        (op("replace", "", value={"new": 1}), {"new": 1}),
        (op("copy", "/data/c", **{"from": "/data/a"}), {"data": {"a": "1", "b": "2", "c": "1"}, "list": [1, 2, 3]}),
        (op("move", "/data/c", **{"from": "/data/a"}), {"data": {"b": "2", "c": "1"}, "list": [1, 2, 3]}),
        (op("test", "/data/a", value="1"), DATA),
        (op("test", "/data/zzz", value=None), DATA),
        (op("add", "/data/a~1b~0c", value="x"), {"data": {"a": "1", "b": "2", "a/b~c": "x"}, "list": [1, 2, 3]}),
    ],
)
def test_each_operation_changes_a_copy(operation, expected):
    """Teaches: add, remove, replace, move, copy and test."""
    before = repr(DATA)
    assert apply_json_patch(DATA, [operation]) == expected
    assert repr(DATA) == before


def test_what_a_patch_does_not_touch_is_shared():
    """Teaches: only the containers on the path are copied."""
    patched = apply_json_patch(DATA, [op("replace", "/data/a", value="9")])
    assert patched["list"] is DATA["list"]


@pytest.mark.parametrize(
    "operation",
    [
        op("test", "/data/b", value="nope"),
        op("test", "/list/0", value=True),
        op("remove", "/data/zzz"),
        op("replace", "/data/zzz", value=1),
        op("replace", "/list/3", value=1),
        op("add", "/nope/x", value=1),
        op("add", "/list/5", value=1),
        op("add", "/list/x", value=1),
        op("add", "/data/a/b", value=1),
        op("copy", "/x", **{"from": "/nope"}),
        op("bogus", "/data"),
        op("remove", "data"),
        op("replace", "", value=[]),
        {"path": "/data"},
        "nonsense",
    ],
)
def test_an_operation_that_does_not_apply_refuses_the_whole_patch_without_a_word_why(operation):
    """Teaches: the real server's least helpful message; here the cause says more."""
    with pytest.raises(InvalidError) as caught:
        apply_json_patch(DATA, [op("add", "/data/x", value=1), operation])
    assert caught.value.message == "the server rejected our request due to an error in our request"
    assert caught.value.code == 422


def test_a_patch_must_be_a_list_of_not_too_many_operations():
    """Teaches: what is no patch is a bad request, not an invalid one."""
    with pytest.raises(BadRequestError) as caught:
        apply_json_patch(DATA, {"a": 1})
    message = "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
    assert caught.value.message == message
    with pytest.raises(RequestEntityTooLargeError, match="maximum operations in a JSON patch is 10000, got 10001"):
        apply_json_patch(DATA, [op("test", "/data/a", value="1")] * 10_001)


documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 5), st.text("ab", max_size=2)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("ab", min_size=1, max_size=2), inner)),
    max_leaves=6,
)
objects = st.dictionaries(st.text("ab~/", min_size=1, max_size=2), documents, max_size=4)


@settings(max_examples=50)
@given(objects, objects)
def test_a_difference_made_elsewhere_leads_from_one_object_to_the_other(source, target):
    """Teaches: our operations mean what another implementation's mean."""
    operations = jsonpatch.make_patch(source, target).patch
    assert apply_json_patch(source, operations) == target
