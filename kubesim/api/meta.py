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


def object_key(obj: Object) -> str:
    """`namespace/name`, or `name` for a cluster-scoped object: the key of work queues and caches."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def object_reference(obj: Object, field_path: str = "") -> Object:
    """An ObjectReference to the object, as events carry one."""
    metadata = obj["metadata"]
    reference = {
        "kind": obj.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata.get("name"),
        "uid": metadata.get("uid"),
        "apiVersion": obj.get("apiVersion"),
        "resourceVersion": metadata.get("resourceVersion"),
        "fieldPath": field_path,
    }
    return {name: value for name, value in reference.items() if value}


def is_deleting(obj: Object) -> bool:
    """Whether the object was deleted and waits for its grace period or its finalizers."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def with_finalizer(obj: Object, finalizer: str) -> Object:
    """The object with a finalizer added; the same one if it has it."""
    finalizers = obj["metadata"].get("finalizers") or []
    if finalizer in finalizers:
        return obj
    return with_fields(obj, {"finalizers": [*finalizers, finalizer]}, "metadata")


def without_finalizer(obj: Object, finalizer: str) -> Object:
    """The object without a finalizer; the same one if it has none of that name."""
    finalizers = obj["metadata"].get("finalizers") or []
    if finalizer not in finalizers:
        return obj
    return with_fields(obj, {"finalizers": [name for name in finalizers if name != finalizer] or None}, "metadata")
