"""What the schema of a custom resource must satisfy before anything is validated with it. Pure.

It must be *structural*: every field has a type, and what logic (anyOf, not, …) says is about fields that exist
outside of it. Only then can unknown fields be dropped and defaults be set.
Upstream: pkg/apis/apiextensions/validation and pkg/apiserver/schema in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from typing import NamedTuple

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.crd.default_rules import validate_defaults
from kubesim.apiserver.crd.list_rules import validate_list_type
from kubesim.apiserver.crd.rule_rules import has_rules, validate_rules
from kubesim.apiserver.crd.structural_rules import validate_structural
from kubesim.apiserver.validation.field import forbidden, invalid, not_supported, required

TYPES = ("array", "boolean", "integer", "number", "object", "string")
NOT_SUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
META_FIELDS = ("metadata", "kind", "apiVersion")
PRESERVE, EMBEDDED, MAP_TYPE = (
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-map-type",
)  # fmt: skip
# Go's names for what may stand at the root, in the words of the message.
ROOT_FIELDS = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum", "MaxLength",
    "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items", "Properties",
    "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
)  # fmt: skip
ROOT_NAMES = {PRESERVE, "x-kubernetes-validations"} | {f"{name[0].lower()}{name[1:]}" for name in ROOT_FIELDS}


class Place(NamedTuple):
    """Where in a schema the walk is."""

    path: str
    is_root: bool = False
    no_defaults: str = ""  # Why no default may be set here.
    in_metadata: bool = False

    def below(self, step: str) -> Place:
        """A part of this schema."""
        return self._replace(path=f"{self.path}.{step}", is_root=False)


def validate_schema(schema: Object, path: str, *, has_status: bool) -> list[FieldError]:
    """All that is wrong with a version's schema."""
    problems = []
    if has_status and (kind := schema.get("type")) and kind != "object":
        words = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        problems.append(invalid(f"{path}.type", kind, words))
    elif has_status and any(name not in ROOT_NAMES for name, value in schema.items() if value):
        words = f"only [{' '.join(ROOT_FIELDS)}] fields are allowed at the root of the schema"
        problems.append(invalid(path, schema, f"{words} if the status subresource is enabled"))
    if schema.get("nullable"):
        problems.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    structural = validate_structural(schema, path) or validate_defaults(schema, path)
    problems += structural + _walk(schema, Place(path, is_root=True))
    problems += validate_rules(schema, path)
    if problems or not has_rules(schema):
        return problems
    from kubesim.apiserver.crd.rules import rule_problems  # CEL is loaded by those who use it.

    return rule_problems(schema, path)


def _walk(schema: Object, place: Place) -> list[FieldError]:
    problems = _standard(schema, place)
    if schema.get("uniqueItems"):
        words = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        problems.append(forbidden(f"{place.path}.uniqueItems", words))
    additional = schema.get("additionalProperties")
    if additional is not None and additional is not True and schema.get("properties"):
        words = "additionalProperties and properties are mutual exclusive"
        problems.append(forbidden(f"{place.path}.additionalProperties", words))
    for part, where in _parts(schema, place):
        problems += _walk(part, where)
    if schema.get(PRESERVE) is False:
        problems.append(invalid(f"{place.path}.{PRESERVE}", False, "must be true or undefined"))
    return problems + _map_type(schema, place.path) + validate_list_type(schema, place.path)


def _parts(schema: Object, place: Place) -> list[tuple[Object, Place]]:
    """The schemas inside a schema."""
    parts: list[tuple[Object, Place]] = []
    if isinstance(additional := schema.get("additionalProperties"), dict):
        below = place.below("additionalProperties")
        if place.in_metadata:
            below = below._replace(no_defaults="inside additionalProperties applying to object metadata")
        parts.append((additional, below))
    for name, field in (schema.get("properties") or {}).items():
        below = place.below(f"properties[{name}]")
        if name in META_FIELDS and (place.is_root or schema.get(EMBEDDED)):
            below = below._replace(in_metadata=True)
            if place.is_root:
                below = below._replace(no_defaults=f"in top-level {name}")
        parts.append((field, below))
    if isinstance(schema.get("not"), dict):
        parts.append((schema["not"], place.below("not")))
    for name in ("allOf", "oneOf", "anyOf"):
        parts += [(part, place.below(f"{name}[{index}]")) for index, part in enumerate(schema.get(name) or ())]
    if isinstance(schema.get("items"), dict):
        parts.append((schema["items"], place.below("items")))
    return parts


def _standard(schema: Object, place: Place) -> list[FieldError]:
    problems, path, kind = [], place.path, schema.get("type") or ""
    if kind and kind not in TYPES:
        problems.append(not_supported(f"{path}.type", kind, TYPES))
    if schema.get("default") is not None and place.no_defaults:
        problems.append(forbidden(f"{path}.default", f"must not be set {place.no_defaults}"))
    problems += [forbidden(f"{path}.{name}", f"{name} is not supported") for name in NOT_SUPPORTED if schema.get(name)]
    if kind == "null":
        problems.append(forbidden(f"{path}.type", "type cannot be set to null, use nullable as an alternative"))
    if schema.get("items") is not None and not isinstance(schema["items"], dict):
        problems.append(forbidden(f"{path}.items", "items must be a schema object and not an array"))
    if place.in_metadata and schema.get(EMBEDDED):
        problems.append(forbidden(f"{path}.{EMBEDDED}", "must not be used inside of resource meta"))
    return problems


def _map_type(schema: Object, path: str) -> list[FieldError]:
    found, kind = schema.get(MAP_TYPE), schema.get("type") or ""
    if found is None:
        return []
    problems = []
    words = f"must be object if {MAP_TYPE} is specified"
    if not kind:
        problems.append(required(f"{path}.type", words))
    elif kind != "object":
        problems.append(invalid(f"{path}.type", kind, words))
    if found not in ("atomic", "granular"):
        problems.append(not_supported(f"{path}.{MAP_TYPE}", found, ("atomic", "granular")))
    return problems
