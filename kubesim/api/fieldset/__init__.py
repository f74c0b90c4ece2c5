"""Sets of field paths, and what types make of objects: the ground of managedFields and server-side apply. Pure."""

from __future__ import annotations

from kubesim.api.fieldset.atoms import TypedError, TypeNode
from kubesim.api.fieldset.collecting import field_set, with_named_members
from kubesim.api.fieldset.comparing import Comparison, compare
from kubesim.api.fieldset.elements import path_text
from kubesim.api.fieldset.merging import merge, remove_items
from kubesim.api.fieldset.sets import (
    EMPTY,
    FieldSet,
    FieldSetError,
    decode,
    difference,
    field_set_of,
    has,
    intersection,
    merged,
    ordered,
    paths,
    recursive_difference,
    union,
)
from kubesim.api.fieldset.validating import validate

__all__ = [
    "Comparison",
    "EMPTY",
    "FieldSet",
    "FieldSetError",
    "TypeNode",
    "TypedError",
    "compare",
    "decode",
    "difference",
    "field_set",
    "field_set_of",
    "has",
    "intersection",
    "merge",
    "merged",
    "ordered",
    "path_text",
    "paths",
    "recursive_difference",
    "remove_items",
    "union",
    "validate",
    "with_named_members",
]
