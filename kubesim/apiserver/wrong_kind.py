"""What is said of a body that is another kind than the path means.

The real decoder first makes an object of the kind that the body names, then converts it to the internal type of
the path's kind; what it says when it cannot names Go's packages. Upstream: transformDecodeError in
k8s.io/apiserver/pkg/endpoints/handlers/rest.go, conversion/converter.go of k8s.io/apimachinery.
"""

from __future__ import annotations

from kubesim.api.errors import BadRequestError
from kubesim.api.patch.go_text import json_type
from kubesim.api.resources import BY_KIND, Resource
from kubesim.api.stored import Object

SCHEME = "pkg/api/legacyscheme/scheme.go:30"
# Whose internal type lives in another package than their group's name says.
PACKAGES = {"": "core", "events.k8s.io": "core"}


def check_kind(resource: Resource, body: Object) -> None:
    """BadRequestError if the body names another kind or version than this resource's."""
    kind, api_version = body.get("kind", resource.kind), body.get("apiVersion", resource.api_version)
    if (kind, api_version) == (resource.kind, resource.api_version):
        return
    for name, value in (("apiVersion", api_version), ("kind", kind)):
        if not isinstance(value, str):
            what = f"json: cannot unmarshal {json_type(value)} into Go struct field .{name} of type string"
            raise BadRequestError(f"couldn't get version/kind; json parse error: {what}")
    found = BY_KIND.get((api_version, kind))
    if found is not None and found.kind == resource.kind:
        words = f"the API version in the data ({api_version}) does not match the expected API version"
        raise BadRequestError(f"{words} ({resource.api_version})")
    version = str(api_version).rpartition("/")[2]
    reason = _reason(found, kind, api_version, resource)
    raise BadRequestError(f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {reason}')


def _reason(found: Resource | None, kind: str, api_version: str, resource: Resource) -> str:
    """Why the body cannot become what the path means."""
    if found is None:
        return f'no kind "{kind}" is registered for version "{api_version}" in scheme "{SCHEME}"'
    package = PACKAGES.get(resource.group, resource.group.partition(".")[0])
    return f"converting ({found.version}.{found.kind}) to ({package}.{resource.kind}): unknown conversion"
