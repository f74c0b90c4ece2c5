"""JSONPath, as far as printer columns use it: fields, items, slices, wildcards, filters.

Upstream: k8s.io/client-go/util/jsonpath. Left out: ranges, unions and recursive descent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

STEP = re.compile(
    r"""
    \.(?P<star>\*) | \.?\[(?P<stars>\*)\] | \.?\[(?P<index>-?\d+)\] |
    \.?\[(?P<slice>-?\d*:-?\d*(?::\d*)?)\] | \.?\['(?P<quoted>(?:\\.|[^'\\])*)'\] |
    \.?\["(?P<double>(?:\\.|[^"\\])*)"\] | \.?\[\?\((?P<filter>.*?)\)\] | \.(?P<name>(?:\\.|[^.\[\]\\])+)
    """,
    re.VERBOSE,
)
FILTER = re.compile(r"\s*@(?P<left>\S*?)\s*(?:(?P<op>==|!=|>=|<=|>|<)\s*(?P<right>.+?))?\s*")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
}

Step = Callable[[Any], list[Any]]


def find(obj: Any, path: str) -> list[Any]:
    """All values that a path leads to; none if something on the way is missing."""
    values = [obj]
    for step in steps_of(path):
        values = [found for value in values for found in step(value)]
    return values


@lru_cache(512)
def steps_of(path: str) -> tuple[Step, ...]:
    """A path in steps; one that cannot be read leads nowhere."""
    steps, at = [], 0
    path = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    while at < len(path) and path != ".":
        match = STEP.match(path, at)
        if match is None:
            return (lambda _value: [],)
        steps.append(_step(match))
        at = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    kind, text = next((kind, text) for kind, text in match.groupdict().items() if text is not None)
    if kind in ("star", "stars"):
        return _all
    if kind == "index":
        return lambda value: _at(value, int(text))
    if kind == "slice":
        bounds = slice(*(int(part) if part else None for part in text.split(":")))
        return lambda value: value[bounds] if isinstance(value, list) else []
    if kind == "filter":
        return _filter(text)
    name = re.sub(r"\\(.)", r"\1", text)
    return lambda value: [value[name]] if isinstance(value, dict) and name in value else []


def _all(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value[name] for name in sorted(value)]
    return list(value) if isinstance(value, list) else []


def _at(value: Any, index: int) -> list[Any]:
    return [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []


def _filter(text: str) -> Step:
    match = FILTER.fullmatch(text)
    if match is None:
        return lambda _value: []
    path, operator, right = match["left"], match["op"], match["right"]
    if operator is None:
        return lambda value: [item for item in _items(value) if find(item, path)]
    wanted, compare = _literal(right), COMPARE[operator]

    def holds(item: Any) -> bool:
        found = find(item, path)
        try:
            return bool(found) and compare(found[0], wanted)
        except TypeError:
            return False

    return lambda value: [item for item in _items(value) if holds(item)]


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _literal(text: str) -> Any:
    if text[0] in "\"'":
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text
