"""Checks: does something hold now? Pure; reads objects, never the cluster.

A check selects objects (kind, name, namespace, labels), keeps those whose fields match, and counts them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from kubesim.api.resources import Resource
from kubesim.api.selectors import Selector, parse_label_selector
from kubesim.api.stored import Object, Stored
from kubesim.client.kubectl import KubectlError
from kubesim.client.kubectl.command import targets
from kubesim.scenario.paths import STEP
from kubesim.scenario.schema import Check, Count

MISSING = object()
TESTS_IN_WORDS = {"atLeast": "at least", "atMost": "at most", "matches": "like"}
KEYS_OF_LISTS = ("type", "name", "key", "ip", "containerPort", "port")
World = Mapping[str, Mapping[str, Stored]]  # kind -> "namespace/name" -> object


class CheckError(ValueError):
    """A check that can never be evaluated."""


class ParsedCheck(msgspec.Struct, frozen=True):
    """A check made ready to be asked often."""

    text: str
    resource: Resource
    name: str
    namespace: str
    selector: Selector | None
    where: tuple[tuple[str, Callable[[Any], bool], str], ...]
    least: int
    most: int | None

    def matching(self, world: World) -> list[Stored]:
        """The objects that match, sorted by key."""
        known = world.get(self.resource.kind, {})
        if self.name:
            key = f"{self.namespace}/{self.name}" if self.resource.namespaced else self.name
            candidates: Iterable[Stored] = filter(None, [known.get(key)])
        else:
            candidates = (known[key] for key in sorted(known))
        return [stored for stored in candidates if self._matches(stored)]

    def holds(self, world: World) -> bool:
        """Whether as many objects match as should."""
        number = len(self.matching(world))
        return number >= self.least and (self.most is None or number <= self.most)

    def seen(self, world: World) -> str:
        """What is there instead, for a report: at most three objects and their fields in question."""
        known = world.get(self.resource.kind, {})
        objects = [stored for key, stored in sorted(known.items()) if self._is_meant(stored)]
        if not objects:
            return f"there is no {self.resource.kind}" + (f" {self.name}" if self.name else " of that kind")
        parts = []
        for stored in objects[:3]:
            fields = ", ".join(f"{path}={show(value_at(stored.object, path))}" for path, _, _ in self.where)
            parts.append(f"{stored.name}" + (f" has {fields}" if fields else ""))
        more = f" and {len(objects) - 3} more" if len(objects) > 3 else ""
        return f"{len(self.matching(world))} of {len(objects)} match; " + "; ".join(parts) + more

    def _matches(self, stored: Stored) -> bool:
        return self._is_meant(stored) and all(test(value_at(stored.object, path)) for path, test, _ in self.where)

    def _is_meant(self, stored: Stored) -> bool:
        if self.name and stored.name != self.name:
            return False
        if self.resource.namespaced and self.namespace != "*" and stored.namespace != self.namespace:
            return False
        return self.selector is None or self.selector.matches(stored.object["metadata"].get("labels") or {})


def parse_check(check: Check) -> ParsedCheck:
    """Reads kind, selector, paths and tests; CheckError in one sentence."""
    try:
        found = targets((check.get,))
    except KubectlError as error:
        raise CheckError(f"get: {error}") from None
    if len(found) != 1:
        raise CheckError("get: a check is about one kind")
    resource, name = found[0]
    try:
        selector = parse_label_selector(check.selector) if check.selector else None
    except ValueError as error:
        raise CheckError(f"selector: {error}") from None
    where = tuple((path, parse_test(path, wanted), show(wanted)) for path, wanted in check.where.items())
    least, most = count_of(check.count)
    return ParsedCheck(describe(check), resource, name, check.namespace, selector, where, least, most)


def count_of(count: int | Count | None) -> tuple[int, int | None]:
    """The least and the most objects that may match."""
    if count is None:
        return 1, None
    return (count, count) if isinstance(count, int) else (count.min, count.max)


def parse_test(path: str, wanted: Any) -> Callable[[Any], bool]:
    """A value to be equal to, or one of atLeast, atMost, exists, matches, not."""
    if not isinstance(wanted, dict):
        return lambda value: bool(value == wanted)
    if len(wanted) != 1:
        raise CheckError(f"where.{path}: give one of atLeast, atMost, exists, matches, not")
    operator, operand = next(iter(wanted.items()))
    if operator == "exists":
        return lambda value: (value is not MISSING and value is not None) == bool(operand)
    if operator == "not":
        return lambda value: bool(value != operand)
    if operator == "matches":
        try:
            pattern = re.compile(str(operand))
        except re.error as error:
            raise CheckError(f"where.{path}.matches: not a regular expression: {error}") from None
        return lambda value: isinstance(value, str) and pattern.search(value) is not None
    if operator in ("atLeast", "atMost") and isinstance(operand, int | float):
        sign = 1 if operator == "atLeast" else -1
        return lambda value: sign * ((value if isinstance(value, int | float) else 0) - operand) >= 0
    raise CheckError(f"where.{path}: unknown test {operator!r}; there is atLeast, atMost, exists, matches, not")


def value_at(obj: Object, path: str) -> Any:
    """The value at a path such as `status.conditions[Ready].status`; MISSING when there is none."""
    value: Any = obj
    for plain, bracket in STEP.findall(path):
        value = (
            element(value, bracket) if bracket else value.get(plain, MISSING) if isinstance(value, dict) else MISSING
        )
        if value is MISSING:
            return MISSING
    return value


def element(value: Any, wanted: str) -> Any:
    """The element of a list by index, or by its type, name or key; or the entry of a map with dots in its key."""
    if isinstance(value, dict):
        return value.get(wanted, MISSING)
    if not isinstance(value, list):
        return MISSING
    if wanted.isdigit():
        return value[int(wanted)] if int(wanted) < len(value) else MISSING
    for entry in value:
        if isinstance(entry, dict) and any(str(entry.get(key)) == wanted for key in KEYS_OF_LISTS):
            return entry
    return MISSING


def show(value: Any) -> str:
    """A value, or a test of one, in words."""
    if value is MISSING or value is None:
        return "nothing"
    if isinstance(value, dict) and len(value) == 1:
        operator, operand = next(iter(value.items()))
        if operator == "exists":
            return "there" if operand else "not there"
        return f"{TESTS_IN_WORDS.get(operator, operator)} {operand}"
    return str(value)


def describe(check: Check) -> str:
    """The check in words."""
    parts = [check.get]
    if check.selector:
        parts.append(f"with {check.selector}")
    if check.where:
        parts.append("where " + ", ".join(f"{path} is {show(value)}" for path, value in check.where.items()))
    if check.count is not None:
        parts.append(f"({describe_count(*count_of(check.count))} of them)")
    return " ".join(parts)


def describe_count(least: int, most: int | None) -> str:
    """`3`, `2 to 4`, `at least 2`."""
    if most is None:
        return f"at least {least}"
    return str(least) if least == most else f"{least} to {most}"
