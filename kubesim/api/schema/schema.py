"""The schema of one cluster: all kinds by apiVersion and kind, compiled when first used.

The real server decodes every object that comes in into a Go struct, with field validation Strict, Warn or
Ignore. `decode` does the same to a dict. The compiled nodes also say how patches and server-side apply merge.
Upstream: k8s.io/apimachinery/pkg/runtime/serializer/json, sigs.k8s.io/json, kube-openapi.
"""

from __future__ import annotations

from typing import NamedTuple

from kubesim.api.errors import BadRequestError
from kubesim.api.resources import Resource
from kubesim.api.schema.compiler import Compiler
from kubesim.api.schema.definitions import VERSION, Definition, read_definitions, restored
from kubesim.api.schema.node import Node
from kubesim.api.schema.quick import is_fine
from kubesim.api.schema.walk import DecodeError, Walk
from kubesim.api.stored import Object

STRICT, WARN, IGNORE = "Strict", "Warn", "Ignore"


class Decoded(NamedTuple):
    """An object as the server keeps it, and warnings for whoever sent it."""

    object: Object
    warnings: tuple[str, ...] = ()


class Schema:
    """Types of all built-in kinds. Make one per cluster with `Schema.load()`: 10 ms, then about 1 ms a kind."""

    def __init__(self, definitions: dict[str, Definition]) -> None:
        self._compiler = Compiler(definitions)
        self._names = _names_by_kind(definitions)
        self._kinds: dict[tuple[str, str], Node | None] = {}

    @classmethod
    def load(cls, version: str = VERSION) -> Schema:
        """The schema of a Kubernetes version, from the installed definitions."""
        return cls(read_definitions(version))

    def kind(self, api_version: str, kind: str) -> Node | None:
        """The compiled kind; None if it is not built in."""
        key = (api_version, kind)
        if key not in self._kinds:
            name = self._names.get(key)
            self._kinds[key] = self._compiler.kind(name) if name else None
        return self._kinds[key]

    def node(self, resource: Resource) -> Node | None:
        """The compiled kind of a resource."""
        return self.kind(resource.api_version, resource.kind)

    def look_up(self, api_version: str, kind: str, path: str) -> Node | None:
        """The node at a dotted path such as `spec.template.spec.containers`; lists are stepped into by themselves."""
        node = self.kind(api_version, kind)
        for name in path.split("."):
            while node is not None and node.kind == "list":
                node = node.item
            node = node.child(name) if node is not None else None
        return node

    def decode(self, api_version: str, kind: str, obj: Object, mode: str = WARN) -> Decoded:
        """The object as the server keeps it: the same one if it is fine as it is, else a canonical copy.

        Unknown fields are left out, with warnings in mode Warn; in mode Strict they are an error.
        DecodeError carries the upstream decoder's own words; see `cannot_be_handled`. A kind that is not
        built in is returned as it is.
        """
        node = self.kind(api_version, kind)
        if node is None or is_fine(node, obj):
            return Decoded(obj)
        walk = Walk()
        made = walk.value(node, obj)
        complaints = [f'unknown field "{path}"' for path in walk.unknown]
        if complaints and mode == STRICT:
            raise DecodeError(f"strict decoding error: {', '.join(complaints)}")
        return Decoded(made, tuple(complaints) if mode != IGNORE else ())

    def check(self, resource: Resource, obj: Object, mode: str = WARN) -> list[str]:
        """The warnings of `decode`; BadRequestError, as the real server words it, if it cannot be decoded."""
        try:
            return list(self.decode(resource.api_version, resource.kind, obj, mode).warnings)
        except DecodeError as error:
            raise cannot_be_handled(resource, error) from error

    def prune(self, resource: Resource, obj: Object) -> Object:
        """The object without unknown fields, nulls and empty optional fields; the same one if it has none."""
        return self.decode(resource.api_version, resource.kind, obj, IGNORE).object

    def definition_name(self, api_version: str, kind: str) -> str:
        """The full name of a kind's definition; "" if it is not built in."""
        return self._names.get((api_version, kind), "")

    def definition(self, name: str) -> Definition:
        """One definition as upstream publishes it, by full name; what `/openapi/v3` serves."""
        return restored(name, self._compiler.definitions[name])


def cannot_be_handled(resource: Resource, error: DecodeError) -> BadRequestError:
    """`Pod in version "v1" cannot be handled as a Pod: …`: how the server answers a body that does not decode."""
    kind = resource.kind
    return BadRequestError(f'{kind} in version "{resource.version}" cannot be handled as a {kind}: {error}')


def _names_by_kind(definitions: dict[str, Definition]) -> dict[tuple[str, str], str]:
    """(apiVersion, kind) → definition name. Of kinds that belong to many groups (DeleteOptions) all are entered."""
    names = {}
    for name, definition in definitions.items():
        for gvk in definition.get("x-kubernetes-group-version-kind", ()):
            group, version = gvk["group"], gvk["version"]
            names[f"{group}/{version}" if group else version, gvk["kind"]] = name
    return names
