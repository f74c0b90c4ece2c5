"""What a type means to a walk through two revisions, worked out once per type instead of once per field and write.

`atoms` says what a node of the schema is; a `Walk` remembers the answers, and for every declared field the element
that names it, its own walk and its zero. It hangs on the node, so it lives as long as the schema.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.fieldset.atoms import TypeNode, child_of, is_associative_list, is_granular_map, item_of
from kubesim.api.fieldset.elements import field_element
from kubesim.api.schema.node import LEFT_OUT, OBJECT


class Walk:
    """How the values of one type are walked."""

    __slots__ = ("_item", "always", "is_list", "is_map", "key", "known", "node")

    def __init__(self, node: TypeNode) -> None:
        self.node = node
        self.is_map = is_granular_map(node)  # Its fields have owners of their own.
        self.is_list = is_associative_list(node)  # Its items have.
        # The one key of its items, "" if there are more or none.
        keys = node.list_map_keys if node is not None and node.list_type == "map" else ()
        self.key = keys[0] if len(keys) == 1 else ""
        self.always = tuple(node.always) if node is not None and node.kind == OBJECT else ()
        # Declared field → its element, its walk, and its zero; filled as fields are met, since types can be recursive.
        self.known: dict[str, tuple[str, Walk, Any]] = {}
        self._item: Walk | None = None

    @property
    def item(self) -> Walk:
        """How the items of a list are walked."""
        if self._item is None:
            assert self.node is not None, "a list without a type has no items with owners"
            self._item = walk_of(item_of(self.node))
        return self._item

    def step(self, name: str) -> tuple[str, Walk, Any]:
        """The way to a field, or to a value of a map."""
        child = child_of(self.node, name)
        found = field_element(name), walk_of(child), LEFT_OUT if child is None else child.zero
        if self.node is not None and name in self.node.fields:  # Of keys of maps there is no end.
            self.known[name] = found
        return found


UNTYPED = Walk(None)


def walk_of(node: TypeNode) -> Walk:
    """The walk of a type."""
    if node is None:
        return UNTYPED
    found: Walk | None = node.walk
    if found is None:
        found = node.walk = Walk(node)
    return found
