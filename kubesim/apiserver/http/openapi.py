"""OpenAPI v3: the schema of every group and version, from which `kubectl explain` is printed.

kubectl also looks here whether PATCH knows the parameter `fieldValidation`; without it, it would ask for a
protobuf document. Upstream: k8s.io/kube-openapi/pkg/handler3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import orjson

from kubesim.api.errors import NotFoundError
from kubesim.api.resources import Resource
from kubesim.api.schema import Schema
from kubesim.api.schema.definitions import INT_OR_STRING, QUANTITY, Definition, reference_of
from kubesim.api.stored import Object
from kubesim.apiserver.crd.catalogue import Catalogue
from kubesim.apiserver.crd.publishing import definition_name, definitions_of
from kubesim.apiserver.crd.version import CustomVersion
from kubesim.apiserver.http.discovery import Discovery
from kubesim.apiserver.http.openapi_paths import META, Paths
from kubesim.apiserver.http.openapi_v2 import version_2_json
from kubesim.apiserver.http.version import GIT_VERSION

GENERAL = (META + "APIResourceList", META + "DeleteOptions", META + "Patch", META + "Status", META + "WatchEvent")
OTHER_PATHS = (".well-known/openid-configuration", "api", "apis", "logs", "openid/v1/jwks", "version")
EDITION = 3  # Of the documents' form: clients keep what they once read.
# Types that are written in two ways.
EITHER: dict[str, Definition] = {
    INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
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

    def version_2(self) -> bytes:
        """`/openapi/v2` as JSON: all of it in one document."""
        paths = [path for path in self._paths() if self._resources(path.split("/"))]
        wanted = self.hash("api/v1") + str(self._catalogue.edition)
        made = self._documents.get("")
        if made is None or made[0] != wanted:
            made = self._documents[""] = (wanted, version_2_json(map(self.document, paths)))
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
            operations = Paths(resource, f"/{path}", partial(self._name, resource))
            paths.update(operations.all())
            names += self._kinds(resource) + operations.definitions
        schemas = dict(self._closure(names, own))
        return {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": GIT_VERSION},
            "paths": paths,
            "components": {"schemas": dict(sorted(schemas.items()))},
        }

    def _kinds(self, resource: Resource) -> list[str]:
        found = (self._name(resource, resource.api_version, kind) for kind in (resource.kind, resource.list_kind))
        return [name for name in found if name]

    def _name(self, resource: Resource, api_version: str, kind: str) -> str:
        """The definition of a kind that a resource has to do with, "" if there is none."""
        if resource.custom and api_version == resource.api_version:
            return definition_name(resource, kind)
        return self._schema.definition_name(api_version, kind)

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


def version_2_protobuf() -> bytes:
    """`/openapi/v2` in protobuf, with nothing in it: kubectl asks it about kinds that version 3 does not know."""
    info = b"\x0a\x0aKubernetes" + b"\x12" + bytes([len(GIT_VERSION)]) + GIT_VERSION.encode()
    return b"\x0a\x032.0" + b"\x12" + bytes([len(info)]) + info + b"\x42\x00"
