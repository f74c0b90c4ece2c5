"""Copy-on-write tools for defaulting: each returns what it was given when nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.stored import Object

Default = Callable[[Object], Object]

_EMPTY = (None, "")


def filled(obj: Object, defaults: Object) -> Object:
    """The object with the defaults for names that it lacks (or has as null or an empty string)."""
    for name in defaults:
        if obj.get(name) in _EMPTY:
            missing = {name: value for name, value in defaults.items() if obj.get(name) in _EMPTY}
            return {**obj, **missing}
    return obj


def completed(obj: Object, defaults: Object) -> Object:
    """The object with the defaults for names that it does not have at all; a null stays."""
    return obj if defaults.keys() <= obj.keys() else {**defaults, **obj}


def at(obj: Object, name: str, function: Callable[[Any], Any]) -> Object:
    """The object with the function applied to one field, if it is there."""
    part = obj.get(name)
    if part is None:
        return obj
    made = function(part)
    return obj if made is part else {**obj, name: made}


def made_at(obj: Object, name: str, function: Default) -> Object:
    """Like `at`, but an absent field counts as an empty object."""
    part = obj.get(name)
    made = function({} if part is None else part)
    return obj if made is part else {**obj, name: made}


def each(items: list[Any], function: Callable[[Any], Any]) -> list[Any]:
    """The list with the function applied to every item."""
    made = [function(item) for item in items]
    for before, after in zip(items, made, strict=True):
        if before is not after:
            return made
    return items


def each_at(obj: Object, name: str, function: Callable[[Any], Any]) -> Object:
    """The object with the function applied to every item of a list, if it is there."""
    items = obj.get(name)
    if not items:
        return obj
    made = each(items, function)
    return obj if made is items else {**obj, name: made}
