"""`Object{…}` and `JSONPatch{…}`: the types of what mutating policies write down.

Object has any field, and so has Object.spec, and so on; that a literal's name agrees with the fields that lead to it
is checked when it is used.

Upstream: k8s.io/apiserver/pkg/cel/mutation.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from kubesim.apiserver.cel import DYN, STRING, EvaluationError, Type, list_of, object_type
from kubesim.apiserver.cel.functions.times import duration_text, timestamp_text
from kubesim.apiserver.cel.values import Literal, Optional


class AnyFields(Mapping[str, Type]):
    """Every field there can be: an object of the same kind, or anything else."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getitem__(self, field: str) -> Type:
        return DYN

    def get(self, field: str, default: Any = None) -> Any:
        """Whatever the field is called."""
        del default
        return self[field]

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


OBJECT = Type("Object", (), AnyFields("Object"))
PATCH = object_type("JSONPatch", {"op": STRING, "path": STRING, "from": STRING, "value": DYN})
LIST_OF_PATCHES = list_of(PATCH)
STRUCTS = {"Object": OBJECT, "JSONPatch": PATCH}


def as_json(value: Any) -> Any:
    """A value as JSON writes it."""
    if isinstance(value, Literal | Mapping):
        return {str(key): as_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    if isinstance(value, Optional):
        return as_json(value.value) if value.present else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    return value


def check_names(value: Any, path: str = "Object") -> None:
    """`Object.spec{…}` must stand at `spec`; EvaluationError if it does not."""
    if isinstance(value, Literal):
        if value.name != path:
            words = f'unexpected type name "{value.name}", expected "{path}"'
            raise EvaluationError(f"type mismatch: {words}, which matches field name path from root Object type")
        for field, one in value.items():
            check_names(one, f"{path}.{field}")
    elif isinstance(value, list | tuple):
        for one in value:
            check_names(one, path)
