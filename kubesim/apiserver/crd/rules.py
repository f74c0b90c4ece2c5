"""The seam to x-kubernetes-validations: what a strategy asks of a schema's rules."""

from __future__ import annotations

from typing import Protocol

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object


class Rules(Protocol):
    """The compiled rules of one schema."""

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Which rules an object breaks; `old` is what it was before an update."""
        ...
