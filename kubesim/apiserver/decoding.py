"""From what a client sends to an object of known types, with defaults: the first thing done to every body.

A field that nobody knows is left out, with a warning, or refused, as the client asks (`fieldValidation`). A
value of a wrong type is refused. Fields that a change leaves as they were are not looked at again.

Upstream: k8s.io/apimachinery/pkg/runtime/serializer, k8s.io/apiserver/pkg/endpoints/handlers.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.defaults import default
from kubesim.api.errors import BadRequestError
from kubesim.api.resources import Resource
from kubesim.api.schema import WARN, DecodeError, Schema
from kubesim.api.schema.schema import cannot_be_handled
from kubesim.api.stored import Object
from kubesim.apiserver.context import RequestContext


class Decoder:
    """Decodes the bodies of one resource."""

    def __init__(self, resource: Resource, schema: Schema) -> None:
        self.resource = resource
        self.schema = schema

    def decode(self, body: Any, context: RequestContext) -> Object:
        """A new object: the request's own copy of its first level, with defaults."""
        resource = self.resource
        if not isinstance(body, dict):
            raise BadRequestError(f"the object provided is unrecognized (must be of type {resource.kind})")
        if body.get("kind", resource.kind) != resource.kind or (
            body.get("apiVersion", resource.api_version) != resource.api_version
        ):
            sent = f"{body.get('apiVersion', '')}, Kind={body.get('kind', '')}"
            wanted = f"{resource.api_version}, Kind={resource.kind}"
            raise BadRequestError(f"{sent} does not match the expected {wanted}")
        obj = {"kind": resource.kind, "apiVersion": resource.api_version, **self._checked(body, context)}
        return dict(default(resource, obj))

    def decode_change(self, wanted: Object, old: Object, context: RequestContext) -> Object:
        """The request's own copy of the first level of what is wanted, with what differs from `old` decoded anew."""
        changed = {name: value for name, value in wanted.items() if old.get(name) is not value}
        obj = dict(wanted)
        if not changed:
            return obj
        self._replace(obj, changed, context)
        if len(changed) > 1 or "metadata" not in changed:
            obj = dict(default(self.resource, obj))
        return obj

    def decode_status(self, wanted: Object, old: Object, context: RequestContext) -> Object:
        """The same when only metadata and status count."""
        obj = dict(wanted)
        changed: Object = {
            name: obj[name] for name in ("metadata", "status") if name in obj and obj[name] is not old.get(name)
        }
        if changed:
            self._replace(obj, changed, context)
        return obj

    def _replace(self, obj: Object, changed: Object, context: RequestContext) -> None:
        checked = self._checked(changed, context)
        if checked is not changed:
            for name in changed:
                if name in checked:
                    obj[name] = checked[name]
                else:
                    del obj[name]

    def _checked(self, obj: Object, context: RequestContext) -> Object:
        mode = context.request.options.field_validation or WARN
        try:
            decoded = self.schema.decode(self.resource.api_version, self.resource.kind, obj, mode)
        except DecodeError as error:
            raise cannot_be_handled(self.resource, error) from None
        if decoded.warnings:
            context.warnings.extend(decoded.warnings)
        return decoded.object
