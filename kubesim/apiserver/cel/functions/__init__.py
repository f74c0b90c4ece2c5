"""The functions that an expression may call: one module a library, one visible list of libraries.

Upstream: cel-go common/stdlib and ext, k8s.io/apiserver/pkg/cel/library.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from kubesim.apiserver.cel.functions.overload import Overload, parse_overload

__all__ = ["Overload", "overloads"]

_LIBRARIES = (
    "operators", "conversions", "strings", "times", "collections", "optionals", "quantities", "urls", "addresses",
    "formats", "versions", "authorization",
)  # fmt: skip


@cache
def overloads() -> dict[str, tuple[Overload, ...]]:
    """All overloads of each function, by name; loaded and worked out when the first expression is compiled."""
    found: dict[str, list[Overload]] = {}
    for library in _LIBRARIES:
        for signature, implementation in import_module(f"{__name__}.{library}").FUNCTIONS:
            overload = parse_overload(signature, implementation)
            found.setdefault(overload.function, []).append(overload)
    return {name: tuple(these) for name, these in found.items()}
