"""One condition of a selector on one label.

Upstream: Requirement in k8s.io/apimachinery/pkg/labels/selector.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

EQUALS, NOT_EQUALS = "=", "!="
IN, NOT_IN, EXISTS, DOES_NOT_EXIST, GREATER, LESS = "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"


class Requirement(NamedTuple):
    """One condition on one label. `operator` is one of the constants above."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet it. An absent label meets only NotIn, != and DoesNotExist."""
        found = labels.get(self.key)
        if self.operator in (EQUALS, IN):
            return found is not None and found in self.values
        if self.operator in (NOT_EQUALS, NOT_IN):
            return found is None or found not in self.values
        if self.operator == EXISTS:
            return found is not None
        if self.operator == DOES_NOT_EXIST:
            return found is None
        return self._compares(found)

    def _compares(self, found: str | None) -> bool:
        left, right = whole_number(found), whole_number(self.values[0] if len(self.values) == 1 else None)
        if left is None or right is None:
            return False
        return left > right if self.operator == GREATER else left < right

    def __str__(self) -> str:
        if self.operator == EXISTS:
            return self.key
        if self.operator == DOES_NOT_EXIST:
            return f"!{self.key}"
        if self.operator in (EQUALS, NOT_EQUALS):
            return f"{self.key}{self.operator}{self.values[0]}"
        if self.operator in (IN, NOT_IN):
            return f"{self.key} {self.operator.lower()} ({','.join(sorted(self.values))})"
        return f"{self.key}{'>' if self.operator == GREATER else '<'}{self.values[0]}"


def whole_number(text: str | None) -> int | None:
    """The number, if the text is one; labels are compared as whole numbers only."""
    if text is None or not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    return int(text)
