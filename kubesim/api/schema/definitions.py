"""The OpenAPI definitions of Kubernetes, read from the files of the `kubernetes-validate` package.

They are other people's text and stay in their package; importing that package would load jsonschema, so its
file is found and read as data. The package rewrote upstream's definitions a little: optional types became
["T", "null"], apiVersion and kind got enums, `$ref` another prefix, Quantity and IntOrString a oneOf.
`restored` undoes that. Upstream: api/openapi-spec/swagger.json.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from kubesim.api.schema.enums import enums

PACKAGE = "kubernetes_validate"
VERSION = "v1.36.0"

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"

# The definitions that the package lost the words of.
_OVERRIDES: dict[str, dict[str, Any]] = {
    QUANTITY: {"type": "string"},
    INT_OR_STRING: {"type": "string", "format": "int-or-string"},
}
_FIELDS_WITH_ENUM = ("apiVersion", "kind")

Definition = dict[str, Any]


class SchemaFileError(RuntimeError):
    """The definitions of the wanted Kubernetes version are not installed."""


def read_definitions(version: str = VERSION) -> dict[str, Definition]:
    """All definitions by their full name, as the package has them. Read-only: callers share one parsed file."""
    package = importlib.util.find_spec(PACKAGE)
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = Path(folder) / "kubernetes-json-schema" / f"{version}-local" / "_definitions.json"
        if path.is_file():
            return _read(path)
    raise SchemaFileError(f"no definitions of Kubernetes {version}: is the package kubernetes-validate installed?")


def restored(name: str, definition: Definition) -> Definition:
    """A definition as upstream publishes it, with references into `#/components/schemas/`."""
    override = _OVERRIDES.get(name)
    if override is not None:
        return override
    result = _restored(definition)
    for field in _FIELDS_WITH_ENUM:
        known = result.get("properties", {}).get(field)
        if known is not None:
            known.pop("enum", None)
    for field, words in enums().get(name, {}).items():
        if field in result["properties"]:
            result["properties"][field] = _with_enum(result["properties"][field], words)
    return result


def _with_enum(field: Definition, words: tuple[str, ...]) -> Definition:
    """A field that takes one of some words (or a list or map of them); its description lists them."""
    text = "\n".join(f' - `"{word}"`' for word in words)
    described = {**field, "description": f"{field.get('description', '')}\n\nPossible enum values:\n{text}"}
    for inner in ("items", "additionalProperties"):
        if inner in field:
            return {**described, inner: {**field[inner], "enum": list(words)}}
    return {**described, "enum": list(words)}


def type_of(schema: Definition) -> str:
    """The JSON type without the package's "null"; "" for any type."""
    found = schema.get("type")
    if isinstance(found, list):
        found = next(name for name in found if name != "null")
    return found or ""


def reference_of(schema: Definition) -> str:
    """The full name of the definition that a schema refers to; "" if it does not."""
    reference: str = schema.get("$ref", "")
    return reference.rpartition("/")[2]


@lru_cache(4)
def _read(path: Path) -> dict[str, Definition]:
    definitions: dict[str, Definition] = orjson.loads(path.read_bytes())["$defs"]
    return definitions


def _restored(schema: Definition) -> Definition:
    result: Definition = {}
    for key, part in schema.items():
        if key == "properties":
            result[key] = {name: _restored(field) for name, field in part.items()}
        elif key in ("items", "additionalProperties") and isinstance(part, dict):
            result[key] = _restored(part)
        elif key == "type":
            result[key] = type_of(schema)
        elif key != "$ref":
            result[key] = part
    if "$ref" in schema:
        reference = {"$ref": f"#/components/schemas/{reference_of(schema)}"}
        # A reference with siblings must be wrapped, or readers ignore the siblings.
        result = {**result, "allOf": [reference]} if result else reference
    return result
