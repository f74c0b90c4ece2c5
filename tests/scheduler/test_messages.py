"""FailedScheduling, word for word."""

from __future__ import annotations

from kubesim.scheduler.framework.interface import Diagnosis
from kubesim.scheduler.framework.status import unresolvable, unschedulable
from kubesim.scheduler.messages import fit_error, shorten


def test_reasons_are_counted_and_sorted_as_texts() -> None:
    """Teaches: "10 …" comes before "2 …" because texts are compared, not numbers."""
    diagnosis = Diagnosis()
    for number in range(10):
        diagnosis.add(f"cpu-{number}", unschedulable("Insufficient cpu"))
    for number in range(2):
        diagnosis.add(f"both-{number}", unschedulable("Insufficient memory", "Too many pods"))
    assert fit_error(12, diagnosis) == (
        "0/12 nodes are available: 10 Insufficient cpu, 2 Insufficient memory, 2 Too many pods."
    )


def test_nodes_without_a_verdict_of_their_own_are_counted_too() -> None:
    """Teaches: nodes ruled out by name were never asked."""
    diagnosis = Diagnosis(absent_nodes_status=unresolvable("node(s) didn't satisfy plugin(s) [NodeAffinity]"))
    diagnosis.add("n1", unschedulable("Insufficient cpu"))
    diagnosis.post_filter_message = "no new claims to deallocate"
    assert fit_error(3, diagnosis) == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. "
        "no new claims to deallocate"
    )


def test_a_verdict_before_any_node_stands_alone() -> None:
    """Teaches: PreFilter speaks once, not once per node."""
    status = unresolvable("pod affinity terms conflict")
    diagnosis = Diagnosis(absent_nodes_status=status, pre_filter_message=status.message)
    assert fit_error(3, diagnosis) == "0/3 nodes are available: pod affinity terms conflict."


def test_without_reasons_only_the_count_is_left() -> None:
    """Teaches: nothing is made up."""
    assert fit_error(0, Diagnosis()) == "0/0 nodes are available:"


def test_long_messages_are_cut_for_events() -> None:
    """Teaches: an event holds 1024 characters."""
    assert shorten("a" * 1024) == "a" * 1024
    assert shorten("a" * 1025) == "a" * 1020 + " ..."
