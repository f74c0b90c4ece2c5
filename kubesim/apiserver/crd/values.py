"""Whether a value is what its OpenAPI schema says: types, ranges, lengths, patterns, enums, and schemas combined.

An error names the path twice, once as the field and once in words ("spec.size in body should be …"): the
validator is a general one that also checks HTTP bodies. What an update leaves as it was is not held against it,
even if the schema has become stricter since (ratcheting).

Upstream: k8s.io/kube-openapi/pkg/validation/validate, pkg/apiserver/validation in k8s.io/apiextensions-apiserver.
Left out: patternProperties, dependencies and references, which a structural schema cannot have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.crd.formats import FORMATS
from kubesim.apiserver.validation.field import invalid, not_supported, required, show

ABSENT: Any = object()  # There was no old value, or nobody can tell which it was.
TYPE_INVALID = "FieldValueTypeInvalid"
INT_OR_STRING = "x-kubernetes-int-or-string"
JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
# With these no CEL rule is looked at: the object is not of the shape that rules rely on.
BLOCKING = ("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", TYPE_INVALID)


def validate(value: Any, schema: Object, path: str = "", old: Any = ABSENT) -> list[FieldError]:
    """All that is wrong with a value. `old` is what it was before an update."""
    problems = _validate(value, schema, path, old)
    return [] if problems and old is not ABSENT and old == value and type(old) is type(value) else problems


def _validate(value: Any, schema: Object, path: str, old: Any) -> list[FieldError]:
    problems = type_problem(value, schema, path)
    if value is None:
        return problems + _enum(value, schema, path)
    problems += _combined(value, schema, path)
    kind = type(value)
    if kind is str:
        problems += _string(value, schema, path) + _format(value, schema, path)
    elif kind is int or kind is float:
        problems += _number(value, schema, path)
    elif kind is list:
        problems += _list(value, schema, path, old)
    problems += _enum(value, schema, path)
    if kind is dict:
        problems += _object(value, schema, path, old)
    return problems


def wrong(path: str, value: Any, words: str) -> FieldError:
    """`spec.size: Invalid value: 30: spec.size in body should be …`."""
    return invalid(path or "<nil>", value, f"{path} in body {words}")


def type_problem(value: Any, schema: Object, path: str) -> list[FieldError]:
    """At most one: the value is of another type."""
    wanted = schema.get("type") or ("integer,string" if schema.get(INT_OR_STRING) else "")
    if not wanted or (value is None and schema.get("nullable")):
        return []
    found = "null" if value is None else JSON_TYPES[type(value)]
    if found in wanted.split(",") or (wanted == "number" and found == "integer"):
        return []
    if wanted == "integer" and found == "number" and float(value).is_integer():
        return []
    problem = wrong(path, found, f'must be of type {wanted}: "{found}"')
    return [problem._replace(reason=TYPE_INVALID)]


def _string(value: str, schema: Object, path: str) -> list[FieldError]:
    problems = []
    length = len(value)
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    if longest is not None and length > longest:
        problems.append(too_long(path, longest))
    elif shortest is not None and length < shortest:
        problems.append(wrong(path, value, f"should be at least {shortest} chars long"))
    elif (pattern := schema.get("pattern")) and not matches(pattern, value):
        problems.append(wrong(path, value, f"should match '{pattern}'"))
    return problems


def too_long(path: str, limit: int) -> FieldError:
    """`spec.name: Too long: may not be more than 5 bytes`."""
    return FieldError("FieldValueTooLong", path, f"Too long: may not be more than {limit} bytes")


def too_many(path: str, count: int, limit: int) -> FieldError:
    """`spec.list: Too many: 3: must have at most 2 items`."""
    items = "item" if limit == 1 else "items"
    return FieldError("FieldValueTooMany", path, f"Too many: {count}: must have at most {limit} {items}")


@lru_cache(1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of Go's RE2, which Python's engine reads nearly alike."""
    text = re.sub(r"\\z", r"\\Z", pattern)
    text = re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", text)
    for name, letters in (("alpha", "a-zA-Z"), ("digit", "0-9"), ("alnum", "a-zA-Z0-9"), ("lower", "a-z"),
                          ("upper", "A-Z"), ("space", r"\s"), ("xdigit", "0-9A-Fa-f"), ("word", r"\w")):  # fmt: skip
        text = text.replace(f"[:{name}:]", letters)
    text = re.sub(r"(?<!\\)((?:\\\\)*)\$", r"\1\\Z", text) if not re.search(r"\[[^]]*\$", text) else text
    return re.compile(text, re.ASCII)


def matches(pattern: str, value: str) -> bool:
    """Whether the pattern is found in the value; one that nobody can read matches nothing."""
    try:
        return compiled(pattern).search(value) is not None
    except re.error:
        return False


def _format(value: str, schema: Object, path: str) -> list[FieldError]:
    check = FORMATS.get((schema.get("format") or "").replace("-", ""))
    if check is None or check(value):
        return []
    problem = wrong(path, value, f"must be of type {schema['format']}: {show(value)}")
    return [problem._replace(reason=TYPE_INVALID)]


def number_text(number: float) -> str:
    """A bound as Go's %v prints a float64."""
    if isinstance(number, int) or float(number).is_integer():
        return str(int(number)) if abs(number) < 1e21 else f"{number:e}".replace("e+0", "e+")
    return repr(float(number))


def _number(value: float, schema: Object, path: str) -> list[FieldError]:
    problems = []
    factor, most, least = schema.get("multipleOf"), schema.get("maximum"), schema.get("minimum")
    if factor is not None and (value / factor) % 1:
        problems.append(wrong(path, value, f"should be a multiple of {number_text(factor)}"))
    if most is not None:
        below = schema.get("exclusiveMaximum")
        if value > most or (below and value == most):
            than = "less than" if below else "less than or equal to"
            problems.append(wrong(path, value, f"should be {than} {number_text(most)}"))
    if least is not None:
        above = schema.get("exclusiveMinimum")
        if value < least or (above and value == least):
            than = "greater than" if above else "greater than or equal to"
            problems.append(wrong(path, value, f"should be {than} {number_text(least)}"))
    return problems


def _enum(value: Any, schema: Object, path: str) -> list[FieldError]:
    choices = schema.get("enum")
    if not choices or any(choice == value and type(choice) is type(value) for choice in choices):
        return []
    texts = [choice if isinstance(choice, str) else show(choice) for choice in choices]
    return [not_supported(path, value, texts)]


def _list(value: Sequence[Any], schema: Object, path: str, old: Any) -> list[FieldError]:
    problems = []
    items = schema.get("items") or {}
    if items:
        before = _old_items(schema, old)
        for index, item in enumerate(value):
            problems += validate(item, items, f"{path}[{index}]", before(item))
    fewest, most = schema.get("minItems"), schema.get("maxItems")
    if fewest is not None and len(value) < fewest:
        problems.append(wrong(path, len(value), f"should have at least {fewest} items"))
    if most is not None and len(value) > most:
        problems.append(too_many(path, len(value), most))
    return problems


def _old_items(schema: Object, old: Any) -> Any:
    """How an item finds the one that it was: by its keys in a list that is a map, else not at all."""
    keys = schema.get("x-kubernetes-list-map-keys")
    if not keys or type(old) is not list:
        return lambda _item: ABSENT
    known = {_key(item, keys): item for item in old}
    return lambda item: known.get(_key(item, keys), ABSENT)


def _key(item: Any, keys: Sequence[str]) -> str:
    return show([item.get(name) for name in keys]) if type(item) is dict else ""


def _object(value: Object, schema: Object, path: str, old: Any) -> list[FieldError]:
    count, prefix = len(value), f"{path}." if path else ""
    fewest, most = schema.get("minProperties"), schema.get("maxProperties")
    if fewest is not None and count < fewest:
        return [wrong(path, count, f"should have at least {fewest} properties")]
    if most is not None and count > most:
        return [too_many(path, count, most)]
    problems = []
    before = old if type(old) is dict else {}
    properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
    for name in sorted(value):
        field = properties.get(name, additional)
        if isinstance(field, dict) and name not in properties:
            problems += validate(value[name], field, prefix + name, before.get(name, ABSENT))
    for name, field in properties.items():
        if name in value:
            problems += validate(value[name], field, prefix + name, before.get(name, ABSENT))
    problems += [required(prefix + name) for name in schema.get("required") or () if name not in value]
    return problems


def _combined(value: Any, schema: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    if choices := schema.get("anyOf"):
        results = [_validate(value, choice, path, ABSENT) for choice in choices]
        if all(results):
            problems += [combination(f'"{path}" must validate at least one schema (anyOf)'), *best(results)]
    if choices := schema.get("oneOf"):
        results = [_validate(value, choice, path, ABSENT) for choice in choices]
        valid = sum(not result for result in results)
        if valid != 1:
            found = f"Found {valid} valid alternatives" if valid else "Found none valid"
            words = f'"{path}" must validate one and only one schema (oneOf). {found}'
            problems += [combination(words), *([] if valid else best(results))]
    if choices := schema.get("allOf"):
        results = [_validate(value, choice, path, ABSENT) for choice in choices]
        failed = sum(bool(result) for result in results)
        problems += [problem for result in results for problem in result]
        if failed:
            none = " None validated" if failed == len(results) else ""
            problems.append(combination(f'"{path}" must validate all the schemas (allOf).{none}'))
    if (other := schema.get("not")) is not None and not _validate(value, other, path, ABSENT):
        problems.append(combination(f'"{path}" must not validate the schema (not)'))
    return problems


def combination(words: str) -> FieldError:
    """Of combined schemas nobody says the field."""
    return invalid("<nil>", "", words)


def best(results: Sequence[list[FieldError]]) -> list[FieldError]:
    """What is wrong with the alternative that comes nearest."""
    return min(results, key=len)
