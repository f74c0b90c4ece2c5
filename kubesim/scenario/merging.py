"""Merging: equal things that happen to several objects at about the same time become one line. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from kubesim.scenario.causes import Because
from kubesim.scenario.phrases import Phrase

Item = TypeVar("Item", bound=Hashable)

NAMES_SHOWN_MAX = 3
AFFIX_LENGTH_MIN = 8
PLURALS = {"is": "are", "has": "have", "gets": "get", "loses": "lose", "waits:": "wait:"}


class Happening(NamedTuple):
    """One phrase, who did it, and because of what."""

    phrase: Phrase
    actor: str
    because: Because

    @property
    def shape(self) -> tuple[object, ...]:
        """Happenings of one shape can be told in one line."""
        phrase = self.phrase
        detail = phrase.detail if phrase.merge == "same" else ""
        name = phrase.name if phrase.merge == "last" else ""
        return phrase.kind, name, phrase.predicate, detail, self.actor.partition("/")[0], self.because.shape


def told(happenings: Sequence[Happening]) -> tuple[str, str, str]:
    """Actor, text and cause of the one line for happenings of one shape."""
    first = happenings[0]
    names = distinct(happening.phrase.name for happening in happenings)
    predicate = plural(first.phrase.predicate, len(names))
    details = [happening.phrase.detail for happening in happenings]
    text = f"{subject(first.phrase.kind, names)} {predicate} {merged_details(details, first.phrase.merge)}".rstrip()
    return merged_actor([happening.actor for happening in happenings]), text, merged_cause(happenings)


def merged_details(details: list[str], merge: str) -> str:
    """One detail for all."""
    if len(set(details)) == 1:
        return details[0]
    if merge == "tally":
        counts = sorted(Counter(details).items())
        return listed([detail if len(counts) == len(details) else f"{detail} ({number})" for detail, number in counts])
    return details[-1] if merge == "last" else ""


def merged_actor(actors: list[str]) -> str:
    """`kubelet/node-1`, or `3 kubelets`."""
    names = distinct(actors)
    return names[0] if len(names) == 1 else f"{len(names)} {names[0].partition('/')[0]}s"


def merged_cause(happenings: Sequence[Happening]) -> str:
    """What caused them, with a pronoun for the subject of the line itself."""
    causes = distinct(happening.because for happening in happenings)
    phrase = causes[0].phrase
    if phrase is None:
        return causes[0].words
    phrases = [cause.phrase for cause in causes if cause.phrase is not None]
    names, details = distinct(found.name for found in phrases), {found.detail for found in phrases}
    is_its_own = phrase.kind == happenings[0].phrase.kind and names == distinct(h.phrase.name for h in happenings)
    who = ("it" if len(names) == 1 else "they") if is_its_own else subject(phrase.kind, names)
    predicate = plural(phrase.predicate, len(names))
    if len(details) == 1 and phrase.merge != "drop":
        predicate = f"{predicate} {details.pop()}".rstrip()
    elif phrase.merge == "tally":
        predicate = predicate.rpartition(" ")[0]  # "are bound", without the many nodes.
    elif phrase.merge == "last":
        predicate = f"{predicate} {phrases[-1].detail}"
    return f"{causes[0].after}{who} {predicate}"


def distinct(items: Iterable[Item]) -> list[Item]:
    """Without repeats, in order."""
    return list(dict.fromkeys(items))


def subject(kind: str, names: list[str]) -> str:
    """`Pod a`, `Pods web-7887448d46-a1b2c and …-d3e4f`, `8 Pods web-7887448d46-…`."""
    if len(names) == 1:
        return f"{kind} {names[0]}"
    prefix = names[0].rpartition("-")[0] + "-"
    is_common = len(prefix) >= AFFIX_LENGTH_MIN and all(name.startswith(prefix) for name in names)
    if len(names) <= NAMES_SHOWN_MAX:
        return f"{kind}s {listed([names[0], *(f'…-{n.removeprefix(prefix)}' if is_common else n for n in names[1:])])}"
    if is_common:
        return f"{len(names)} {kind}s {prefix}…"
    return f"{len(names)} {kind}s"


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def plural(predicate: str, number: int) -> str:
    """The predicate for one or for many."""
    if number == 1:
        return predicate
    first, _, rest = predicate.partition(" ")
    return f"{PLURALS.get(first, first)} {rest}".rstrip()
