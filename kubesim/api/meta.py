"""Reading and copying plain objects. Nobody mutates one that came out of the store: these make copies.

A copy shares everything that did not change (copy on write); nothing here is deep.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def with_fields(obj: Object, changes: dict[str, Any], *path: str) -> Object:
    """A copy of `obj` in which the mapping at `path` also has `changes`; a value of None removes the field."""
    copy = dict(obj)
    if path:
        copy[path[0]] = with_fields(copy.get(path[0]) or {}, changes, *path[1:])
        return copy
    for name, value in changes.items():
        if value is None:
            copy.pop(name, None)
        else:
            copy[name] = value
    return copy


def field(obj: Object, path: str) -> Any:
    """The value at a dotted path such as `spec.nodeName`; None when something on the way is missing."""
    value: Any = obj
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def controller_of(obj: Object) -> Object | None:
    """The owner reference with `controller: true`, if there is one."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            owner: Object = reference
            return owner
    return None


def owner_reference(owner: Object) -> Object:
    """The controlling reference that a controller puts into what it makes for `owner`."""
    metadata = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
