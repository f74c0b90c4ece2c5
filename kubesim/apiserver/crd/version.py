"""One version of a custom resource, as its definition describes it: everything that is not in its row."""

from __future__ import annotations

from typing import NamedTuple

from kubesim.api.custom_resources import row_of, storage_version
from kubesim.api.resources import Resource
from kubesim.api.stored import Object
from kubesim.apiserver.crd.structural import PRESERVE

ANYTHING: Object = {"type": "object", PRESERVE: True}


class CustomVersion(NamedTuple):
    """A version: its row, its schema, and how it is printed and scaled."""

    resource: Resource
    storage_api_version: str
    schema: Object
    columns: tuple[Object, ...] = ()
    scale: Object | None = None
    warning: str = ""

    @property
    def has_status(self) -> bool:
        """Whether the status is written apart from the rest."""
        return "status" in self.resource.subresources


def versions_of(definition: Object) -> dict[str, CustomVersion]:
    """All served versions by name."""
    spec = definition["spec"]
    return {version["name"]: _version(definition, version) for version in spec["versions"] if version.get("served")}


def _version(definition: Object, version: Object) -> CustomVersion:
    spec = definition["spec"]
    resource = row_of(definition, version)
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or ANYTHING
    if spec.get("preserveUnknownFields"):
        schema = {**schema, PRESERVE: True}
    warning = ""
    if version.get("deprecated"):
        warning = version.get("deprecationWarning") or f"{resource.api_version} {resource.kind} is deprecated"
    return CustomVersion(
        resource,
        f"{spec['group']}/{storage_version(spec)}",
        schema,
        tuple(version.get("additionalPrinterColumns") or ()),
        (version.get("subresources") or {}).get("scale"),
        warning,
    )
