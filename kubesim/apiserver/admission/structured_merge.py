"""Merging a piece of an object into it, as server-side apply merges: by the schema's list types.

Maps and objects merge field by field, lists of type `map` item by item by their keys, `set`s by value; new items come
last. What is atomic may not be touched: to set a part of it would drop the rest unseen.

Upstream: sigs.k8s.io/structured-merge-diff/typed (Merge), .../policy/mutating/patch/smd.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.schema import Node
from kubesim.api.schema.node import ANY, LIST, MAP, OBJECT
from kubesim.api.stored import Object

HEAD = ("apiVersion", "kind")


def apply_piece(obj: Object, piece: Object, node: Node | None) -> Object:
    """The object with the piece merged in; ValueError if that cannot be. Without a schema, as a custom resource."""
    if node is not None:
        problems = _unknown(piece, node, "")
        if problems:
            lines = "\n".join(problems)
            words = f"failed to create typed patch object: errors:\n{lines}" if len(problems) > 1 else problems[0]
            raise ValueError(f"error applying patch: failed to convert patch object to typed object: {words.strip()}")
        if atomics := _atomics(piece, node, ""):
            words = f"may not mutate atomic arrays, maps or structs: {', '.join(atomics)}"
            raise ValueError(f"error applying patch: invalid ApplyConfiguration: {words}")
    merged: Object = _merge(obj, piece, node)
    return merged


def _unknown(value: Any, node: Node | None, path: str) -> list[str]:
    """Fields that the schema does not have."""
    if node is None or node.kind == ANY:
        return []
    found: list[str] = []
    if isinstance(value, dict):
        for name, one in value.items():
            child = node.child(name)
            if child is None and node.kind == OBJECT and not (not path and name in HEAD):
                found.append(f"{path}.{name}: field not declared in schema")
            found += _unknown(one, child, f"{path}.{name}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            found += _unknown(one, node.item, f"{path}[{index}]")
    return found


def _atomics(value: Any, node: Node | None, path: str) -> list[str]:
    if node is None:
        return []
    found: list[str] = []
    if isinstance(value, dict) and node.kind in (OBJECT, MAP):
        if node.map_type == "atomic":
            found.append(path)
        for name, one in value.items():
            found += _atomics(one, node.child(name), f"{path}.{name}")
    elif isinstance(value, list) and node.kind == LIST:
        if node.list_type not in ("map", "set"):
            found.append(path)
        for index, one in enumerate(value):
            found += _atomics(one, node.item, f"{path}[{index}]")
    return found


def _merge(old: Any, new: Any, node: Node | None) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        merged = dict(old)
        for name, value in new.items():
            child = node.child(name) if node is not None else None
            merged[name] = _merge(old[name], value, child) if name in old else value
        return merged
    if isinstance(old, list) and isinstance(new, list) and node is not None:
        if node.list_type == "set":
            return [*old, *(one for one in new if one not in old)]
        if node.list_type == "map":
            return _merge_items(old, new, node)
    return new


def _merge_items(old: list[Any], new: list[Any], node: Node) -> list[Any]:
    merged = list(old)
    places = {_key(item, node): at for at, item in enumerate(old)}
    for item in new:
        at = places.get(_key(item, node))
        if at is None:
            merged.append(item)
        else:
            merged[at] = _merge(merged[at], item, node.item)
    return merged


def _key(item: Any, node: Node) -> tuple[Any, ...]:
    """What tells items of a list apart; a port without a protocol is a TCP port."""
    defaults = {"protocol": "TCP"}
    return tuple(item.get(key, defaults.get(key)) for key in node.list_map_keys) if isinstance(item, dict) else (item,)
