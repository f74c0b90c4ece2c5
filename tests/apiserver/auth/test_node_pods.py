"""The index of Pods by node."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.stored import Stored
from kubesim.apiserver.auth.node_pods import NodePods, references

KEYS, NODES, SECRETS = ("a/p", "a/q", "b/p"), ("", "n1", "n2"), ("s", "t")


def pod(key: str, node: str, secret: str) -> Stored:
    namespace, name = key.split("/")
    spec: dict[str, Any] = {"volumes": [{"name": "v", "secret": {"secretName": secret}}]}
    if node:
        spec["nodeName"] = node
    return Stored(1, {"metadata": {"name": name, "namespace": namespace}, "spec": spec})


CHANGES = st.lists(
    st.tuples(st.sampled_from(KEYS), st.booleans(), st.sampled_from(NODES), st.sampled_from(SECRETS)), max_size=12
)


@given(changes=CHANGES)
def test_the_index_says_what_looking_at_all_pods_would(changes: list[tuple[str, bool, str, str]]) -> None:
    """Teaches: an index is right when nobody can tell it from a search."""
    pods, index = dict[str, Stored](), NodePods()
    for key, is_there, node, secret in changes:
        stored = pod(key, node, secret) if is_there else None
        if stored is None:
            pods.pop(key, None)
        else:
            pods[key] = stored
        index.set(key, stored)
        for name in NODES[1:]:
            expected = {k: references(p.object) for k, p in pods.items() if p.object["spec"].get("nodeName") == name}
            assert {each.stored.key: each.references for each in index.of(name)} == expected
        assert sorted(index.known()) == sorted(k for k, p in pods.items() if p.object["spec"].get("nodeName"))


def test_what_a_pod_refers_to_is_looked_up_once_for_a_spec() -> None:
    """Teaches: a Pod's status changes often, its spec hardly ever."""
    index = NodePods()
    first = pod("a/p", "n1", "s")
    index.set("a/p", first)
    found = next(iter(index.of("n1"))).references
    index.set("a/p", Stored(2, {**first.object, "status": {"phase": "Running"}}))
    assert next(iter(index.of("n1"))).references is found
    index.set("a/p", pod("a/p", "n1", "t"))
    assert ("secrets", "t") in next(iter(index.of("n1"))).references
