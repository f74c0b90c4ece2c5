"""From a body to a custom object: unknown fields are left out and defaults set, by the schema of its version.

Kinds that are built in are decoded into types; a custom object stays plain JSON, only its metadata has a type.
Upstream: schemaCoercingDecoder in pkg/apiserver/customresource_handler.go of k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from kubesim.api.errors import BadRequestError
from kubesim.api.schema import IGNORE, STRICT, WARN, DecodeError, Node, Schema
from kubesim.api.schema.schema import cannot_be_handled
from kubesim.api.stored import Object
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.crd.structural import default, prune
from kubesim.apiserver.crd.version import CustomVersion
from kubesim.apiserver.decoding import Decoder
from kubesim.apiserver.managed_fields.custom_types import custom_type

TYPED_METADATA = ("v1", "ConfigMap")  # Any kind will do: the metadata of all is of one type.


class CustomDecoder(Decoder):
    """Decodes the bodies of one version."""

    def __init__(self, version: CustomVersion, schema: Schema) -> None:
        super().__init__(version.resource, schema)
        self._version = version

    @cached_property
    def node(self) -> Node:
        """The type by which owners of fields are kept."""
        metadata = self.schema.look_up(*TYPED_METADATA, "metadata")
        assert metadata is not None, "every kind has metadata"
        return custom_type(self._version.schema, metadata)

    def decode(self, body: Any, context: RequestContext) -> Object:
        """A new object."""
        if not isinstance(body, dict):
            raise BadRequestError(f"the object provided is unrecognized (must be of type {self.resource.kind})")
        self._check_version(body)
        return self._clean(body, context)

    def decode_change(self, wanted: Object, old: Object, context: RequestContext) -> Object:
        """What an object shall become."""
        if wanted is not old and wanted.get("apiVersion") != old.get("apiVersion"):
            self._check_version(wanted)
        return self._clean(wanted, context)

    def decode_status(self, wanted: Object, old: Object, context: RequestContext) -> Object:
        """The same: what is not status is taken back afterwards."""
        return self.decode_change(wanted, old, context)

    def _check_version(self, body: Object) -> None:
        expected = self.resource.api_version
        found = body.get("apiVersion", expected)
        if found not in (expected, self._version.storage_api_version):
            raise BadRequestError(
                f"the API version in the data ({found}) does not match the expected API version ({expected})"
            )

    def _clean(self, body: Object, context: RequestContext) -> Object:
        mode = context.request.options.field_validation or WARN
        unknown: list[str] = []
        body = self._with_metadata(body, mode, unknown)
        schema = self._version.schema
        obj: Object = default(prune(body, schema, unknown, is_resource=True), schema)
        complaints = [f'unknown field "{path}"' for path in sorted(unknown)]
        if complaints and mode == STRICT:
            raise cannot_be_handled(self.resource, DecodeError(f"strict decoding error: {', '.join(complaints)}"))
        if mode == WARN:
            context.warnings.extend(complaints)
        kind = body.get("kind", self.resource.kind)
        rest = {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}
        return {"kind": kind, "apiVersion": self._version.storage_api_version, **rest}

    def _with_metadata(self, body: Object, mode: str, unknown: list[str]) -> Object:
        """The body with canonical metadata."""
        metadata = body.get("metadata")
        if metadata is None:
            return body
        try:
            decoded = self.schema.decode(*TYPED_METADATA, {"metadata": metadata}, WARN if mode != IGNORE else IGNORE)
        except DecodeError as error:
            raise cannot_be_handled(self.resource, error) from None
        unknown += [warning.removeprefix('unknown field "').removesuffix('"') for warning in decoded.warnings]
        made = decoded.object["metadata"]
        return body if made is metadata else {**body, "metadata": made}
