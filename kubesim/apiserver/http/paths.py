"""From a path to what it means: `/apis/apps/v1/namespaces/default/deployments/web/scale`.

Upstream: RequestInfoFactory in k8s.io/apiserver/pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from kubesim.api.errors import MethodNotSupportedError
from kubesim.api.resources import BY_PLURAL, Resource

NAMESPACES, FIELD_NAME = "namespaces", "metadata.name"
NAMESPACE_SUBRESOURCES = ("status", "finalize")
UNKNOWN_METHOD = "the server does not allow this method on the requested resource"
WITH_NAME = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
WITHOUT_NAME = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}

# (apiVersion, plural) → the row, None if there is no such resource.
FindResource = Callable[[str, str], Resource | None]


class Target(NamedTuple):
    """What a path names. `rest` is what follows a subresource: the path behind a proxy."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    watches: bool = False  # The old form, /api/v1/watch/…


def built_in(api_version: str, plural: str) -> Resource | None:
    """The row of a built-in resource."""
    return BY_PLURAL.get((api_version, plural))


def is_of_built_in_version(raw_path: str) -> bool:
    """Whether a path lies in a group version of Kubernetes' own, whose handler says itself what it does not know."""
    parts = raw_path.strip("/").split("/")
    api_version = "/".join(parts[1:2] if parts[0] == "api" else parts[1:3])
    return parts[0] in ("api", "apis") and any(api_version == found for found, _ in BY_PLURAL)


def parse_path(raw_path: str, find: FindResource = built_in) -> Target | None:
    """What an API path names; None for every other path."""
    parts = [unquote(part) for part in raw_path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) > 2:
        api_version, parts = parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        api_version, parts = f"{parts[1]}/{parts[2]}", parts[3:]
    else:
        return None
    watches = parts[0] == "watch" and len(parts) > 1
    if watches:
        parts = parts[1:]
    namespace = ""
    if parts[0] == NAMESPACES and len(parts) > 2 and parts[2] not in NAMESPACE_SUBRESOURCES:
        namespace, parts = parts[1], parts[2:]
    resource = find(api_version, parts[0])
    if resource is None or (namespace and not resource.namespaced) or "" in parts[:2]:
        return None
    name, subresource = [*parts, "", ""][1:3]
    if name and resource.namespaced and not namespace:
        return None
    return Target(resource, namespace, name, subresource, "/".join(parts[3:]), watches)


def flag(text: str | None) -> bool:
    """Whether a flag of a query is set: it is when it is named, unless its value is 0 or false."""
    return text is not None and text.lower() not in ("0", "false")


def verb_of(method: str, target: Target, query: Mapping[str, str]) -> str:
    """The verb of a request, as authorization and audit name it."""
    verb = (WITH_NAME if target.name else WITHOUT_NAME).get(method)
    if verb is None:
        raise MethodNotSupportedError(UNKNOWN_METHOD)
    if method in ("GET", "HEAD") and not target.subresource:
        if target.watches or (verb in ("list", "get") and flag(query.get("watch"))):
            return "watch"
    elif verb == "create" and target.name and not target.subresource:
        raise MethodNotSupportedError(UNKNOWN_METHOD)
    return verb
