"""The types of custom resources for server-side apply, made from the schema in their definition.

A custom object is plain JSON on the real server, not a Go struct: nothing is there that nobody has set, so even
`spec` has an owner. What the schema does not type (`x-kubernetes-preserve-unknown-fields`, `int-or-string`) is
taken as it comes.
Upstream: k8s.io/kube-openapi/pkg/schemaconv, and newBuilder in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from kubesim.api.schema.node import (
    ANY,
    BOOL,
    FLOAT,
    INT64,
    INT_OR_STRING,
    LEFT_OUT,
    LIST,
    MAP,
    OBJECT,
    STRING,
    TIME,
    Node,
)
from kubesim.api.stored import Object

PRESERVE, EMBEDDED = "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"
_SCALARS = {"string": STRING, "boolean": BOOL, "integer": INT64, "number": FLOAT}


def custom_type(schema: Object, metadata: Node) -> Node:
    """The type of a whole custom resource; `metadata` is that of any kind's metadata."""
    node = _node(schema, metadata, preserves=False)
    if node.kind == OBJECT:
        _add_meta_fields(node, metadata)
    return node


def _node(schema: Object, metadata: Node, *, preserves: bool) -> Node:
    preserves = preserves or bool(schema.get(PRESERVE))
    type_ = schema.get("type", "")
    if schema.get("x-kubernetes-int-or-string"):
        node = Node(INT_OR_STRING, "")
    elif type_ == "object" or (not type_ and schema.get("properties")):
        node = _object(schema, metadata, preserves=preserves)
    elif type_ == "array":
        node = Node(LIST, "")
        node.item = _node(schema.get("items") or {}, metadata, preserves=preserves)
    elif type_ == "string" and schema.get("format") not in (None, "", "byte"):
        node = Node(TIME, "")  # Any scalar will do where there is a format.
    else:
        node = Node(_SCALARS.get(type_, ANY), "")
    node.list_type = schema.get("x-kubernetes-list-type", "")
    node.list_map_keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
    node.map_type = schema.get("x-kubernetes-map-type", "")
    node.default = schema.get("default", LEFT_OUT)
    return node


def _object(schema: Object, metadata: Node, *, preserves: bool) -> Node:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    node = Node(OBJECT if properties or not isinstance(additional, dict) else MAP, "")
    node.fields = {name: _node(part, metadata, preserves=preserves) for name, part in properties.items()}
    if isinstance(additional, dict):
        node.item = _node(additional, metadata, preserves=preserves)
    node.preserves_unknown = preserves or additional is True or (not properties and additional is None)
    if schema.get(EMBEDDED):
        _add_meta_fields(node, metadata)
    return node


def _add_meta_fields(node: Node, metadata: Node) -> None:
    node.fields = {**node.fields, "apiVersion": Node(STRING, ""), "kind": Node(STRING, ""), "metadata": metadata}
