"""Structural schemas at work: leaving unknown fields out, and filling defaults in.

An object comes in as plain JSON. Fields that its schema does not specify are dropped (`prune`), defaults are
put where nothing is (`default`), nulls where null is not allowed vanish. Each step answers with the same object
where there was nothing to do, and copies only what it changes.

Upstream: pkg/apiserver/schema/{pruning,defaulting} in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object

PRESERVE, EMBEDDED = "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"
META_FIELDS = ("apiVersion", "kind", "metadata")
NO_SCHEMA: Object = {}


def properties_of(schema: Object) -> Object:
    """The specified fields of an object."""
    return schema.get("properties") or NO_SCHEMA


def additional_of(schema: Object) -> Object | None:
    """The schema of a map's values; None if the schema says nothing of other fields."""
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        return additional
    return {PRESERVE: True} if additional else None


def prune(value: Any, schema: Object, unknown: list[str], path: str = "", *, is_resource: bool = False) -> Any:
    """The value without fields that nobody specified; their paths go into `unknown`."""
    if type(value) is list:
        items = schema.get("items") or NO_SCHEMA
        made = [prune(item, items, unknown, f"{path}[{index}]") for index, item in enumerate(value)]
        return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
    if type(value) is not dict:
        return value
    return _prune_fields(value, schema, unknown, path, is_resource or bool(schema.get(EMBEDDED)))


def _prune_fields(value: Object, schema: Object, unknown: list[str], path: str, is_resource: bool) -> Object:
    properties, additional = properties_of(schema), additional_of(schema)
    preserves = schema.get(PRESERVE)
    result: Object = {}
    changed = False
    for name, part in value.items():
        at = f"{path}.{name}" if path else name
        if is_resource and name in META_FIELDS:
            made = part  # Metadata has a type of its own.
        elif name in properties:
            made = prune(part, properties[name], unknown, at)
        elif additional is not None:
            made = part if additional.get(PRESERVE) and len(additional) == 1 else prune(part, additional, unknown, at)
        elif preserves:
            made = part
        else:
            unknown.append(at)
            changed = True
            continue
        changed = changed or made is not part
        result[name] = made
    return result if changed else value


def default(value: Any, schema: Object) -> Any:
    """The value with the schema's defaults, and without nulls that may not be."""
    if type(value) is list:
        items = schema.get("items") or NO_SCHEMA
        made = [default(_instead_of_null(item, items), items) for item in value]
        return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
    if type(value) is not dict:
        return value
    properties, additional = properties_of(schema), additional_of(schema)
    result: Object = {}
    for name, part in value.items():
        field = properties.get(name, additional)
        if field is None:
            result[name] = part
        elif part is not None or is_nullable(field):
            result[name] = default(part, field)
        elif "default" in field:
            result[name] = default(field["default"], field)
    for name, field in properties.items():
        if name not in result and "default" in field:
            result[name] = default(field["default"], field)
    same = len(result) == len(value) and all(value.get(name) is part for name, part in result.items())
    return value if same else result


def _instead_of_null(item: Any, schema: Object) -> Any:
    return schema["default"] if item is None and not is_nullable(schema) and "default" in schema else item


def is_nullable(schema: Object) -> bool:
    """Whether null is a value like others: said so, or nothing at all is said of the type."""
    return bool(schema.get("nullable")) or not (schema.get("type") or schema.get("x-kubernetes-int-or-string"))
