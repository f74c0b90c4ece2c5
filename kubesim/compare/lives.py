"""The life of each object: what happened to it, in order; and which object of B is which object of A.

Names that chance made say nothing, so an object is known by owner, template and role: `web-<rs1>-<p>` is a Pod of the
first ReplicaSet of web. Which of several twins is which is told by what happened to them: equal lives belong
together, and of the rest those that have most in common.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kubesim.compare.outcomes import order_is_free
from kubesim.recording import Entry, Moment, Outcome
from kubesim.recording.names import without_pod_numbers

Key = tuple[int, str, str, str]  # Of an entry.
Life = list[Moment]


def lives_of(outcome: Outcome) -> dict[str, Life]:
    """By object, as `Kind/name`: all that happened to it, and all that was told of it, in order of time."""
    found: dict[str, Life] = {}
    for moment in outcome.moments:
        found.setdefault(object_of(moment.entry, moment.name), []).append(moment)
    return found


def object_of(entry: Entry, name: str = "") -> str:
    """The object that an entry is about: an event is about another than itself."""
    name = name or entry.name
    return name if entry.kind == "Event" else f"{entry.kind}/{name}"


def matched(ours: dict[str, Life], theirs: dict[str, Life]) -> Iterator[tuple[str, str]]:
    """Pairs of objects that are the same one; either name is "" where the other has no counterpart."""
    left, right = grouped(ours), grouped(theirs)
    for group in dict.fromkeys([*left, *right]):
        yield from paired_twins(left.get(group, []), right.get(group, []), ours, theirs)


def grouped(lives: dict[str, Life]) -> dict[str, list[str]]:
    """The objects of each role."""
    found: dict[str, list[str]] = {}
    for name in lives:
        found.setdefault(without_pod_numbers(name), []).append(name)
    return found


def paired_twins(
    left: list[str], right: list[str], ours: dict[str, Life], theirs: dict[str, Life]
) -> Iterator[tuple[str, str]]:
    """Equal lives first, then those that have most in common."""
    free = {name: [moment.entry.key for moment in theirs[name]] for name in right}
    rest: list[str] = []
    for name in left:
        life = [moment.entry.key for moment in ours[name]]
        twin = next((each for each, other in free.items() if other == life), None)
        if twin is None:
            rest.append(name)
        else:
            del free[twin]
            yield name, twin
    for name in rest:
        life_now = Counter(moment.entry.key for moment in ours[name])
        nearest = max(free, key=lambda each: (life_now & Counter(free[each])).total(), default="")
        free.pop(nearest, None)
        yield name, nearest
    for name in free:
        yield "", name


def swaps(ours: Life, theirs: Life) -> Iterator[tuple[Moment, Moment]]:
    """What came in this order in the life of A's object, and the other way round in B's.

    Two changes of one object, or two events that one component told of it. What came at one instant has no order.
    """
    for lane in dict.fromkeys(lane_of(moment) for moment in ours):
        places = dict(firsts(theirs, lane))
        common = [(key, time) for key, time in firsts(ours, lane) if key in places]
        by_key = {moment.entry.key: moment for moment in reversed(ours)}
        for at, (second, time) in enumerate(common[1:], 1):
            # The nearest before it that is clearly before it here, and clearly after it there.
            for first, before in reversed(common[:at]):
                if before < time and places[first] > places[second]:
                    if not order_is_free(by_key[first].entry, by_key[second].entry):
                        yield by_key[first], by_key[second]
                    break


def firsts(life: Life, lane: str) -> Iterator[tuple[Key, float]]:
    """What happened once in its step, and when: of what is repeated each time has an order of its own."""
    counts = Counter(moment.entry.key for moment in life)
    for moment in life:
        if lane_of(moment) == lane and counts[moment.entry.key] == 1 and not moment.entry.racy:
            yield moment.entry.key, moment.time


def lane_of(moment: Moment) -> str:
    """Whose order is certain: the object's own changes, and the events of one component."""
    return f"event from {moment.entry.change.get('from', '')}" if moment.entry.kind == "Event" else "changes"
