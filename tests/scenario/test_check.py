"""Checks select objects, look at their fields, and count."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.scenario.check import MISSING, CheckError, parse_check, value_at
from kubesim.scenario.schema import Check, Count

NODE = {
    "metadata": {"name": "node-1", "labels": {"zone": "a"}, "annotations": {"kubesim.dev/x": "y"}},
    "spec": {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}], "replicas": 3},
}


def world(*objects: dict[str, Any], kind: str = "Node") -> dict[str, dict[str, Stored]]:
    found = [Stored(number + 1, obj) for number, obj in enumerate(objects)]
    return {kind: {stored.key: stored for stored in found}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("status.conditions[Ready].status", "True"),
        ("spec.taints[node.kubernetes.io/unreachable].effect", "NoExecute"),
        ("spec.taints[0].effect", "NoExecute"),
        ("metadata.annotations[kubesim.dev/x]", "y"),
        ("status.conditions[Unknown].status", MISSING),
        ("spec.taints[7].effect", MISSING),
        ("status.nothing.at.all", MISSING),
    ],
)
def test_a_path_picks_list_elements_by_type_name_key_or_number(path: str, value: Any) -> None:
    """Teaches: how conditions, taints and annotations are named."""
    assert value_at(NODE, path) == value


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ({"status.replicas": 3}, True),
        ({"status.replicas": {"atLeast": 3}}, True),
        ({"status.replicas": {"atMost": 2}}, False),
        ({"status.readyReplicas": {"atMost": 2}}, True),
        ({"status.readyReplicas": {"exists": False}}, True),
        ({"status.conditions[Ready].status": {"not": "False"}}, True),
        ({"metadata.name": {"matches": "^node-[0-9]$"}}, True),
        ({"metadata.name": {"matches": "pod"}}, False),
    ],
)
def test_a_value_is_equal_or_passes_a_test(where: dict[str, Any], holds: bool) -> None:
    """Teaches: the tests that `where` knows; a number that is absent counts as 0."""
    assert parse_check(Check(get="node/node-1", where=where)).holds(world(NODE)) is holds


def test_without_a_count_one_object_is_enough() -> None:
    """Teaches: `get: node/node-1` says that it exists."""
    assert parse_check(Check(get="node/node-1")).holds(world(NODE))
    assert not parse_check(Check(get="node/node-2")).holds(world(NODE))
    assert not parse_check(Check(get="nodes")).holds({})


def test_a_count_is_exact_or_a_range() -> None:
    """Teaches: `count: 0` says that there is none."""
    other = {**NODE, "metadata": {"name": "node-2"}}
    both = world(NODE, other)
    assert parse_check(Check(get="nodes", count=2)).holds(both)
    assert parse_check(Check(get="nodes", selector="zone=a", count=1)).holds(both)
    assert parse_check(Check(get="nodes", where={"status.replicas": 4}, count=0)).holds(both)
    assert not parse_check(Check(get="nodes", count=Count(min=3))).holds(both)
    assert parse_check(Check(get="nodes", count=Count(max=2))).holds(both)


def test_namespaced_objects_are_looked_for_in_one_namespace() -> None:
    """Teaches: default, unless said otherwise; `*` means all."""
    pod = {"metadata": {"name": "a", "namespace": "team"}}
    pods = world(pod, kind="Pod")
    assert not parse_check(Check(get="pods")).holds(pods)
    assert parse_check(Check(get="pod/a", namespace="team")).holds(pods)
    assert parse_check(Check(get="pods", namespace="*")).holds(pods)


def test_a_report_says_what_is_there_instead() -> None:
    """Teaches: a failed expectation shows the fields in question."""
    check = parse_check(Check(get="node/node-1", where={"status.replicas": 4, "status.absent": 1}))
    assert check.seen(world(NODE)) == "0 of 1 match; node-1 has status.replicas=3, status.absent=nothing"
    assert parse_check(Check(get="node/x")).seen({}) == "there is no Node x"


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Check(get="nod"), "did you mean"),
        (Check(get="pod,node"), "one kind"),
        (Check(get="pods", selector="a in b"), "selector"),
        (Check(get="pods", where={"a": {"matches": "("}}), "regular expression"),
        (Check(get="pods", where={"a": {"atLeast": 1, "atMost": 2}}), "one of"),
        (Check(get="pods", where={"a": {"atLeast": "x"}}), "unknown test"),
    ],
)
def test_a_check_that_makes_no_sense_is_refused(check: Check, words: str) -> None:
    """Teaches: checks are read once, before the run."""
    with pytest.raises(CheckError, match=words):
        parse_check(check)
