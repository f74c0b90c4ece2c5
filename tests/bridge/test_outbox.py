from __future__ import annotations

from kubesim.bridge.outbox import Outbox
from kubesim.bridge.topics import Message


def line(number: int) -> Message:
    return Message("trace/Pod", str(number).encode(), 1, False)


def state(topic: str, payload: bytes) -> Message:
    return Message(topic, payload, 1, True)


def payloads(messages: list[Message]) -> list[bytes]:
    return [message.payload for message in messages]


def test_of_a_state_only_the_latest_waits() -> None:
    """Teaches: who comes late wants to know what is, not all that was."""
    outbox = Outbox()
    for payload in (b"1", b"2", b"3"):
        outbox.put(state("nodes/a", payload))
    assert payloads(outbox.take(10)) == [b"3"]


def test_beyond_its_bound_the_oldest_lines_are_dropped_and_counted() -> None:
    """Teaches: a broker that is away costs lines, never memory, and how many is known."""
    outbox = Outbox(records_max=3)
    for number in range(5):
        outbox.put(line(number))
    assert payloads(outbox.take(10)) == [b"2", b"3", b"4"]
    assert outbox.dropped == 2


def test_what_was_not_acknowledged_goes_out_again_in_its_order() -> None:
    """Teaches: at least once means that order must survive a repeat."""
    outbox = Outbox()
    for number in range(4):
        outbox.put(line(number))
    taken = outbox.take(3)
    outbox.give_back(taken[1:])
    assert payloads(outbox.take(10)) == [b"1", b"2", b"3"]


def test_a_newer_state_is_not_overwritten_by_one_that_comes_back() -> None:
    """Teaches: a retry must not undo what happened meanwhile."""
    outbox = Outbox()
    outbox.put(state("nodes/a", b"old"))
    taken = outbox.take(1)
    outbox.put(state("nodes/a", b"new"))
    outbox.give_back(taken)
    assert payloads(outbox.take(10)) == [b"new"]


def test_a_broker_that_forgot_is_told_every_state_that_still_is() -> None:
    """Teaches: retained messages may die with a broker; the cluster knows them."""
    outbox = Outbox()
    outbox.put(state("pods/a", b"1"))
    outbox.put(state("pods/b", b"1"))
    outbox.put(state("pods/a", b""))
    outbox.take(10)
    outbox.say_again()
    assert [message.topic for message in outbox.take(10)] == ["pods/b"]
    assert (outbox.knows("pods/a"), outbox.knows("pods/b")) == (False, True)


def test_only_news_for_an_empty_outbox_wakes_the_connection() -> None:
    """Teaches: a thread is woken once, not once a message."""
    outbox, woken = Outbox(), []
    outbox.wake = lambda: woken.append(1)
    for number in range(5):
        outbox.put(line(number))
    assert woken == [1]
