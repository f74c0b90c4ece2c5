"""Tests of kubesim.controllers.namespace_conditions."""

from kubesim.controllers.namespace_conditions import Remains, with_conditions

NOW = "2024-01-13T09:00:00Z"
LATER = "2024-01-13T09:00:10Z"
EMPTY = {"metadata": {"name": "team"}, "spec": {}, "status": {"phase": "Terminating"}}


def held() -> Remains:
    remains = Remains()
    remains.resources = {"replicasets.apps": 2, "configmaps.": 1}
    remains.finalizers = {"example.com/hold": 1}
    return remains


def test_all_five_conditions_say_false_when_all_is_well() -> None:
    """Teaches: these conditions are complaints, so False is good."""
    conditions = with_conditions(EMPTY, {}, NOW)["status"]["conditions"]
    assert [(c["type"], c["status"], c["reason"]) for c in conditions] == [
        ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered"),
        ("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions"),
        ("NamespaceDeletionContentFailure", "False", "ContentDeleted"),
        ("NamespaceContentRemaining", "False", "ContentRemoved"),
        ("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers"),
    ]
    assert "conditions" not in EMPTY["status"]


def test_what_is_left_is_told_by_kind_and_by_finalizer() -> None:
    """Teaches: the words that explain a namespace that hangs, sorted; the core group's dot is upstream's."""
    troubles = held().troubles()
    assert troubles == {
        "NamespaceContentRemaining": (
            "SomeResourcesRemain",
            "Some resources are remaining: configmaps. has 1 resource instances, "
            "replicasets.apps has 2 resource instances",
        ),
        "NamespaceFinalizersRemaining": (
            "SomeFinalizersRemain",
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
        ),
    }


def test_errors_are_counted_and_sorted() -> None:
    """Teaches: one kind that cannot be deleted does not keep the others."""
    remains = Remains()
    remains.errors = ["b is down", "a is down"]
    assert remains.troubles()["NamespaceDeletionContentFailure"] == (
        "ContentDeletionFailed",
        "Failed to delete all resource types, 2 remaining: a is down, b is down",
    )


def test_only_a_changed_status_moves_the_transition_time() -> None:
    """Teaches: lastTransitionTime is about the status, not about the words."""
    first = with_conditions(EMPTY, held().troubles(), NOW)
    fewer = held()
    fewer.resources = {"configmaps.": 1}
    second = with_conditions(first, fewer.troubles(), LATER)
    third = with_conditions(second, {}, LATER)
    dates = [[c["lastTransitionTime"] for c in obj["status"]["conditions"][2:4]] for obj in (first, second, third)]
    assert dates == [[NOW, NOW], [NOW, NOW], [NOW, LATER]]


def test_the_same_trouble_again_changes_nothing() -> None:
    """Teaches: no write without news."""
    first = with_conditions(EMPTY, held().troubles(), NOW)
    assert with_conditions(first, held().troubles(), LATER) is first
