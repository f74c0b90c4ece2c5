from __future__ import annotations

import pytest

from kubesim.api.resources import (
    API_GROUPS,
    BY_KIND,
    BY_PLURAL,
    DEPLOYMENTS,
    EVENTS,
    PODS,
    RESOURCES,
    SERVED,
    find_resource,
    resource_of,
    resources_of_group,
)


def test_the_core_group_is_that_of_a_real_server():
    """Teaches: seventeen kinds, as `kubectl api-resources --api-group=""` prints them."""
    printed = [(row.plural, row.short_names, row.namespaced, row.kind) for row in resources_of_group("", "v1")]
    assert printed == [
        ("bindings", (), True, "Binding"),
        ("componentstatuses", ("cs",), False, "ComponentStatus"),
        ("configmaps", ("cm",), True, "ConfigMap"),
        ("endpoints", ("ep",), True, "Endpoints"),
        ("events", ("ev",), True, "Event"),
        ("limitranges", ("limits",), True, "LimitRange"),
        ("namespaces", ("ns",), False, "Namespace"),
        ("nodes", ("no",), False, "Node"),
        ("persistentvolumeclaims", ("pvc",), True, "PersistentVolumeClaim"),
        ("persistentvolumes", ("pv",), False, "PersistentVolume"),
        ("pods", ("po",), True, "Pod"),
        ("podtemplates", (), True, "PodTemplate"),
        ("replicationcontrollers", ("rc",), True, "ReplicationController"),
        ("resourcequotas", ("quota",), True, "ResourceQuota"),
        ("secrets", (), True, "Secret"),
        ("serviceaccounts", ("sa",), True, "ServiceAccount"),
        ("services", ("svc",), True, "Service"),
    ]


def test_the_category_all_is_that_of_a_real_server():
    """Teaches: `kubectl get all` is far from all."""
    found = {row.qualified for row in RESOURCES if "all" in row.categories}
    assert found == {
        "pods", "replicationcontrollers", "services", "daemonsets.apps", "deployments.apps", "replicasets.apps",
        "statefulsets.apps", "horizontalpodautoscalers.autoscaling", "cronjobs.batch", "jobs.batch",
    }  # fmt: skip


def test_every_row_belongs_to_a_served_group_and_every_group_has_rows():
    """Teaches: discovery's order of groups is the real server's."""
    versions = {(group, version) for group, all_versions in API_GROUPS for version in all_versions}
    assert {(row.group, row.version) for row in SERVED} == versions
    assert len(BY_KIND) == len(BY_PLURAL) == len(SERVED)


def test_what_is_listed_is_stored_once():
    """Teaches: events have two groups and one storage; reviews are questions and are not stored at all."""
    assert {row.qualified for row in SERVED} - {row.qualified for row in RESOURCES} == {
        "bindings", "componentstatuses", "events.events.k8s.io", "tokenreviews.authentication.k8s.io",
        "selfsubjectreviews.authentication.k8s.io", "localsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectaccessreviews.authorization.k8s.io", "selfsubjectrulesreviews.authorization.k8s.io",
        "subjectaccessreviews.authorization.k8s.io",
    }  # fmt: skip
    assert [row.stored_as for row in SERVED if row.stored_as] == ["autoscaling/v2", "v1"]
    assert EVENTS in RESOURCES


@pytest.mark.parametrize(
    ("word", "qualified"),
    [
        ("po", "pods"), ("pod", "pods"), ("Deployment", "deployments.apps"), ("deploy", "deployments.apps"),
        ("jobs.batch", "jobs.batch"), ("ev", "events"), ("events.events.k8s.io", "events.events.k8s.io"),
        ("crds", "customresourcedefinitions.apiextensions.k8s.io"), ("netpol", "networkpolicies.networking.k8s.io"),
    ],
)  # fmt: skip
def test_a_kind_is_found_by_any_of_its_names(word, qualified):
    """Teaches: what `kubectl get WORD` understands."""
    assert find_resource(word).qualified == qualified


def test_an_unknown_word_finds_nothing():
    """Teaches: neither a wrong word nor a wrong group."""
    assert find_resource("sofas") is None
    assert find_resource("pods.apps") is None


def test_a_row_names_itself():
    """Teaches: the names that paths, manifests and messages use."""
    assert (DEPLOYMENTS.api_version, DEPLOYMENTS.qualified, DEPLOYMENTS.singular) == (
        "apps/v1", "deployments.apps", "deployment",
    )  # fmt: skip
    assert (PODS.api_version, PODS.qualified, PODS.gvk) == ("v1", "pods", ("v1", "Pod"))
    assert resource_of({"apiVersion": "apps/v1", "kind": "Deployment"}) is DEPLOYMENTS
    with pytest.raises(KeyError):
        resource_of({"kind": "Sofa"})


def test_recorded_objects_have_a_generation_where_their_row_says_so(served):
    """Teaches: not every kind counts its changes."""
    for obj in served:
        assert ("generation" in obj["metadata"]) == resource_of(obj).has_generation, obj["kind"]
