"""When is a schema structural? Pure.

Every object field and list item has a type, and anyOf, allOf, oneOf and not speak only of what is specified
outside of them. Upstream: pkg/apiserver/schema in k8s.io/apiextensions-apiserver (validation.go, complete.go).
"""

from __future__ import annotations

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.crd.values import compiled
from kubesim.apiserver.validation.field import forbidden, invalid, required

PRESERVE, EMBEDDED, INT_OR_STRING = (
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string",
)  # fmt: skip
ROOT, ITEM, FIELD = "root", "item", "field"
EMPTY_TYPE = {
    ROOT: "must not be empty at the root",
    ITEM: "must not be empty for specified array items",
    FIELD: "must not be empty for specified object fields",
}
INT_OR_STRING_CHOICE = [{"type": "integer"}, {"type": "string"}]
# Keyword → what must be said of it inside of logic.
MUST_BE = {
    "type": "empty", "additionalProperties": "undefined", "default": "undefined", "title": "empty",
    "description": "empty", "nullable": "false", "externalDocs": "undefined", PRESERVE: "false", EMBEDDED: "false",
    INT_OR_STRING: "false", "x-kubernetes-list-map-keys": "empty", "x-kubernetes-list-type": "undefined",
    "x-kubernetes-map-type": "undefined", "x-kubernetes-validations": "empty",
}  # fmt: skip


def validate_structural(schema: Object, path: str) -> list[FieldError]:
    """Why a schema is not structural, in alphabetical order."""
    return sorted(_invariants(schema, ROOT, path) + _completeness(schema, schema, path, path), key=str)


def _invariants(schema: Object, level: str, path: str) -> list[FieldError]:
    problems = []
    items, kind = schema.get("items"), schema.get("type") or ""
    if kind == "array" and items is None:
        problems.append(required(f"{path}.items", "must be specified"))
    if isinstance(items, dict):
        problems += _invariants(items, ITEM, f"{path}.items")
    for name, field in (schema.get("properties") or {}).items():
        problems += _invariants(field, FIELD, f"{path}.properties[{name}]")
    additional = schema.get("additionalProperties")
    if additional is not None and level == ROOT:
        problems.append(forbidden(f"{path}.additionalProperties", "must not be used at the root"))
    if isinstance(additional, dict):
        problems += _invariants(additional, FIELD, f"{path}.additionalProperties")
    if schema.get(INT_OR_STRING):
        problems += [invalid(f"{path}.{name}", True, f"must be false if {INT_OR_STRING} is true")
                     for name in (PRESERVE, EMBEDDED) if schema.get(name)]  # fmt: skip
    problems += _logic(schema, path, skips=True)
    return problems + _types(schema, level, kind, path) + _metadata(schema, level, path)


def _types(schema: Object, level: str, kind: str, path: str) -> list[FieldError]:
    problems = []
    words = f"must be object if {EMBEDDED} is true"
    if schema.get(EMBEDDED) and kind != "object":
        problems.append(invalid(f"{path}.type", kind, words) if kind else required(f"{path}.type", words))
    elif not kind and not schema.get(INT_OR_STRING) and not schema.get(PRESERVE):
        problems.append(required(f"{path}.type", EMPTY_TYPE[level]))
    if schema.get(EMBEDDED) and schema.get("additionalProperties") is not None:
        problems.append(forbidden(f"{path}.additionalProperties", f"must not be used if {EMBEDDED} is set"))
    if level == ROOT and kind and kind != "object":
        problems.append(invalid(f"{path}.type", kind, "must be object at the root"))
    return problems


def _metadata(schema: Object, level: str, path: str) -> list[FieldError]:
    """apiVersion, kind and metadata have types of their own; a schema may only restrict names."""
    properties = schema.get("properties") or {}
    problems = []
    if level == ROOT or schema.get(EMBEDDED):
        problems += [
            invalid(f"{path}.properties[{name}].type", properties[name].get("type", ""), f"must be {kind}")
            for name, kind in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object"))
            if name in properties and properties[name].get("type") != kind
        ]
    if level == ROOT and (metadata := properties.get("metadata")):
        rest = {name for name, value in metadata.items() if value and name not in ("type", "default", "properties")}
        if rest or set(metadata.get("properties") or {}) - {"name", "generateName"}:
            words = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            problems.append(forbidden(f"{path}.properties[metadata]", words))
    if schema.get(EMBEDDED) and not schema.get(PRESERVE) and not properties:
        words = f"must not be empty if {EMBEDDED} is true without {PRESERVE}"
        problems.append(required(f"{path}.properties", words))
    return problems


def _logic(schema: Object, path: str, *, skips: bool = False) -> list[FieldError]:
    """What is wrong with the logic in a schema; `skips`: the one way to write int-or-string is no logic."""
    problems = []
    pattern = schema.get("pattern")
    for name in ("anyOf", "allOf", "oneOf"):
        parts = schema.get(name) or []
        if skips and name == "anyOf" and parts == INT_OR_STRING_CHOICE:
            continue
        for index, part in enumerate(parts):
            first = skips and name == "allOf" and index == 0
            problems += _nested(part, f"{path}.{name}[{index}]", skips=first)
    if isinstance(schema.get("not"), dict):
        problems += _nested(schema["not"], f"{path}.not")
    if pattern and (complaint := _unreadable(pattern)):
        words = f"must be a valid regular expression, but isn't: {complaint}"
        problems.append(invalid(f"{path}.pattern", pattern, words))
    return problems


def _unreadable(pattern: str) -> str:
    """What Go says of a pattern that it cannot read; "" if it can."""
    try:
        compiled(pattern)
    except Exception as error:  # Whatever the engine stumbles over.
        text = str(error)
        kinds = {"missing )": "missing closing )", "unterminated character set": "missing closing ]",
                 "unbalanced": "unexpected )", "nothing to repeat": "missing argument to repetition operator",
                 "bad character range": "invalid character class range"}  # fmt: skip
        what = next((words for known, words in kinds.items() if text.startswith(known)), text)
        return f"error parsing regexp: {what}: `{pattern}`"
    return ""


def _nested(schema: Object, path: str, *, skips: bool = False) -> list[FieldError]:
    """What may not be inside of logic."""
    problems = _logic(
        {**schema, "anyOf": []} if skips and schema.get("anyOf") == INT_OR_STRING_CHOICE else schema, path
    )
    if isinstance(schema.get("items"), dict):
        problems += _nested(schema["items"], f"{path}.items")
    properties = schema.get("properties") or {}
    for name, field in properties.items():
        problems += _nested(field, f"{path}.properties[{name}]")
    problems += [forbidden(f"{path}.{name}", f"must be {state} to be structural")
                 for name, state in MUST_BE.items() if schema.get(name)]  # fmt: skip
    if "metadata" in properties:
        problems.append(forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context"))
    return problems


def _completeness(logic: Object, schema: Object, path: str, logic_path: str) -> list[FieldError]:
    """What the logic of a schema speaks of must be specified outside of it."""
    problems = []
    for name in ("anyOf", "allOf", "oneOf"):
        for index, part in enumerate(logic.get(name) or ()):
            problems += _covered(part, schema, path, f"{logic_path}.{name}[{index}]")
    if isinstance(logic.get("not"), dict):
        problems += _covered(logic["not"], schema, path, f"{logic_path}.not")
    if logic is schema:
        if isinstance(schema.get("items"), dict):
            problems += _completeness(schema["items"], schema["items"], f"{path}.items", f"{path}.items")
        for name, field in (schema.get("properties") or {}).items():
            where = f"{path}.properties[{name}]"
            problems += _completeness(field, field, where, where)
        if isinstance(additional := schema.get("additionalProperties"), dict):
            where = f"{path}.additionalProperties"
            problems += _completeness(additional, additional, where, where)
    return problems


def _covered(logic: Object, schema: Object, path: str, logic_path: str) -> list[FieldError]:
    problems = _completeness(logic, schema, path, logic_path) if logic is not schema else []
    if isinstance(items := logic.get("items"), dict):
        where = f"{logic_path}.items"
        if isinstance(schema.get("items"), dict):
            problems += _covered(items, schema["items"], f"{path}.items", where)
        else:
            problems.append(required(f"{path}.items", f"because it is defined in {where}"))
    for name, field in (logic.get("properties") or {}).items():
        where, known = f"{logic_path}.properties[{name}]", (schema.get("properties") or {}).get(name)
        if known is None:
            problems.append(required(f"{path}.properties[{name}]", f"because it is defined in {where}"))
        else:
            problems += _covered(field, known, f"{path}.properties[{name}]", where)
    return problems
