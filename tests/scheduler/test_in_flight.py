"""Events that a Pod misses while it is being scheduled."""

from __future__ import annotations

from kubesim.scheduler.framework.cluster_event import ClusterEvent
from kubesim.scheduler.in_flight import InFlight

ADD, LABEL, TAINT = ClusterEvent.NODE_ADD, ClusterEvent.NODE_LABEL, ClusterEvent.NODE_TAINT


def test_a_pod_misses_what_happens_after_it_left() -> None:
    """Teaches: the event that helps may come while the decision against the Pod is being made."""
    in_flight = InFlight()
    in_flight.note(ADD, None, 1)  # Nobody is under way: nobody misses it.
    in_flight.leave("a")
    in_flight.note(LABEL, 1, 2)
    in_flight.leave("b")
    in_flight.note(TAINT, 2, 3)
    assert [missed.event for missed in in_flight.missed("a")] == [LABEL, TAINT]
    assert [missed.event for missed in in_flight.missed("b")] == [TAINT]
    assert list(in_flight.missed("stranger")) == []


def test_events_are_forgotten_once_everybody_who_missed_them_is_back() -> None:
    """Teaches: a log needs an end, or it grows for ever."""
    in_flight = InFlight()
    in_flight.leave("a")
    in_flight.note(ADD, None, 1)
    in_flight.leave("b")
    in_flight.note(LABEL, 1, 2)
    in_flight.arrive("a")
    assert [missed.event for missed in in_flight.missed("b")] == [LABEL]
    in_flight.leave("a")
    in_flight.note(TAINT, 2, 3)
    assert [missed.event for missed in in_flight.missed("b")] == [LABEL, TAINT]
    assert [missed.event for missed in in_flight.missed("a")] == [TAINT]
    in_flight.arrive("b")
    in_flight.arrive("a")
    assert len(in_flight) == 0
    assert "a" not in in_flight
    in_flight.leave("c")
    assert list(in_flight.missed("c")) == []
