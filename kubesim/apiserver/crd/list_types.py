"""Lists that are sets or maps hold nothing twice; objects inside objects have metadata like any other.

Upstream: pkg/apiserver/schema/{listtype,objectmeta} in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.crd.structural import EMBEDDED, additional_of, properties_of
from kubesim.apiserver.validation.field import duplicate, required, show
from kubesim.apiserver.validation.metadata import validate_labels

LIST_TYPE, MAP_KEYS = "x-kubernetes-list-type", "x-kubernetes-list-map-keys"


def validate_lists(value: Any, schema: Object, path: str = "") -> list[FieldError]:
    """What is twice in a set, and which keys are twice in a list that is a map."""
    problems: list[FieldError] = []
    if type(value) is dict:
        properties, additional = properties_of(schema), additional_of(schema)
        for name, part in value.items():
            field = properties.get(name, additional)
            if field and type(part) in (dict, list):
                problems += validate_lists(part, field, f"{path}.{name}" if path else name)
    elif type(value) is list:
        kind, items = schema.get(LIST_TYPE), schema.get("items") or {}
        if kind == "set":
            problems += _twice(value, path)
        elif kind == "map":
            keys = schema.get(MAP_KEYS) or ()
            entries = [{name: item[name] for name in keys if name in item} if type(item) is dict else item
                       for item in value]  # fmt: skip
            problems += _twice(entries, path)
        for index, item in enumerate(value):
            problems += validate_lists(item, items, f"{path}[{index}]")
    return problems


def _twice(values: list[Any], path: str) -> list[FieldError]:
    seen: set[str] = set()
    reported: set[str] = set()
    problems = []
    for index, value in enumerate(values):
        text = show(value)
        if text in seen and text not in reported:
            reported.add(text)
            problems.append(duplicate(f"{path}[{index}]", value))
        seen.add(text)
    return problems


def validate_embedded(value: Any, schema: Object, path: str = "") -> list[FieldError]:
    """What is wrong with apiVersion, kind and metadata of objects inside the object."""
    problems: list[FieldError] = []
    if type(value) is dict:
        if schema.get(EMBEDDED):
            problems += _embedded(value, path)
        properties, additional = properties_of(schema), additional_of(schema)
        for name, part in value.items():
            field = properties.get(name, additional)
            if field and type(part) in (dict, list):
                problems += validate_embedded(part, field, f"{path}.{name}" if path else name)
    elif type(value) is list:
        for index, item in enumerate(value):
            problems += validate_embedded(item, schema.get("items") or {}, f"{path}[{index}]")
    return problems


def _embedded(value: Object, path: str) -> list[FieldError]:
    problems = [
        required(f"{path}.{name}", "must not be empty") for name in ("apiVersion", "kind") if not value.get(name)
    ]
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("labels"), dict):
        problems += validate_labels(metadata["labels"], f"{path}.metadata.labels")
    return problems
