"""Selectors: which objects are meant, by their labels.

Three spellings lead here: the text of a query (`app=web,tier in (a,b),!legacy`), a metav1.LabelSelector
(`matchLabels`, `matchExpressions`) and the plain map of a Service or ReplicationController. Node affinity adds
Gt and Lt. A selector without requirements selects everything; NOTHING, which is what no selector at all means,
selects nothing. Field selectors are in `kubesim.api.field_selectors`.
Upstream: k8s.io/apimachinery/pkg/labels/selector.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kubesim.api.field_selectors import FieldSelector, parse_field_selector
from kubesim.api.requirement import (
    DOES_NOT_EXIST,
    EQUALS,
    EXISTS,
    GREATER,
    IN,
    LESS,
    NOT_IN,
    Requirement,
)
from kubesim.api.selector_text import parse_requirements
from kubesim.api.views.core_affinity import NodeSelectorRequirement
from kubesim.api.views.meta import LabelSelector, LabelSelectorRequirement

__all__ = [
    "EVERYTHING",
    "FieldSelector",
    "NOTHING",
    "Requirement",
    "Selector",
    "equality_selector",
    "expression_selector",
    "label_selector",
    "parse_field_selector",
    "parse_label_selector",
]

_OPERATORS = frozenset((IN, NOT_IN, EXISTS, DOES_NOT_EXIST, GREATER, LESS))

Expression = LabelSelectorRequirement | NodeSelectorRequirement | Mapping[str, Any]


class Selector:
    """Requirements that must all be met. Immutable, compared and hashed by its canonical text."""

    __slots__ = ("_equal", "_others", "_text", "nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), *, nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements))
        self.nothing = nothing
        # Nearly all selectors are equalities only: those are compared without a call.
        self._equal = tuple((r.key, r.values[0]) for r in self.requirements if r.operator == EQUALS)
        self._others = tuple(r for r in self.requirements if r.operator != EQUALS)
        self._text = ",".join(map(str, self.requirements))

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements and not self.nothing

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Whether an object with these labels is selected."""
        if self.nothing:
            return False
        labels = labels or {}
        for key, wanted in self._equal:
            if labels.get(key) != wanted:
                return False
        return all(requirement.matches(labels) for requirement in self._others)

    def exact_value(self, key: str) -> str | None:
        """The only value that the label `key` can have in an object that matches, if there is one."""
        for requirement in self.requirements:
            if requirement.key == key and requirement.operator in (EQUALS, IN) and len(requirement.values) == 1:
                return requirement.values[0]
        return None

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<Selector of nothing>" if self.nothing else f"<Selector {self._text!r}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selector):
            return NotImplemented
        return self.requirements == other.requirements and self.nothing == other.nothing

    def __hash__(self) -> int:
        return hash((self._text, self.nothing))


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


def label_selector(selector: LabelSelector | Mapping[str, Any] | None) -> Selector:
    """From a metav1.LabelSelector, as a view or as a dict; None selects nothing, an empty one everything.

    ValueError if an operator or its number of values is wrong.
    """
    if selector is None:
        return NOTHING
    labels: Mapping[str, str]
    expressions: Iterable[Expression]
    if isinstance(selector, LabelSelector):
        labels, expressions = selector.match_labels, selector.match_expressions
    else:
        labels, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or ()
    return Selector([*_equalities(labels), *map(_requirement, expressions)])


def equality_selector(labels: Mapping[str, str] | None) -> Selector:
    """From a plain map, as Services and ReplicationControllers have; an empty one selects everything."""
    return Selector(_equalities(labels or {}))


def expression_selector(expressions: Iterable[Expression]) -> Selector:
    """From `matchExpressions` alone, those of node affinity (with Gt and Lt) included."""
    return Selector(map(_requirement, expressions))


def _equalities(labels: Mapping[str, str]) -> list[Requirement]:
    return [Requirement(key, EQUALS, (wanted,)) for key, wanted in labels.items()]


def _requirement(expression: Expression) -> Requirement:
    """A requirement from an entry of matchExpressions."""
    if isinstance(expression, Mapping):
        key, operator = expression.get("key", ""), expression.get("operator", "")
        values = tuple(expression.get("values") or ())
    else:
        key, operator, values = expression.key, expression.operator, expression.values
    if operator not in _OPERATORS:
        raise ValueError(f'"{operator}" is not a valid label selector operator')
    if operator in (IN, NOT_IN) and not values:
        raise ValueError("for 'in', 'notin' operators, values set can't be empty")
    if operator in (EXISTS, DOES_NOT_EXIST) and values:
        raise ValueError("values set must be empty for exists and does not exist")
    if operator in (GREATER, LESS) and len(values) != 1:
        raise ValueError("for 'Gt', 'Lt' operators, exactly one value is required")
    return Requirement(key, operator, values)


def parse_label_selector(text: str) -> Selector:
    """From the text of a query or of `kubectl -l`. ValueError if it does not parse."""
    return Selector(parse_requirements(text))
