"""The functions that an expression may call: one module a library, one visible list of libraries.

Upstream: cel-go common/stdlib and ext, k8s.io/apiserver/pkg/cel/library.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from kubesim.apiserver.cel.functions.overload import Overload, parse_overload

__all__ = ["Overload", "overloads"]


@cache
def overloads() -> dict[str, tuple[Overload, ...]]:
    """All overloads of each function, by name; loaded and worked out when the first expression is compiled."""
    from kubesim.apiserver.cel.functions import (
        addresses,
        authorization,
        collections,
        conversions,
        formats,
        operators,
        optionals,
        quantities,
        strings,
        times,
        urls,
        versions,
    )

    libraries: tuple[Any, ...] = (
        operators, conversions, strings, times, collections, optionals, quantities, urls, addresses, formats, versions,
        authorization,
    )  # fmt: skip
    found: dict[str, list[Overload]] = {}
    for library in libraries:
        for signature, implementation in library.FUNCTIONS:
            overload = parse_overload(signature, implementation)
            found.setdefault(overload.function, []).append(overload)
    return {name: tuple(these) for name, these in found.items()}
