from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.resources import DEPLOYMENTS, EVENTS, JOBS, NODES, PODS
from kubesim.api.selectors import parse_field_selector

POD = {"metadata": {"name": "web", "namespace": "a"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True), ("spec.nodeName=n1", True), ("spec.nodeName==n1", True), ("spec.nodeName=n2", False),
        ("spec.nodeName!=n2", True), ("spec.nodeName=n1,status.phase!=Running", False), ("status.podIP=", True),
        ("metadata.name=web, metadata.namespace=a", True), ("spec.hostNetwork=false", True),
        ("spec.schedulerName!=x", True),
    ],
)  # fmt: skip
def test_a_field_selector_selects_by_a_few_fields(text, selected):
    """Teaches: how a kubelet watches only the Pods of its node."""
    assert parse_field_selector(text).matches(POD) is selected


def test_booleans_and_numbers_are_compared_as_text():
    """Teaches: an absent `unschedulable` is false, not empty."""
    cordoned = parse_field_selector("spec.unschedulable=true")
    assert cordoned.matches({"spec": {"unschedulable": True}})
    assert not cordoned.matches({"spec": {}})
    assert parse_field_selector("spec.unschedulable=false").matches({"metadata": {}})
    assert parse_field_selector("status.replicas=0").matches({"status": {}})
    assert parse_field_selector("status.replicas=3").matches({"status": {"replicas": 3}})


def test_the_source_of_an_event_is_its_component_in_either_style():
    """Teaches: old events name a source, new ones a reporting component."""
    selector = parse_field_selector("source=kubelet")
    assert selector.matches({"source": {"component": "kubelet"}})
    assert selector.matches({"reportingComponent": "kubelet", "source": {}})
    assert not selector.matches({})


def test_each_kind_says_by_which_fields_it_can_be_selected():
    """Teaches: a selector by any other field is refused, not slow."""
    selector = parse_field_selector("spec.nodeName=n1,metadata.name=x")
    assert selector.unsupported(PODS) is None
    assert selector.unsupported(NODES) == "field label not supported: spec.nodeName"
    assert parse_field_selector("involvedObject.kind=Pod").unsupported(EVENTS) is None
    assert parse_field_selector("metadata.namespace=a").unsupported(NODES) == (
        "field label not supported: metadata.namespace"
    )


def test_kinds_without_fields_of_their_own_know_only_name_and_namespace():
    """Teaches: the words tell which kind of kind one asked."""
    selector = parse_field_selector("spec.replicas=1")
    assert selector.unsupported(DEPLOYMENTS) == (
        '"spec.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )
    assert selector.unsupported(JOBS) == 'field label "spec.replicas" not supported for batchv1.Job'


def test_requirements_are_there_for_indexes():
    """Teaches: a watch cache dispatches by the one value asked for."""
    selector = parse_field_selector("spec.nodeName=n1,status.phase!=Failed")
    assert selector.requirements == (("spec.nodeName", "=", "n1"), ("status.phase", "!=", "Failed"))
    assert selector.exact_value("spec.nodeName") == "n1"
    assert selector.exact_value("status.phase") is None
    assert not selector.empty
    assert parse_field_selector("").empty


@pytest.mark.parametrize("text", ["spec.nodeName", "a=b=c", "a=b\\c"])
def test_what_does_not_parse_is_an_error(text):
    """Teaches: special characters in a value must be escaped."""
    with pytest.raises(ValueError):
        parse_field_selector(text)


@given(st.text(r"a,=\b", max_size=6))
def test_escaped_values_come_back(value):
    """Teaches: printing a selector escapes what parsing would take apart."""
    escaped = value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
    selector = parse_field_selector(f"metadata.name={escaped}")
    assert selector.requirements == (("metadata.name", "=", value),)
    assert parse_field_selector(str(selector)).requirements == selector.requirements
