"""Pods by their labels: the same answer as looking at all of them, with less work."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.selectors import parse_label_selector
from kubesim.api.stored import Stored
from kubesim.client.pod_groups import PodGroups

SELECTORS = ("app=a", "app in (a,b)", "!tier", "tier=x,app!=a", "")
LABELS = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["a", "b", "x"]), max_size=2)
STEPS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["one", "two"]), st.one_of(st.none(), LABELS)), max_size=25
)


class Pods:
    """Stands in for an informer."""

    def __init__(self) -> None:
        self.known: dict[str, Stored] = {}
        self.handlers: dict[str, Any] = {}

    def add_handler(self, **handlers: Any) -> None:
        self.handlers = handlers

    def put(self, number: int, namespace: str, labels: dict[str, str] | None, revision: int) -> None:
        key = f"{namespace}/p{number}"
        old = self.known.pop(key, None)
        if labels is None:
            if old is not None:
                self.handlers["on_delete"](old)
            return
        metadata = {"name": f"p{number}", "namespace": namespace, "labels": labels}
        new = self.known[key] = Stored(revision, {"metadata": metadata})
        if old is None:
            self.handlers["on_add"](new)
        else:
            self.handlers["on_update"](old, new)


@given(STEPS)
def test_a_selector_finds_what_a_look_at_all_pods_finds(steps: list[tuple[int, str, dict[str, str] | None]]) -> None:
    """Teaches: an index is right if after every change it says what a search would say."""
    pods = Pods()
    groups = PodGroups(cast("Any", pods))
    for revision, (number, namespace, labels) in enumerate(steps):
        pods.put(number, namespace, labels, revision + 1)
        for text in SELECTORS:
            selector = parse_label_selector(text)
            found = groups.pods(namespace, groups.groups(namespace, text, selector))
            wanted = [
                pod
                for _, pod in sorted(pods.known.items())
                if pod.namespace == namespace and selector.matches(pod.object["metadata"]["labels"])
            ]
            assert found == wanted
            groups.forget("elsewhere", text)
