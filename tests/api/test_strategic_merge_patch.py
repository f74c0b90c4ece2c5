from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.errors import ApiError, BadRequestError
from kubesim.api.patch import apply_strategic_merge_patch, go_text
from kubesim.api.resources import DEPLOYMENTS
from kubesim.api.schema import Schema

DEPLOYMENT: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}, "finalizers": ["one", "two"]},
    "spec": {
        "replicas": 3,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
        "template": {
            "spec": {
                "containers": [
                    {"name": "a", "image": "a:1", "env": [{"name": "x", "value": "1"}], "args": ["1", "2"]},
                    {"name": "b", "image": "b:1"},
                ],
                "tolerations": [{"key": "k"}],
            }
        },
    },
}


@pytest.fixture(scope="module")
def patched(schema):
    def apply(patch: Any, obj: dict[str, Any] = DEPLOYMENT) -> dict[str, Any]:
        before = copy.deepcopy((obj, patch))
        made = apply_strategic_merge_patch(obj, patch, schema, DEPLOYMENTS.gvk)
        assert (obj, patch) == before, "patching is pure"
        return made

    return apply


def of_pod(**fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": fields}}}


def containers(obj: dict[str, Any]) -> list[dict[str, Any]]:
    return obj["spec"]["template"]["spec"]["containers"]


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


def test_items_merge_by_their_key_and_share_the_rest(patched):
    """Teaches: `kubectl set image` sends one container's name and image."""
    made = patched(of_pod(containers=[{"name": "b", "image": "b:2"}]))
    assert containers(made) == [containers(DEPLOYMENT)[0], {"name": "b", "image": "b:2"}]
    assert containers(made)[0] is containers(DEPLOYMENT)[0]
    assert made["metadata"] is DEPLOYMENT["metadata"]


def test_new_items_come_first(patched):
    """Teaches: a sidecar added by a patch is the first container."""
    assert names(containers(patched(of_pod(containers=[{"name": "c"}])))) == ["c", "a", "b"]


def test_patched_items_keep_the_order_of_the_patch_and_the_others_theirs(patched):
    """Teaches: server-only items are put where they stood between known ones."""
    assert names(containers(patched(of_pod(containers=[{"name": "b"}, {"name": "c"}])))) == ["a", "b", "c"]
    assert names(containers(patched(of_pod(containers=[{"name": "b"}, {"name": "a"}])))) == ["b", "a"]


def test_lists_inside_of_items_merge_too(patched):
    """Teaches: env merges by name, args are replaced, since the schema says so."""
    made = patched(of_pod(containers=[{"name": "a", "env": [{"name": "y", "value": "2"}], "args": ["3"]}]))
    assert containers(made)[0]["env"] == [{"name": "y", "value": "2"}, {"name": "x", "value": "1"}]
    assert containers(made)[0]["args"] == ["3"]


def test_lists_without_a_strategy_are_replaced(patched):
    """Teaches: tolerations are atomic."""
    made = patched(of_pod(tolerations=[{"key": "other"}]))
    assert made["spec"]["template"]["spec"]["tolerations"] == [{"key": "other"}]


def test_nulls_remove_and_are_never_kept(patched):
    """Teaches: a null for what is not there is simply nothing."""
    made = patched({"metadata": {"labels": {"app": None, "gone": None}, "annotations": {"a": None, "b": "c"}}})
    assert made["metadata"]["labels"] == {}
    assert made["metadata"]["annotations"] == {"b": "c"}
    assert "replicas" not in patched({"spec": {"replicas": None}})["spec"]


def test_scalars_merge_without_doubles(patched):
    """Teaches: finalizers are a set; new ones come first."""
    assert patched({"metadata": {"finalizers": ["three", "one"]}})["metadata"]["finalizers"] == ["three", "one", "two"]


def test_delete_takes_an_item_away(patched):
    """Teaches: `$patch: delete` beside the merge key."""
    made = patched(of_pod(containers=[{"name": "a", "$patch": "delete"}, {"name": "b", "image": "b:2"}]))
    assert containers(made) == [{"name": "b", "image": "b:2"}]


def test_replace_in_a_list_puts_the_patch_in_its_place(patched):
    """Teaches: an item that says only `$patch: replace`."""
    made = patched(of_pod(containers=[{"$patch": "replace"}, {"name": "z", "image": None}]))
    assert containers(made) == [{"name": "z"}]


def test_replace_and_delete_in_an_object(patched):
    """Teaches: the same directives for maps."""
    assert patched({"spec": {"$patch": "replace", "replicas": 1}})["spec"] == {"replicas": 1}
    assert patched({"metadata": {"labels": {"$patch": "delete"}}})["metadata"]["labels"] == {}


def test_retain_keys_clears_what_it_does_not_name(patched):
    """Teaches: how changing the strategy's type gets rid of the old type's fields."""
    made = patched({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}})
    assert made["spec"]["strategy"] == {"type": "Recreate"}
    for wrong in ({"$retainKeys": "type"}, {"$retainKeys": ["other"], "type": "Recreate"}):
        with pytest.raises(BadRequestError, match="invalid patch format of retainKeys"):
            patched({"spec": {"strategy": wrong}})


def test_delete_from_primitive_list_takes_scalars_away(patched):
    """Teaches: how a finalizer is removed by a strategic merge patch."""
    made = patched({"metadata": {"$deleteFromPrimitiveList/finalizers": ["one"]}})
    assert made["metadata"]["finalizers"] == ["two"]
    assert "annotations" not in patched({"metadata": {"$deleteFromPrimitiveList/annotations": ["x"]}})["metadata"]
    with pytest.raises(BadRequestError, match="invalid patch format of primitive list"):
        patched({"metadata": {"$deleteFromPrimitiveList/finalizers": "one"}})


def test_set_element_order_orders(patched):
    """Teaches: what `kubectl apply` sends along to keep the manifest's order."""
    order = {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}
    assert names(containers(patched(of_pod(**order)))) == ["b", "a"]
    made = patched(of_pod(containers=[{"name": "a", "image": "a:2"}], **order))
    assert [(item["name"], item["image"]) for item in containers(made)] == [("b", "b:1"), ("a", "a:2")]
    scalars = {"$setElementOrder/finalizers": ["two", "three"], "finalizers": ["three"]}
    assert patched({"metadata": scalars})["metadata"]["finalizers"] == ["one", "two", "three"]
    absent = {"$setElementOrder/ownerReferences": [{"uid": "1"}]}
    assert patched({"metadata": absent}) == DEPLOYMENT
    added = {**absent, "ownerReferences": [{"uid": "1", "name": "n"}]}
    assert patched({"metadata": added})["metadata"]["ownerReferences"] == [{"uid": "1", "name": "n"}]


def test_a_patch_must_agree_with_its_own_order(patched):
    """Teaches: an item that the order does not name."""
    patch = of_pod(containers=[{"name": "c"}], **{"$setElementOrder/containers": [{"name": "a"}]})
    with pytest.raises(ApiError, match=r"The order in patch list:\n\[map\[name:c\]\]\n doesn't match"):
        patched(patch)
    with pytest.raises(BadRequestError, match="invalid patch format of setElementOrder list"):
        patched(of_pod(**{"$setElementOrder/containers": "a"}))
    with pytest.raises(BadRequestError, match="invalid patch format of setElementOrder list"):
        patched(of_pod(containers="a", **{"$setElementOrder/containers": [{"name": "a"}]}))


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (of_pod(containers=[{"image": "x"}]), "map: map[image:x] does not contain declared merge key: name"),
        (of_pod(containers=[{"$patch": "delete"}]),
         "map: map[$patch:delete] does not contain declared merge key: name"),
        (of_pod(containers=[{"name": "a", "$patch": "oops"}]),
         "unknown patch type: oops in map: map[$patch:oops name:a]"),
        (of_pod(containers=[{"$patch": "merge"}]), "merging lists cannot yet be specified in the patch"),
        (of_pod(containers=["x"]), "expected a map, but got: x"),
        ({"spec": {"$patch": "oops"}}, "unknown patch type: oops in map: map[$patch:oops]"),
    ],
)  # fmt: skip
def test_a_patch_that_cannot_be_applied_is_an_error_in_upstreams_words(patched, patch, message):
    """Teaches: these come back with code 500 and no reason, as the real server answers."""
    with pytest.raises(ApiError) as caught:
        patched(patch)
    assert caught.value.message == message
    assert (caught.value.reason, caught.value.code) == ("", 500)


def test_a_field_that_the_kind_does_not_have_cannot_be_merged(patched):
    """Teaches: only what both sides have needs the schema; a new unknown field is for validation to refuse."""
    with pytest.raises(ApiError, match='unable to find api field in struct DeploymentSpec for the json field "odd"'):
        patched({"spec": {"odd": {"a": 1}}}, {"spec": {"odd": {"b": 2}}})
    assert patched({"spec": {"odd": {"a": 1}}}, {"spec": {}}) == {"spec": {"odd": {"a": 1}}}


def test_a_patch_must_be_an_object(patched):
    """Teaches: `kubectl patch -p 'not json'` sends a string."""
    with pytest.raises(BadRequestError, match="json: cannot unmarshal string into Go value of type map"):
        patched("not json")


def test_conditions_merge_by_type(schema):
    """Teaches: why a kubelet can patch one condition without knowing the others."""
    conditions = [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}]
    patch = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    made = apply_strategic_merge_patch({"status": {"conditions": conditions}}, patch, schema, ("v1", "Pod"))
    assert made["status"]["conditions"] == [{"type": "Ready", "status": "False"}, conditions[1]]


def test_go_prints_values_its_own_way():
    """Teaches: how objects look in the server's error messages."""
    assert go_text({"b": [1, "x", None], "a": {"t": True, "f": False}}) == "map[a:map[f:false t:true] b:[1 x <nil>]]"


items = st.lists(
    st.builds(lambda name, image: {"name": name, "image": image}, st.sampled_from("abcde"), st.sampled_from("12")),
    unique_by=lambda item: item["name"],
    max_size=5,
)
SCHEMA = Schema.load()


@given(items, items)
def test_merging_lists_is_a_union_that_obeys_both_orders(server, ours):
    """Teaches: nothing is lost, nothing doubled, the patch wins, and both orders survive."""
    obj = {"spec": {"containers": server}}
    made = apply_strategic_merge_patch(obj, {"spec": {"containers": ours}}, SCHEMA, ("v1", "Pod"))["spec"]["containers"]
    by_name = {item["name"]: item for item in server} | {item["name"]: item for item in ours}
    assert {item["name"]: item for item in made} == by_name
    assert len(made) == len(by_name)
    patched_names = names(ours)
    assert [name for name in names(made) if name in patched_names] == patched_names
    others = [name for name in names(server) if name not in patched_names]
    assert [name for name in names(made) if name in others] == others


@given(items, items)
def test_applying_a_patch_twice_is_applying_it_once(server, ours):
    """Teaches: a retried patch does no harm."""
    patch = {"spec": {"containers": ours}}
    once = apply_strategic_merge_patch({"spec": {"containers": server}}, patch, SCHEMA, ("v1", "Pod"))
    assert apply_strategic_merge_patch(once, patch, SCHEMA, ("v1", "Pod")) == once
