"""Compiles definitions into nodes, on demand and each definition once."""

from __future__ import annotations

from typing import Any

from kubesim.api.schema.definitions import INT_OR_STRING as INT_OR_STRING_NAME
from kubesim.api.schema.definitions import QUANTITY as QUANTITY_NAME
from kubesim.api.schema.definitions import Definition, reference_of, type_of
from kubesim.api.schema.go_types import KEPT_NULLS, KEPT_ZEROS, STRING_TYPES, struct_key
from kubesim.api.schema.go_values import KEY_DEFAULTS, zero_of
from kubesim.api.schema.node import (
    ANY,
    BOOL,
    BYTES,
    FLOAT,
    INT32,
    INT64,
    INT_OR_STRING,
    LEFT_OUT,
    LIST,
    MAP,
    MICRO_TIME,
    OBJECT,
    QUANTITY,
    SCHEMA_OR_OTHER,
    STRING,
    TIME,
    Node,
    Quick,
)
from kubesim.api.schema.quick import quick_object, quick_of

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_SPECIAL = {
    QUANTITY_NAME: (QUANTITY, "resource.Quantity"),
    INT_OR_STRING_NAME: (INT_OR_STRING, "intstr.IntOrString"),
    _META + "Time": (TIME, "string"),
    _META + "MicroTime": (MICRO_TIME, "string"),
    _META + "FieldsV1": (ANY, "v1.FieldsV1"),
    _EXTENSIONS + "JSON": (ANY, "v1.JSON"),
    _EXTENSIONS + "JSONSchemaPropsOrArray": (SCHEMA_OR_OTHER, "v1.JSONSchemaPropsOrArray"),
    _EXTENSIONS + "JSONSchemaPropsOrBool": (SCHEMA_OR_OTHER, "v1.JSONSchemaPropsOrBool"),
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": (SCHEMA_OR_OTHER, "v1.JSONSchemaPropsOrStringArray"),
}
_SCALARS = {"string": STRING, "boolean": BOOL, "number": FLOAT}
_ZERO_DROPPED = (STRING, BOOL, INT32, INT64, FLOAT)


class Compiler:
    """Holds what is compiled so far of one set of definitions."""

    def __init__(self, definitions: dict[str, Definition]) -> None:
        self.definitions = definitions
        # By definition; all nodes of one type share these.
        self._fields: dict[str, dict[str, Node]] = {}
        self._quick: dict[str, Quick] = {}

    def kind(self, name: str) -> Node:
        """The node of a whole kind."""
        node = Node(OBJECT, _go_name(name))
        self._fill_object(node, name)
        return node

    def _field(self, schema: Definition, struct: str, name: str, required: bool) -> Node:
        """The node of one field of a struct (or of an item: then `name` is "")."""
        node = self._bare(schema)
        node.list_type = schema.get("x-kubernetes-list-type", "")
        node.list_map_keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
        node.map_type = schema.get("x-kubernetes-map-type", "") or node.map_type
        node.merge_key = schema.get("x-kubernetes-patch-merge-key", "")
        node.patch_strategies = tuple(filter(None, schema.get("x-kubernetes-patch-strategy", "").split(",")))
        if name:
            node.keeps_null = name in KEPT_NULLS.get(struct, ())
            node.drops_zero = not required and _drops_zero(node, struct, name)
            node.go_type = STRING_TYPES.get(struct, {}).get(name, node.go_type)
            node.zero = zero_of(node, struct, name, required=required)
            node.default = KEY_DEFAULTS.get(struct, {}).get(name, LEFT_OUT)
        if node.kind != OBJECT:
            node.quick = quick_of(node)
        return node

    def _bare(self, schema: Definition) -> Node:
        """The node without what belongs to its place in a struct."""
        reference = reference_of(schema)
        if reference:
            return self._reference(reference)
        type_ = type_of(schema)
        if type_ == "array":
            node = Node(LIST, "")
            node.item = self._field(schema["items"], "", "", required=True)
            node.go_type = f"[]{node.item.go_type}"
            return node
        if type_ == "object":
            return self._map(schema)
        if type_ == "integer":
            kind = INT32 if schema.get("format") == "int32" else INT64
            return Node(kind, kind)
        if type_ == "string" and schema.get("format") == "byte":
            return Node(BYTES, "[]uint8")
        kind = _SCALARS.get(type_, ANY)
        return Node(kind, kind if kind != ANY else "interface {}")

    def _map(self, schema: Definition) -> Node:
        values: Any = schema.get("additionalProperties")
        if not isinstance(values, dict):
            return Node(ANY, "map[string]interface {}")
        node = Node(MAP, "")
        node.item = self._field(values, "", "", required=True)
        node.go_type = "v1.ResourceList" if node.item.kind == QUANTITY else f"map[string]{node.item.go_type}"
        return node

    def _reference(self, name: str) -> Node:
        special = _SPECIAL.get(name)
        if special is not None:
            node = Node(*special)
            if node.kind == SCHEMA_OR_OTHER:
                self._fill_object(node, _EXTENSIONS + "JSONSchemaProps")
            return node
        if "properties" not in self.definitions[name]:
            return Node(ANY, _go_name(name))
        node = Node(OBJECT, _go_name(name))
        self._fill_object(node, name)
        return node

    def _fill_object(self, node: Node, name: str) -> None:
        """Gives an object its fields and its predicate."""
        node.struct = name.rpartition(".")[2]
        node.map_type = self.definitions[name].get("x-kubernetes-map-type", "")
        known = self._fields.get(name)
        if known is not None:
            node.fields, node.quick = known, self._quick[name]
            return
        fields = self._fields[name] = node.fields
        node.quick = self._quick[name] = quick_object(fields)
        definition = self.definitions[name]
        required = frozenset(definition.get("required", ()))
        for field, schema in definition.get("properties", {}).items():
            fields[field] = self._field(schema, struct_key(name), field, field in required)


def _drops_zero(node: Node, struct: str, name: str) -> bool:
    """Whether Go leaves the field out when it is empty. Lists and maps are always left out."""
    if node.kind in (LIST, MAP):
        return True
    kept = KEPT_ZEROS.get(struct)
    return kept is not None and node.kind in _ZERO_DROPPED and name not in kept


def _go_name(definition: str) -> str:
    """`io.k8s.api.core.v1.Container` → `v1.Container`."""
    return ".".join(definition.split(".")[-2:])
