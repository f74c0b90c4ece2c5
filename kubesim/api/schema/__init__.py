"""Types of all fields of all built-in kinds, and what is done with them: decode, check, look up."""

from __future__ import annotations

from kubesim.api.schema.definitions import SchemaFileError, read_definitions
from kubesim.api.schema.node import Node
from kubesim.api.schema.quick import is_fine
from kubesim.api.schema.schema import IGNORE, STRICT, WARN, Decoded, Schema, cannot_be_handled
from kubesim.api.schema.walk import DecodeError

__all__ = [
    "DecodeError",
    "Decoded",
    "IGNORE",
    "Node",
    "STRICT",
    "Schema",
    "SchemaFileError",
    "WARN",
    "cannot_be_handled",
    "is_fine",
    "read_definitions",
]
