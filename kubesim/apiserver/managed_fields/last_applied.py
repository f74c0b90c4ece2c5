"""From client-side apply to server-side apply: the annotation that `kubectl apply` keeps.

A field that the annotation has, with the value that the object has, was kubectl's anyway: when kubectl applies on
the server, that is no conflict. And as long as the annotation is there, the server keeps it up to date, so that
`kubectl apply` can go back to the old way. Both only for the manager "kubectl".
Upstream: lastappliedmanager.go and lastappliedupdater.go in k8s.io/apimachinery/pkg/util/managedfields/internal.
"""

from __future__ import annotations

import orjson

from kubesim.api.fieldset import (
    EMPTY,
    FieldSet,
    TypedError,
    TypeNode,
    compare,
    difference,
    field_set,
    union,
    validate,
)
from kubesim.api.meta import with_fields
from kubesim.api.stored import Object
from kubesim.apiserver.validation.metadata import ANNOTATIONS_BYTES_MAX

KUBECTL = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def configured_fields(node: TypeNode, live: Object, api_version: str) -> FieldSet:
    """The fields of the annotation that have the values of the live object."""
    annotation = _annotation(live)
    try:
        config = orjson.loads(annotation) if annotation else None
        if not isinstance(config, dict) or config.get("apiVersion") != api_version:
            return EMPTY
        validate(node, config)
        change = compare(node, config, live)
        return difference(field_set(node, config), union(change.taken, change.removed))
    except (ValueError, TypedError):
        return EMPTY


def with_last_applied(obj: Object, config: Object) -> Object:
    """The object with its annotation, if it has one, for what is applied now."""
    if not _annotation(obj):
        return obj
    metadata = config.get("metadata") or {}
    bare = config
    if LAST_APPLIED in (metadata.get("annotations") or {}):
        annotations = {name: text for name, text in metadata["annotations"].items() if name != LAST_APPLIED}
        bare = with_fields(config, {"annotations": annotations}, "metadata")
    text = orjson.dumps(bare, option=orjson.OPT_SORT_KEYS).decode().translate(_HTML) + "\n"
    annotations = {**obj["metadata"]["annotations"], LAST_APPLIED: text}
    if sum(len(name) + len(part) for name, part in annotations.items()) > ANNOTATIONS_BYTES_MAX:
        del annotations[LAST_APPLIED]
    return with_fields(obj, {"annotations": annotations}, "metadata")


def _annotation(obj: Object) -> str:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    found: str = annotations.get(LAST_APPLIED) or ""
    return found
