"""What a schema must satisfy that says how its lists merge: atomic, set or map. Pure.

Upstream: pkg/apis/apiextensions/validation in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.validation.field import forbidden, invalid, not_supported, required

LIST_TYPE, MAP_KEYS, MAP_TYPE = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"
LIST_TYPES = ("atomic", "set", "map")


def validate_list_type(schema: Object, path: str) -> list[FieldError]:
    """What is wrong with the list type of a schema."""
    found, keys, kind = schema.get(LIST_TYPE), schema.get(MAP_KEYS) or [], schema.get("type") or ""
    problems = []
    if found is not None and kind != "array":
        words = f"must be array if {LIST_TYPE} is specified"
        problems.append(invalid(f"{path}.type", kind, words) if kind else required(f"{path}.type", words))
    elif found == "set":
        problems += _atomic_items(schema.get("items") or {}, path)
    if found is not None and found not in LIST_TYPES:
        problems.append(not_supported(f"{path}.{LIST_TYPE}", found, LIST_TYPES))
    if keys and found != "map":
        words = f"must be map if {MAP_KEYS} is non-empty"
        field = f"{path}.{LIST_TYPE}"
        problems.append(required(field, words) if found is None else invalid(field, found, words))
    if found == "map":
        problems += _map_list(schema, keys, path)
    return problems + (_map_items(schema, keys, path) if found in ("set", "map") else [])


def _atomic_items(items: Object, path: str) -> list[FieldError]:
    words = f"must be atomic as item of a list with {LIST_TYPE}=set"
    kind, list_type = items.get("type"), items.get(LIST_TYPE)
    if kind == "array" and list_type not in (None, "atomic"):
        return [invalid(f"{path}.items.{LIST_TYPE}", list_type, words)]
    if kind == "object" and items.get(MAP_TYPE) != "atomic":
        return [invalid(f"{path}.items.{MAP_TYPE}", list_type, words)]
    return []


def _map_list(schema: Object, keys: list[str], path: str) -> list[FieldError]:
    problems = []
    if not keys:
        problems.append(required(f"{path}.{MAP_KEYS}", f"must not be empty if {LIST_TYPE} is map"))
    items = schema.get("items")
    if items is None:
        problems.append(required(f"{path}.items", f"must have a schema if {LIST_TYPE} is map"))
    if not isinstance(items, dict):
        return problems
    if items.get("type") != "object":
        words = f"must be object if parent array's {LIST_TYPE} is map"
        return [*problems, invalid(f"{path}.items.type", items.get("type", ""), words)]
    properties = items.get("properties") or {}
    for index, key in enumerate(keys):
        if key not in properties:
            problems.append(invalid(f"{path}.{MAP_KEYS}", keys, "entries must all be names of item properties"))
        elif properties[key].get("type") in ("array", "object"):
            words = f"must be a scalar type if parent array's {LIST_TYPE} is map"
            problems.append(invalid(f"{path}.items.properties[{key}].type", items["type"], words))
        if key in keys[:index]:
            problems.append(invalid(f"{path}.{MAP_KEYS}", keys, "must not contain duplicate entries"))
    return problems


def _map_items(schema: Object, keys: list[str], path: str) -> list[FieldError]:
    """Items cannot be null, and their keys cannot be missing."""
    items = schema.get("items")
    if not isinstance(items, dict):
        return []
    problems = []
    if items.get("nullable"):
        words = f"cannot be nullable when {LIST_TYPE} is {schema[LIST_TYPE]}"
        problems.append(forbidden(f"{path}.items.nullable", words))
    for key in keys if schema[LIST_TYPE] == "map" else ():
        field = (items.get("properties") or {}).get(key)
        if field is None:
            continue
        where, words = f"{path}.items.properties[{key}]", f"this property is in {MAP_KEYS}, so it"
        if key not in (items.get("required") or ()) and field.get("default") is None:
            problems.append(required(f"{where}.default", f"{words} must have a default or be a required property"))
        if field.get("nullable"):
            problems.append(forbidden(f"{where}.nullable", f"{words} cannot be nullable"))
    return problems
