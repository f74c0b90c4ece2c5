"""One way to call a function: the types that it takes, the type that it gives, and what it does.

Signatures are text, so that the libraries read as tables: `size(list(A)): int` is called as size(x),
`string::startsWith(string): bool` as x.startsWith(y).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kubesim.apiserver.cel.types import Type, parse_type
from kubesim.apiserver.cel.values import type_of

Implementation = Callable[..., Any]


class Overload(NamedTuple):
    """`params` begins with the target where it is called as a member."""

    function: str
    is_member: bool
    params: tuple[Type, ...]
    result: Type
    implementation: Implementation

    def accepts(self, arguments: list[Any]) -> bool:
        """Whether these values are what it takes; the elements of lists and maps are not looked at."""
        return len(arguments) == len(self.params) and all(map(_fits, self.params, arguments))


def parse_overload(signature: str, implementation: Implementation) -> Overload:
    """Reads a signature."""
    head, _, result = signature.rpartition("): ")
    target, is_member, rest = head.rpartition("::")
    name, _, params = rest.partition("(")
    types = parse_type(f"x({params})").params if params else ()
    if is_member:
        types = (parse_type(target), *types)
    return Overload(name, bool(is_member), types, parse_type(result), implementation)


def _fits(wanted: Type, value: Any) -> bool:
    name = wanted.name
    return len(name) == 1 or name == "dyn" or type_of(value).name == name
