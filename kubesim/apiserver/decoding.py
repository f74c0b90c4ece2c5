"""From what a client sends to an object of known types, with defaults: the first thing done to every body.

A field that nobody knows is left out, with a warning, or refused, as the client asks (`fieldValidation`). A
value of a wrong type is refused. Fields that a change leaves as they were are not looked at again.

Upstream: k8s.io/apimachinery/pkg/runtime/serializer, k8s.io/apiserver/pkg/endpoints/handlers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec
import orjson

from kubesim.api.defaults import DEFAULTS
from kubesim.api.defaults.copying import Default
from kubesim.api.defaults.pods import around_spec
from kubesim.api.errors import ApiError, BadRequestError, invalid
from kubesim.api.patch import go_text
from kubesim.api.resources import PODS, Resource
from kubesim.api.schema import WARN, DecodeError, Node, Schema
from kubesim.api.schema.quick import is_fine
from kubesim.api.schema.schema import cannot_be_handled
from kubesim.api.stored import Object
from kubesim.api.wire import STRATEGIC_MERGE_PATCH, Request
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.memo import Memo
from kubesim.apiserver.validation.field import invalid as invalid_field
from kubesim.apiserver.wrong_kind import check_kind

NO_KIND = Resource("", "", "", "")


class Decoder:
    """Decodes the bodies of one resource."""

    def __init__(self, resource: Resource, schema: Schema) -> None:
        self.resource = resource
        self.schema = schema
        self._default = DEFAULTS.get((resource.api_version, resource.kind))
        self._specs: Memo[bytes, Object] = Memo()  # Of Pods: what specs decode to, by their bytes.

    @cached_property
    def node(self) -> Node | None:
        """The type of the kind, None if it has no schema."""
        return self.schema.node(self.resource)

    def decode(self, body: Any, context: RequestContext) -> Object:
        """A new object: the request's own copy of its first level, with defaults."""
        resource = self.resource
        if not isinstance(body, dict):
            raise BadRequestError(f"the object provided is unrecognized (must be of type {resource.kind})")
        check_kind(resource, body)
        if resource != PODS or type(body.get("spec")) is not dict:
            return self._complete(body, context, self._default)
        return self._decode_pod(body, context)

    def _decode_pod(self, body: Object, context: RequestContext) -> Object:
        """Pods of one template have one spec, which is decoded once. They share it then: nobody changes a spec."""
        try:
            key = msgspec.json.encode(body["spec"])
        except (TypeError, ValueError, OverflowError):
            return self._complete(body, context, self._default)
        spec = self._specs.get(key)
        if spec is not None:
            rest = {name: value for name, value in body.items() if name != "spec"}
            return self._complete(rest, context, lambda pod: around_spec({**pod, "spec": spec}))
        warned = len(context.warnings)
        pod = self._complete(body, context, self._default)
        if len(context.warnings) == warned:
            self._specs.put(key, pod["spec"])
        return pod

    def _complete(self, body: Object, context: RequestContext, default: Default | None) -> Object:
        """What a body decodes to, with defaults."""
        try:
            checked = self._checked(body, context)
        except DecodeError as error:
            raise cannot_be_handled(self.resource, error) from None
        obj: Object = {"kind": self.resource.kind, "apiVersion": self.resource.api_version, **checked}
        return _in_order(default(obj)) if default is not None else obj

    def decode_change(self, wanted: Object, old: Object, context: RequestContext) -> Object:
        """The request's own copy of the first level of what is wanted, with what differs from `old` decoded anew."""
        obj = dict(wanted)
        changed = [name for name, value in wanted.items() if old.get(name) is not value]
        if changed:
            self._decode_fields(obj, changed, old, context)
            if self._default is not None and changed != ["metadata"]:
                obj = dict(self._default(obj))
        return obj

    def decode_status(self, wanted: Object, old: Object, context: RequestContext) -> Object:
        """The same when only metadata and status will count: nothing else needs defaults."""
        obj = dict(wanted)
        changed = [name for name, value in wanted.items() if old.get(name) is not value]
        if changed:
            self._decode_fields(obj, changed, old, context)
        return obj

    def _decode_fields(self, obj: Object, names: Sequence[str], old: Object, context: RequestContext) -> None:
        """Replaces fields by what they decode to; nearly always they are fine as they are."""
        node = self.node
        if node is None:
            return  # A kind without a schema: anything goes.
        fields = node.fields
        unclear: Object = {}
        for name in names:
            field = fields.get(name)
            if field is None or not is_fine(field, obj[name], old.get(name)):
                unclear[name] = obj[name]
        if "kind" in names or "apiVersion" in names:
            check_kind(self.resource, obj)
        if unclear:
            try:
                checked = self._checked(unclear, context)
            except DecodeError as error:
                raise refusal(self.resource, context.request, obj, error) from None
            for name in unclear:
                if name in checked:
                    obj[name] = checked[name]
                else:
                    del obj[name]

    def _checked(self, obj: Object, context: RequestContext) -> Object:
        mode = context.request.options.field_validation or WARN
        decoded = self.schema.decode(self.resource.api_version, self.resource.kind, obj, mode)
        context.warnings.extend(decoded.warnings)
        return decoded.object


def refusal(resource: Resource, request: Request, wanted: Object, error: DecodeError) -> ApiError:
    """What is said of a change that does not decode: of a patch, the patch (or what it makes) is the invalid value."""
    if request.verb != "patch":
        return cannot_be_handled(resource, error)
    if request.patch_type == STRATEGIC_MERGE_PATCH:
        shown, why = go_text(request.body), error.conversion
    else:
        shown, why = orjson.dumps(wanted, option=orjson.OPT_SORT_KEYS).decode(), str(error)
    return invalid(NO_KIND, "", [invalid_field("patch", shown, why)])


def _in_order(obj: Object) -> Object:
    """A copy that begins as every object does: with its kind, however the defaults were filled in."""
    ordered = {"kind": obj["kind"], "apiVersion": obj["apiVersion"], "metadata": obj.get("metadata"), **obj}
    if "status" in obj:
        ordered["status"] = ordered.pop("status")
    return ordered
