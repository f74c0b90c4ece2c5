"""From HTTP to what a client understands: objects, lists, errors, the events of a watch.

A real apiserver leaves kind and apiVersion out of a list's items; here they get them back, so that an object is the
same however it came. What is no Status (a proxy's page, a load balancer's complaint) becomes an error by its code.
Upstream: k8s.io/client-go/rest/request.go (transformResponse, newUnstructuredResponseError).
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from kubesim.api.errors import (
    ERRORS_BY_REASON,
    ApiError,
    BadRequestError,
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InternalError,
    MethodNotSupportedError,
    NotAcceptableError,
    NotFoundError,
    RequestEntityTooLargeError,
    ServerTimeoutError,
    ServiceUnavailableError,
    TooManyRequestsError,
    TransportError,
    UnauthorizedError,
    UnsupportedMediaTypeError,
)
from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import BOOKMARK, Request, Response, WatchEvent

# Reasons that have no class of their own.
OTHER_REASONS: dict[str, type[ApiError]] = {"Gone": ExpiredError, "ServerTimeout": ServerTimeoutError}
BY_CODE: dict[int, tuple[type[ApiError], str]] = {
    400: (BadRequestError, "the server rejected our request for an unknown reason"),
    401: (UnauthorizedError, "the server has asked for the client to provide credentials"),
    403: (ForbiddenError, "the server does not allow access to the requested resource"),
    404: (NotFoundError, "the server could not find the requested resource"),
    405: (MethodNotSupportedError, "the server does not allow this method on the requested resource"),
    406: (NotAcceptableError, "the server was unable to respond with a content type that the client supports"),
    409: (ConflictError, "the server reported a conflict"),
    410: (ExpiredError, "the requested resource version is too old"),
    413: (RequestEntityTooLargeError, "the request is too large"),
    415: (UnsupportedMediaTypeError, "the server does not accept the content type of the request"),
    429: (TooManyRequestsError, "the server has received too many requests and has asked us to try again later"),
    502: (ServiceUnavailableError, "the server is currently unable to handle the request"),
    503: (ServiceUnavailableError, "the server is currently unable to handle the request"),
    504: (ServerTimeoutError, "the server was unable to return a response in the time allotted"),
}
TEXT_SHOWN = 200
WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


def response_of(request: Request, code: int, body: bytes, warnings: tuple[str, ...] = ()) -> Response:
    """What a request that succeeded has brought."""
    obj = decode(body)
    metadata: Object = obj.get("metadata") or {}
    kind = obj.get("kind", "")
    if kind == "Status":
        return Response(code, status=obj, warnings=warnings)
    if isinstance(obj.get("items"), list) and request.verb in ("list", "deletecollection"):
        return Response(
            code,
            items=[stored_of(item, request.resource) for item in obj["items"]],
            revision=number(metadata.get("resourceVersion")),
            continue_=metadata.get("continue") or "",
            remaining_item_count=metadata.get("remainingItemCount"),
            warnings=warnings,
        )
    if not metadata.get("name"):
        return Response(code, status=obj, warnings=warnings)  # A question that was answered: nothing is stored.
    return Response(code, stored=Stored(number(metadata.get("resourceVersion")), obj), warnings=warnings)


def stored_of(obj: Object, resource: Resource) -> Stored:
    """An object of a list or a watch, with what a list leaves out."""
    if "kind" not in obj:
        obj = {"kind": resource.kind, "apiVersion": resource.api_version, **obj}
    return Stored(number(obj["metadata"].get("resourceVersion")), obj)


def number(version: object) -> int:
    """A resourceVersion; 0 for none."""
    text = str(version or "0")
    return int(text) if text.isdecimal() else 0


def decode(body: bytes) -> Object:
    """A JSON object; TransportError for anything else: whatever answered is no apiserver."""
    try:
        obj: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        obj = None
    if not isinstance(obj, dict):
        raise TransportError("what answered is no apiserver: its answer is not JSON", definite=False)
    return obj


def error_of(code: int, body: bytes) -> ApiError:
    """What a refusal means."""
    try:
        obj: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        obj = None
    if isinstance(obj, dict) and obj.get("kind") == "Status":
        return error_of_status(obj, code)
    kind, words = BY_CODE.get(code, (InternalError, f"the server answered with code {code}"))
    said = body.decode(errors="replace").strip()[:TEXT_SHOWN]
    return kind(f"{words} ({said})" if said and "<" not in said else words)


def error_of_status(status: Object, code: int = 0) -> ApiError:
    """The error that a Status tells of."""
    reason = status.get("reason") or ""
    code = status.get("code") or code
    kind = ERRORS_BY_REASON.get(reason) or OTHER_REASONS.get(reason) or BY_CODE.get(code, (InternalError, ""))[0]
    return kind(status.get("message") or f"the server answered with code {code}", status.get("details"))


def event_of(line: bytes, resource: Resource) -> WatchEvent:
    """One line of a watch; raises what an ERROR event says."""
    event = decode(line)
    obj = event.get("object")
    if not isinstance(obj, dict):
        raise TransportError("a line of a watch holds no object", definite=False)
    if event.get("type") == "ERROR":
        raise error_of_status(obj)
    if event.get("type") == BOOKMARK:
        obj = {**obj, "metadata": {"name": "", **obj.get("metadata", {})}}
    return WatchEvent(str(event.get("type")), stored_of(obj, resource))


def warnings_of(headers: list[str]) -> tuple[str, ...]:
    """The texts of Warning headers."""
    found = (match[1] for header in headers for match in WARNING.finditer(header))
    return tuple(re.sub(r"\\(.)", r"\1", text) for text in found)
