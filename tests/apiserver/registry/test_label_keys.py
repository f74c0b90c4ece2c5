"""matchLabelKeys: a selector that the server completes."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.apiserver.registry.label_keys import merge_label_keys

LABELS = {"app": "web", "pod-template-hash": "5d4"}
SELECTOR: dict[str, Any] = {"matchLabels": {"app": "web"}}


def merged(term: dict[str, Any]) -> Any:
    """The selector of the term, as a topology spread constraint and as both forms of affinity terms."""
    affinity = {
        "requiredDuringSchedulingIgnoredDuringExecution": [term],
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}],
    }
    spec = {"affinity": {"podAntiAffinity": affinity}, "topologySpreadConstraints": [term]}
    done = merge_label_keys(spec, LABELS)
    (constraint,) = done["topologySpreadConstraints"]
    kinds = done["affinity"]["podAntiAffinity"]
    (required,), (preferred,) = kinds.values()
    assert constraint == required == preferred["podAffinityTerm"]
    return constraint.get("labelSelector")


@pytest.mark.parametrize(("keys", "operator"), [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")])
def test_the_pods_own_value_joins_the_selector(keys: str, operator: str) -> None:
    """Teaches: "Pods of my revision" is written as a key; the server knows the value."""
    added = {"key": "pod-template-hash", "operator": operator, "values": ["5d4"]}
    selector = merged({"topologyKey": "zone", "labelSelector": SELECTOR, keys: ["pod-template-hash"]})
    assert selector == {"matchLabels": {"app": "web"}, "matchExpressions": [added]}


def test_a_key_that_the_pod_does_not_bear_counts_for_nothing() -> None:
    """Teaches: and without a selector there is nothing to join."""
    assert merged({"labelSelector": SELECTOR, "matchLabelKeys": ["none"]}) == SELECTOR
    assert merged({"matchLabelKeys": ["app"]}) is None


def test_a_spec_without_keys_is_not_copied() -> None:
    """Teaches: most Pods pay nothing."""
    spec = {"affinity": {"podAffinity": {}}, "topologySpreadConstraints": [{"labelSelector": SELECTOR}]}
    assert merge_label_keys(spec, LABELS) is spec
