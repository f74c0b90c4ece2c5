"""Collects what is wrong with a configuration, each with the path of its field, so that all is said at once.

Upstream: k8s.io/apimachinery/pkg/util/validation/field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ConfigurationError(Exception):
    """The configuration is refused; `problems` are its reasons, one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Problems:
    """What was found so far. Readers return a usable value even where something is wrong, to find the rest, too."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def invalid(self, path: str, value: Any, why: str) -> None:
        """The value cannot be."""
        shown = f'"{value}"' if isinstance(value, str) else str(value)
        self.found.append(f"{path}: Invalid value: {shown}: {why}")

    def required(self, path: str, why: str = "") -> None:
        """Something is missing."""
        self.found.append(f"{path}: Required value" + (f": {why}" if why else ""))

    def unsupported(self, path: str, value: str, supported: Sequence[str]) -> None:
        """The value is none of those that there are."""
        listed = ", ".join(f'"{each}"' for each in supported)
        self.found.append(f'{path}: Unsupported value: "{value}": supported values: {listed}')

    def forbidden(self, path: str, why: str) -> None:
        """The field may not be set here."""
        self.found.append(f"{path}: Forbidden: {why}")

    def unknown_fields(self, path: str, value: Mapping[str, Any], known: Sequence[str]) -> None:
        """Fields that there are not."""
        for key in value:
            if key not in known:
                self.found.append(f'strict decoding error: unknown field "{join(path, str(key))}"')

    def mapping(self, path: str, value: Any, known: Sequence[str] = ()) -> Mapping[str, Any]:
        """An object with these fields at most ((): any); absent is empty."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.invalid(path, value, "must be an object")
            return {}
        if known:
            self.unknown_fields(path, value, known)
        return value

    def items(self, path: str, value: Any) -> Sequence[Any]:
        """A list; absent is empty."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self.invalid(path, value, "must be a list")
            return ()
        return value

    def text(self, path: str, value: Any, default: str = "") -> str:
        """A string."""
        if value is None:
            return default
        if not isinstance(value, str):
            self.invalid(path, value, "must be a string")
            return default
        return value

    def flag(self, path: str, value: Any, default: bool) -> bool:
        """true or false."""
        if value is None:
            return default
        if not isinstance(value, bool):
            self.invalid(path, value, "must be a boolean")
            return default
        return value

    def integer(
        self, path: str, value: Any, default: int, *, least: int | None = None, most: int | None = None, why: str = ""
    ) -> int:
        """A whole number in a range."""
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            self.invalid(path, value, "must be an integer")
            return default
        if (least is not None and value < least) or (most is not None and value > most):
            self.invalid(path, value, why or f"not in valid range [{least}-{most}]")
            return default
        return value


def join(path: str, field: str) -> str:
    """The path of a field of what is at `path`."""
    return f"{path}.{field}" if path else field
