"""The compiled form of one field: what may be in it, what Go calls it, how patches merge it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

STRING, BOOL, INT32, INT64, FLOAT = "string", "bool", "int32", "int64", "float64"
BYTES, TIME, MICRO_TIME, QUANTITY, INT_OR_STRING = "bytes", "time", "microTime", "quantity", "intOrString"
OBJECT, MAP, LIST, ANY = "object", "map", "list", "any"
SCHEMA_OR_OTHER = "schemaOrOther"  # A JSONSchemaProps, or in its place a boolean or a list.

# In place of a value: the field is not there at all.
LEFT_OUT: Any = type("LeftOut", (), {"__repr__": lambda _self: "LEFT_OUT", "__bool__": lambda _self: False})()

# Says quickly whether a value is fine as it is: a plain type to compare with, or a function.
Quick = type | Callable[[Any], bool]


class Node:
    """One field (or item of a list, value of a map, whole kind). Fixed once its kind is compiled.

    `fields` belongs to an OBJECT and is shared by all fields of the same type; `item` to a LIST or MAP.
    """

    __slots__ = (
        "_always",
        "default",
        "drops_zero",
        "fields",
        "go_type",
        "item",
        "keeps_null",
        "kind",
        "list_map_keys",
        "list_type",
        "map_type",
        "merge_key",
        "patch_strategies",
        "preserves_unknown",
        "quick",
        "struct",
        "typed_parts",
        "walk",
        "zero",
    )

    def __init__(self, kind: str, go_type: str) -> None:
        self.kind = kind
        self.go_type = go_type  # As Go's decoder names it: int32, []v1.Container.
        self.struct = ""  # Of an OBJECT: the Go struct's name without package.
        self.fields: dict[str, Node] = {}
        self.item: Node | None = None
        self.quick: Quick = _anything
        self.drops_zero = False  # "omitempty" on no pointer: an empty value is not written.
        self.keeps_null = False  # A time that is written as null while it is zero.
        self.list_type = ""  # atomic, set or map: how server-side apply merges.
        self.list_map_keys: tuple[str, ...] = ()
        self.map_type = ""
        self.merge_key = ""  # How a strategic merge patch pairs items.
        self.patch_strategies: tuple[str, ...] = ()  # merge, replace, retainKeys
        self.preserves_unknown = False  # Of an OBJECT: fields that nobody has declared are kept.
        self.default: Any = LEFT_OUT  # What the field counts as where it is the key of a list and absent.
        self.zero: Any = LEFT_OUT  # What Go writes when nothing is set, for a field that it never leaves out.
        self.typed_parts: dict[str, Any] | None = None  # Kept by `kubesim.api.fieldset.comparing`, once it is made.
        self.walk: Any = None  # What kubesim.api.fieldset makes of it, once it has been asked.
        self._always: dict[str, Any] | None = None

    def child(self, name: str) -> Node | None:
        """The node of a field of an object, or of a value of a map."""
        return self.item if self.kind == MAP else self.fields.get(name)

    @property
    def always(self) -> dict[str, Any]:
        """Of an OBJECT: the fields that Go never leaves out, and what they are when nothing is set."""
        if self._always is None:
            self._always = {name: node.zero for name, node in self.fields.items() if node.zero is not LEFT_OUT}
        return self._always

    @property
    def merges_list(self) -> bool:
        """Whether a strategic merge patch merges this list rather than replaces it."""
        return "merge" in self.patch_strategies

    def __repr__(self) -> str:
        return f"<Node {self.kind} {self.go_type}>"


def _anything(_value: Any) -> bool:
    return True
