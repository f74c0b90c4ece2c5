"""The OpenAPI definitions of custom kinds, from which `kubectl explain` is printed.

Upstream: pkg/controller/openapi/builder in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubesim.api.resources import Resource
from kubesim.api.schema.definitions import Definition
from kubesim.api.stored import Object
from kubesim.apiserver.crd.version import CustomVersion

META = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1."
CONVENTIONS = "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
API_VERSION = (
    "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized "
    f"schemas to the latest internal value, and may reject unrecognized values. {CONVENTIONS}#resources"
)
KIND = (
    "Kind is a string value representing the REST resource this object represents. Servers may infer this from the "
    f"endpoint the client submits requests to. Cannot be updated. In CamelCase. {CONVENTIONS}#types-kinds"
)
METADATA = f"Standard object's metadata. {CONVENTIONS}#metadata"
LIST_METADATA = f"Standard list metadata. {CONVENTIONS}#types-kinds"
GVK = "x-kubernetes-group-version-kind"
EMBEDDED = "x-kubernetes-embedded-resource"


def definition_name(resource: Resource, kind: str) -> str:
    """`com.example.stable.v1.CronTab`: the group backwards."""
    group = ".".join(reversed(resource.group.split(".")))
    return f"{group}.{resource.version}.{kind}"


def definitions_of(version: CustomVersion) -> Iterator[tuple[str, Definition]]:
    """The kind and its list, by full name."""
    resource = version.resource
    name = definition_name(resource, resource.kind)
    yield name, _kind(version)
    yield definition_name(resource, resource.list_kind), _list(resource, name)


def _kind(version: CustomVersion) -> Definition:
    schema = _embedded(version.schema)
    properties = {**_type_meta(), "metadata": {**_reference("ObjectMeta"), "description": METADATA}}
    own = {key: field for key, field in (schema.get("properties") or {}).items() if key not in properties}
    resource = version.resource
    return {
        **schema,
        "type": "object",
        "properties": {**properties, **own},
        GVK: [{"group": resource.group, "kind": resource.kind, "version": resource.version}],
    }


def _list(resource: Resource, name: str) -> Definition:
    article = "List of " + resource.plural
    items = f"{article}. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
    return {
        "description": f"{resource.list_kind} is a list of {resource.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            **_type_meta(),
            "items": {"description": items, "type": "array", "items": {"$ref": f"#/components/schemas/{name}"}},
            "metadata": {**_reference("ListMeta"), "description": LIST_METADATA},
        },
        GVK: [{"group": resource.group, "kind": resource.list_kind, "version": resource.version}],
    }


def _type_meta() -> Object:
    return {
        "apiVersion": {"description": API_VERSION, "type": "string"},
        "kind": {"description": KIND, "type": "string"},
    }


def _reference(kind: str) -> Object:
    return {"allOf": [{"$ref": META + kind}]}


def _embedded(schema: Object) -> Object:
    """Objects inside objects have apiVersion, kind and metadata too."""
    result: Object = {}
    for key, part in schema.items():
        if key == "properties":
            result[key] = {name: _embedded(field) for name, field in part.items()}
        elif key in ("items", "additionalProperties", "not") and isinstance(part, dict):
            result[key] = _embedded(part)
        else:
            result[key] = part
    if schema.get(EMBEDDED):
        more: dict[str, Any] = {**_type_meta(), "metadata": {**_reference("ObjectMeta"), "description": METADATA}}
        result["properties"] = {**more, **(result.get("properties") or {})}
    return result
