"""Equal things that happen to several objects become one line."""

from __future__ import annotations

import pytest

from kubesim.scenario.causes import Because, in_words
from kubesim.scenario.merging import Happening, plural, subject, told
from kubesim.scenario.phrases import Phrase


def bound(name: str, node: str, because: Because = Because()) -> Happening:  # noqa: B008
    return Happening(Phrase("Pod", name, "is bound to", detail=node, merge="tally"), "scheduler", because)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "Pod a"),
        (["a", "b"], "Pods a and b"),
        (["a", "b", "c"], "Pods a, b and c"),
        (["web-7887448d46-x", "web-7887448d46-y"], "Pods web-7887448d46-x and …-y"),
        (["a", "b", "c", "d"], "4 Pods"),
        ([f"web-7887448d46-{letter}" for letter in "abcd"], "4 Pods web-7887448d46-…"),
    ],
)
def test_a_subject_is_named_or_counted(names: list[str], text: str) -> None:
    """Teaches: nobody reads eight hashes."""
    assert subject("Pod", names) == text


def test_predicates_have_a_plural() -> None:
    """Teaches: is, has, gets, loses."""
    assert plural("is bound to", 1) == "is bound to"
    assert plural("is bound to", 2) == "are bound to"
    assert plural("pulled the image x", 2) == "pulled the image x"


def test_details_are_counted() -> None:
    """Teaches: how many went where."""
    happenings = [bound("a", "node-1"), bound("b", "node-2"), bound("c", "node-1")]
    assert len({happening.shape for happening in happenings}) == 1
    assert told(happenings)[1] == "Pods a, b and c are bound to node-1 (2) and node-2 (1)"
    assert told(happenings[:2])[1] == "Pods a and b are bound to node-1 and node-2"
    assert told(happenings[:1])[1] == "Pod a is bound to node-1"


def test_the_last_of_several_counts_is_the_one_that_counts() -> None:
    """Teaches: six updates of an EndpointSlice are one growth."""
    slices = [
        Happening(Phrase("EndpointSlice", name, "now has", detail=f"{n} ready", merge="last"), "c", Because())
        for name, n in (("web", 1), ("web", 2), ("db", 1))
    ]
    assert told(slices[:2])[1] == "EndpointSlice web now has 2 ready"
    assert slices[2].shape != slices[0].shape, "of another object: another line"


def test_several_actors_of_one_sort_are_counted() -> None:
    """Teaches: each node has a kubelet of its own."""
    pods = [
        Happening(Phrase("Pod", name, "is Running"), f"kubelet/node-{name}", Because(words="a readiness probe"))
        for name in "12"
    ]
    assert told(pods) == ("2 kubelets", "Pods 1 and 2 are Running", "a readiness probe")
    assert told(pods[:1])[0] == "kubelet/node-1"


def test_a_cause_about_the_same_object_is_a_pronoun() -> None:
    """Teaches: because it is created."""
    created = [Because(phrase=Phrase("Pod", name, "is created", detail="x", merge="drop")) for name in "ab"]
    assert told([bound("a", "n", created[0])])[2] == "it is created"
    assert told([bound("a", "n", created[0]), bound("b", "n", created[1])])[2] == "they are created"
    assert told([bound("c", "n", created[0])])[2] == "Pod a is created"


def test_a_cause_of_long_ago_says_how_long_ago() -> None:
    """Teaches: 300 s after the taint."""
    because = Because(phrase=Phrase("Node", "node-2", "gets the taint k:NoExecute"), seconds=300.0)
    assert told([bound("a", "n", because)])[2] == "300.0 s after Node node-2 gets the taint k:NoExecute"


def test_timers_are_told_in_words() -> None:
    """Teaches: a cause that is no object has a name."""
    assert in_words("timer kubelet/readiness-probe default/web-1").words == "a readiness probe"
    assert in_words("timer some/other").words == "the timer some/other"
    assert in_words("fault crash node-2").words == "fault crash node-2"
