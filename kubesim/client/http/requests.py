"""From a `Request` to HTTP: method, path, query, headers, body.

Upstream: k8s.io/client-go/rest/request.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson

from kubesim.api.wire import Options, Request
from kubesim.client.kubeconfig import Impersonation

JSON_TYPE = "application/json"
METHODS = {
    "get": "GET", "list": "GET", "watch": "GET", "create": "POST", "update": "PUT", "patch": "PATCH",
    "delete": "DELETE", "deletecollection": "DELETE",
}  # fmt: skip
WRITES = ("create", "update", "patch")
COLLECTIONS = ("list", "watch", "deletecollection")

Query = list[tuple[str, str]]


class HttpRequest(NamedTuple):
    """One request, credentials aside. `path` begins behind the server's URL."""

    method: str
    path: str
    query: Query
    headers: dict[str, str]
    body: bytes | None


def http_request(request: Request) -> HttpRequest:
    """Any verb."""
    headers = {"Accept": JSON_TYPE, "User-Agent": request.user_agent or "kubesim"}
    if request.causes:
        headers["Kubesim-Cause"] = ",".join(map(str, request.causes))  # A real apiserver does not read it.
    body, content_type = body_of(request)
    if body is not None:
        headers["Content-Type"] = content_type
    return HttpRequest(METHODS[request.verb], path_of(request), query_of(request), headers, body)


def path_of(request: Request) -> str:
    """`/apis/apps/v1/namespaces/default/deployments/web/scale`."""
    resource = request.resource
    parts = ["apis", resource.group, resource.version] if resource.group else ["api", resource.version]
    if request.namespace and resource.namespaced:
        parts += ["namespaces", request.namespace]
    parts.append(resource.plural)
    if request.name:
        parts.append(request.name)
    if request.subresource:
        parts.append(request.subresource)
    return "/" + "/".join(quote(part, safe=":") for part in parts)


def query_of(request: Request) -> Query:
    """The options that the verb reads."""
    options, verb = request.options, request.verb
    if verb in COLLECTIONS:
        return _of_collection(options, is_watch=verb == "watch")
    if verb not in WRITES:
        return []
    query = [("dryRun", "All")] if options.dry_run else []
    query += _given(("fieldManager", options.field_manager), ("fieldValidation", options.field_validation))
    return [*query, ("force", "true")] if options.force else query


def body_of(request: Request) -> tuple[bytes | None, str]:
    """What is sent along, and its type."""
    body = request.body
    if request.verb in ("delete", "deletecollection"):
        body = body or {"kind": "DeleteOptions", "apiVersion": "v1"}
        if request.options.dry_run:
            body = {**body, "dryRun": ["All"]}
    elif request.verb not in WRITES:
        return None, ""
    return orjson.dumps(body), request.patch_type or JSON_TYPE


def session_query(options: Mapping[str, Any] | None) -> Query:
    """PodLogOptions, PodExecOptions, …: a list repeats its name."""
    query: Query = []
    for name, value in (options or {}).items():
        for each in value if isinstance(value, list | tuple) else (value,):
            query.append((name, str(each).lower() if isinstance(each, bool) else str(each)))
    return query


def impersonation_headers(who: Impersonation | None) -> Query:
    """Impersonate-User and its kin."""
    if who is None:
        return []
    headers = [("Impersonate-User", who.user), *(("Impersonate-Group", group) for group in who.groups)]
    if who.uid:
        headers.append(("Impersonate-Uid", who.uid))
    headers += [(f"Impersonate-Extra-{quote(key, safe='')}", value) for key, values in who.extra for value in values]
    return headers


def _of_collection(options: Options, *, is_watch: bool) -> Query:
    query = [("watch", "true")] if is_watch else []
    query += _given(
        ("labelSelector", options.label_selector),
        ("fieldSelector", options.field_selector),
        ("resourceVersion", options.resource_version),
        ("resourceVersionMatch", options.resource_version_match),
        ("continue", options.continue_),
    )
    if options.limit:
        query.append(("limit", str(options.limit)))
    if options.timeout_seconds is not None:
        query.append(("timeoutSeconds", str(options.timeout_seconds)))
    if options.allow_watch_bookmarks:
        query.append(("allowWatchBookmarks", "true"))
    if options.send_initial_events:
        query.append(("sendInitialEvents", "true"))
    return query


def _given(*pairs: tuple[str, str]) -> Query:
    return [pair for pair in pairs if pair[1]]
