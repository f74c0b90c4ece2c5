"""matchLabelKeys and mismatchLabelKeys of a new Pod become part of its label selectors.

"Pods of my own revision" is written as a key whose value only the finished Pod knows. The server looks the value up
in the Pod's labels when the Pod is created, so that nobody later has to; a key that the Pod does not bear counts for
nothing. Upstream: `applyMatchLabelKeysAndMismatchLabelKeys` and its kin in pkg/registry/core/pod/strategy.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.defaults.copying import at, each_at
from kubesim.api.stored import Object

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def merge_label_keys(spec: Object, labels: dict[str, str]) -> Object:
    """The spec with the keys' values in its selectors; the same one if it has no such keys."""

    def term(one: Object) -> Object:
        return _merged(one, labels)

    def affinity(kind: Object) -> Object:
        kind = each_at(kind, REQUIRED, term)
        return each_at(kind, PREFERRED, lambda weighted: at(weighted, "podAffinityTerm", term))

    def affinities(both: Object) -> Object:
        return at(at(both, "podAffinity", affinity), "podAntiAffinity", affinity)

    return each_at(at(spec, "affinity", affinities), "topologySpreadConstraints", term)


def _merged(term: Object, labels: dict[str, str]) -> Object:
    selector: Any = term.get("labelSelector")
    keys = [("In", key) for key in term.get("matchLabelKeys") or ()]
    keys += [("NotIn", key) for key in term.get("mismatchLabelKeys") or ()]
    added = [{"key": key, "operator": operator, "values": [labels[key]]} for operator, key in keys if key in labels]
    if selector is None or not added:
        return term
    expressions = [*(selector.get("matchExpressions") or ()), *added]
    return {**term, "labelSelector": {**selector, "matchExpressions": expressions}}
