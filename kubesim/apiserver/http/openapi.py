"""OpenAPI v3: the schema of every group and version, from which `kubectl explain` is printed.

kubectl also looks here whether PATCH knows the parameter `fieldValidation`; without it, it would ask for a
protobuf document. Upstream: k8s.io/kube-openapi/pkg/handler3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import orjson

from kubesim.api.errors import NotFoundError
from kubesim.api.resources import Resource
from kubesim.api.schema import Schema
from kubesim.api.schema.definitions import INT_OR_STRING, QUANTITY, Definition, reference_of
from kubesim.api.stored import Object
from kubesim.api.wire import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from kubesim.apiserver.crd.catalogue import Catalogue
from kubesim.apiserver.crd.publishing import definition_name, definitions_of
from kubesim.apiserver.crd.version import CustomVersion
from kubesim.apiserver.http.discovery import Discovery
from kubesim.apiserver.http.version import GIT_VERSION

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
GENERAL = (META + "APIResourceList", META + "DeleteOptions", META + "Patch", META + "Status", META + "WatchEvent")
OTHER_PATHS = (".well-known/openid-configuration", "api", "apis", "logs", "openid/v1/jwks", "version")
EDITION = 1  # Of the documents' form: clients keep what they once read.
GVK_KEY = "x-kubernetes-group-version-kind"
PATCHES = (APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH)
CUSTOM_PATCHES = (APPLY_PATCH, JSON_PATCH, MERGE_PATCH)  # kubectl looks here for how it may patch.
WORDS = {
    "fieldValidation": "fieldValidation instructs the server on how to handle objects in the request containing "
    "unknown or duplicate fields. Valid values are: Ignore, Warn, Strict.",
    "dryRun": "When present, indicates that modifications should not be persisted. Valid values are: All.",
    "fieldManager": "fieldManager is a name associated with the actor or entity that is making these changes.",
    "force": "Force is going to force Apply requests: conflicting fields owned by other people are acquired.",
}
# Types that are written in two ways.
EITHER: dict[str, Definition] = {
    INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
}
METHODS = {"create": "post", "update": "put", "patch": "patch", "delete": "delete", "get": "get", "list": "get"}
PARAMETERS = {
    "create": ("dryRun", "fieldManager", "fieldValidation"),
    "update": ("dryRun", "fieldManager", "fieldValidation"),
    "patch": ("dryRun", "fieldManager", "fieldValidation", "force"),
    "delete": ("dryRun",),
}


class OpenApi:
    """The documents of one server, made when first asked for."""

    def __init__(self, schema: Schema, discovery: Discovery, catalogue: Catalogue) -> None:
        self._schema = schema
        self._catalogue = catalogue
        self._discovery = discovery
        self._documents: dict[str, tuple[str, bytes]] = {}  # By path, each with its hash.
        self._hashes: dict[str, str] = {}
        self._edition = -1  # Of the catalogue, for which the hashes are.

    def index(self) -> Object:
        """`/openapi/v3`: every document's address, with a hash so that it can be cached for ever."""
        paths = {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={self.hash(path)}"} for path in self._paths()}
        return {"paths": paths}

    def document(self, path: str) -> bytes:
        """`/openapi/v3/apis/apps/v1`."""
        made = self._documents.get(path)
        wanted = self.hash(path)
        if made is None or made[0] != wanted:
            if path not in self._paths():
                raise NotFoundError("the server could not find the requested resource")
            made = self._documents[path] = (wanted, orjson.dumps(self._make(path)))
        return made[1]

    def hash(self, path: str) -> str:
        """Changes when the document does: it is a function of these."""
        if self._edition != self._catalogue.edition:
            self._hashes, self._edition = {}, self._catalogue.edition
        if path not in self._hashes:
            parts = path.split("/")
            rows = [resource.plural for resource in self._resources(parts)]
            customs = orjson.dumps([custom._asdict() for custom in self._customs(parts)], msgspec.to_builtins)
            text = f"{GIT_VERSION} {EDITION} {path} {rows} {customs.decode()}"
            self._hashes[path] = hashlib.sha512(text.encode()).hexdigest().upper()
        return self._hashes[path]

    def _customs(self, parts: list[str]) -> list[CustomVersion]:
        return self._catalogue.customs(parts[1], parts[2]) if len(parts) == 3 and parts[0] == "apis" else []

    def _paths(self) -> list[str]:
        paths = ["api/v1", *OTHER_PATHS]
        for group, versions in self._discovery.groups():
            paths += [f"apis/{group}", *(f"apis/{group}/{version}" for version in versions)]
        return sorted(paths)

    def _resources(self, parts: list[str]) -> tuple[Resource, ...]:
        if parts == ["api", "v1"]:
            return self._discovery.resources("", "v1")
        return self._discovery.resources(parts[1], parts[2]) if len(parts) == 3 and parts[0] == "apis" else ()

    def _make(self, path: str) -> Object:
        parts = path.split("/")
        rows = self._resources(parts)
        names = list(GENERAL) if rows else []
        own = {name: definition for custom in self._customs(parts) for name, definition in definitions_of(custom)}
        paths: Object = {}
        for resource in rows:
            names += self._kinds(resource)
            paths.update(_paths_of(resource, f"/{path}", self._name_of(resource.kind, resource)))
        schemas = dict(self._closure(names, own))
        return {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": GIT_VERSION},
            "paths": paths,
            "components": {"schemas": dict(sorted(schemas.items()))},
        }

    def _kinds(self, resource: Resource) -> list[str]:
        found = (self._name_of(kind, resource) for kind in (resource.kind, resource.list_kind))
        return [name for name in found if name]

    def _name_of(self, kind: str, resource: Resource) -> str:
        """The definition of a kind, "" if there is none."""
        if resource.custom:
            return definition_name(resource, kind)
        return self._schema.definition_name(resource.api_version, kind)

    def _closure(self, names: list[str], own: dict[str, Definition]) -> Iterator[tuple[str, Definition]]:
        """These definitions and all that they refer to."""
        seen: set[str] = set()
        stack = list(names)
        while stack:
            name = stack.pop()
            if name in seen:
                continue
            seen.add(name)
            definition = own.get(name) or EITHER.get(name) or self._schema.definition(name)
            yield name, definition
            stack += references(definition)


def references(value: Any) -> list[str]:
    """The names of all definitions that a definition refers to."""
    found: list[str] = []
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                found.append(reference_of(part))
            stack += part.values()
        elif isinstance(part, list):
            stack += part
    return found


def _paths_of(resource: Resource, prefix: str, definition: str) -> Object:
    """The operations on a resource, by path."""
    many = (
        f"{prefix}/namespaces/{{namespace}}/{resource.plural}" if resource.namespaced else f"{prefix}/{resource.plural}"
    )
    one = f"{many}/{{name}}"
    gvk = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    schema = {"$ref": f"#/components/schemas/{definition}"} if definition else {"type": "object"}
    verbs = resource.verbs
    patches = CUSTOM_PATCHES if resource.custom else PATCHES
    paths = {
        many: {METHODS[verb]: _operation(verb, gvk, schema, patches) for verb in ("list", "create") if verb in verbs},
        one: {
            METHODS[v]: _operation(v, gvk, schema, patches) for v in ("get", "update", "patch", "delete") if v in verbs
        },
    }
    for subresource in ("status", "scale"):
        if subresource in resource.subresources and definition:
            paths[f"{one}/{subresource}"] = {
                METHODS[verb]: _operation(verb, gvk, schema, patches) for verb in ("get", "update", "patch")
            }
    return {path: {**_path_parameters(path), **operations} for path, operations in paths.items() if operations}


def _path_parameters(path: str) -> Object:
    names = [name for name in ("name", "namespace") if f"{{{name}}}" in path]
    entries = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    return {"parameters": entries} if entries else {}


def _operation(verb: str, gvk: Object, schema: Object, patches: Sequence[str]) -> Object:
    answer = {"description": "OK", "content": {"application/json": {"schema": schema}}}
    operation: Object = {
        "responses": {"200": answer, "401": {"description": "Unauthorized"}},
        "x-kubernetes-action": {"create": "post", "update": "put"}.get(verb, verb),
        GVK_KEY: gvk,
    }
    if verb in PARAMETERS:
        operation["parameters"] = [
            {
                "name": name,
                "in": "query",
                "description": WORDS[name],
                "schema": {"type": "boolean" if name == "force" else "string", "uniqueItems": True},
            }
            for name in PARAMETERS[verb]
        ]
    if verb == "patch":
        body: Object = {"$ref": f"#/components/schemas/{META}Patch"}
        operation["requestBody"] = {"content": {kind: {"schema": body} for kind in patches}, "required": True}
    elif verb in ("create", "update"):
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}, "required": True}
    return operation


def version_2() -> bytes:
    """`/openapi/v2` in protobuf, with nothing in it: kubectl asks it about kinds that version 3 does not know."""
    info = b"\x0a\x0aKubernetes" + b"\x12" + bytes([len(GIT_VERSION)]) + GIT_VERSION.encode()
    return b"\x0a\x032.0" + b"\x12" + bytes([len(info)]) + info + b"\x42\x00"
