"""Names, labels, annotations, owners and finalizers."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.apiserver.validation.metadata import validate_metadata, validate_metadata_update
from kubesim.apiserver.validation.names import (
    LABEL_RULE,
    QUALIFIED_RULE,
    SUBDOMAIN_RULE,
    VALUE_RULE,
    dns_label,
    dns_subdomain,
    label_value,
    path_segment,
    qualified_name,
)


def problems(**metadata: Any) -> list[str]:
    """What is wrong with the metadata of a new namespaced object."""
    given = {"name": "a", "namespace": "default", **metadata}
    return [str(problem) for problem in validate_metadata(given, dns_subdomain, namespaced=True)]


@pytest.mark.parametrize("name", ["a", "a-b", "a.b", "0", "a" * 253])
def test_good_names(name: str) -> None:
    """Teaches: lower case, digits, dashes and dots, beginning and ending with a letter or digit."""
    assert dns_subdomain(name) == ()


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a-", ".a", "a..b", "a/b", "ä"])
def test_bad_names(name: str) -> None:
    """Teaches: the rule is spelt out in the message, with an example and the expression."""
    assert dns_subdomain(name) == (SUBDOMAIN_RULE,)


def test_a_label_has_no_dots_and_63_characters() -> None:
    """Teaches: too long and badly formed are two complaints."""
    assert dns_label("a-b") == ()
    assert dns_label("a.b") == ("must not contain dots",)
    assert dns_label("A" * 64) == ("must be no more than 63 characters", LABEL_RULE)


def test_names_in_paths_have_no_slashes() -> None:
    """Teaches: roles may be called nearly anything."""
    assert path_segment("system:node") == ()
    assert path_segment("a/b%c") == ("may not contain '/'", "may not contain '%'")
    assert path_segment("..") == ("may not be '..'",)


def test_keys_may_have_a_prefix() -> None:
    """Teaches: example.com/name: whose label it is, and which."""
    assert qualified_name("app.kubernetes.io/Name_1") == ()
    assert qualified_name("a b") == (f"name part {QUALIFIED_RULE}",)
    assert qualified_name("/a") == ("prefix part must be non-empty",)
    assert qualified_name("A/a") == (f"prefix part {SUBDOMAIN_RULE}",)
    assert qualified_name("a/") == ("name part must be non-empty", f"name part {QUALIFIED_RULE}")
    assert qualified_name("a" * 64) == ("name part must be no more than 63 characters",)
    assert qualified_name("a/b/c")[0].startswith("a valid label key must consist of")


def test_values_of_labels_are_short() -> None:
    """Teaches: empty is fine, 64 characters are not."""
    assert label_value("") == ()
    assert label_value("c!") == (VALUE_RULE,)
    assert label_value("c" * 64) == ("must be no more than 63 bytes",)


def test_labels_are_checked_by_key_and_value() -> None:
    """Teaches: both complaints name the field, and quote what is wrong."""
    assert problems(labels={"a b": "c!"}) == [
        f'metadata.labels: Invalid value: "a b": name part {QUALIFIED_RULE}',
        f'metadata.labels: Invalid value: "c!": {VALUE_RULE}',
    ]


def test_annotations_may_be_long_but_not_endless() -> None:
    """Teaches: 256 KiB in all; keys may be upper case."""
    assert problems(annotations={"Example.com/A": "anything at all!"}) == []
    assert problems(annotations={"a": "x" * 262144}) == [
        "metadata.annotations: Too long: may not be more than 262144 bytes"
    ]


def test_owners_are_named_completely_and_one_controls() -> None:
    """Teaches: a reference without uid could mean a namesake."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": True}
    assert problems(ownerReferences=[owner]) == []
    assert problems(ownerReferences=[{**owner, "uid": ""}]) == [
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty'
    ]
    (message,) = problems(ownerReferences=[owner, {**owner, "name": "s"}])
    assert message.endswith(
        'Only one reference can have Controller set to true. Found "true" in references for '
        "ReplicaSet/r and ReplicaSet/s"
    )


def test_finalizers_are_qualified_or_standard() -> None:
    """Teaches: whose finalizer it is must be seen; two policies exclude each other."""
    assert problems(finalizers=["example.com/x", "orphan"]) == []
    assert problems(finalizers=["mine"]) == [
        'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully '
        "qualified"
    ]
    (message,) = problems(finalizers=["orphan", "foregroundDeletion"])
    assert message.endswith("finalizer orphan and foregroundDeletion cannot be both set")


def test_namespaces_belong_to_namespaced_kinds() -> None:
    """Teaches: scope is a property of the kind."""
    assert problems(namespace="") == ["metadata.namespace: Required value"]
    found = validate_metadata({"name": "a", "namespace": "b"}, dns_subdomain, namespaced=False)
    assert [str(problem) for problem in found] == ["metadata.namespace: Forbidden: not allowed on this type"]


def test_a_prefix_for_names_may_end_in_a_dash() -> None:
    """Teaches: something follows."""
    assert problems(generateName="web-") == []
    assert problems(generateName="Web-")[0].startswith('metadata.generateName: Invalid value: "Web-": a lowercase')


def test_what_has_not_changed_is_not_judged_again() -> None:
    """Teaches: an object that was valid once can always be updated in other places."""
    old = {"name": "a", "uid": "u", "labels": {"a b": "c!"}}
    assert validate_metadata_update({**old, "annotations": {"n": "1"}}, old) == []
    assert len(validate_metadata_update({**old, "labels": {"a b": "d!"}}, old)) == 2
    assert [str(problem) for problem in validate_metadata_update({**old, "uid": "v"}, old)] == [
        'metadata.uid: Invalid value: "v": field is immutable'
    ]
