"""The errors of the Kubernetes API, each with upstream's reason, code and words.

ApiError                      everything below is one, and becomes a `Status` on the wire
├── BadRequestError 400       ├── MethodNotSupportedError 405   ├── ExpiredError 410
├── UnauthorizedError 401     ├── NotAcceptableError 406        ├── RequestEntityTooLargeError 413
├── ForbiddenError 403        ├── AlreadyExistsError 409        ├── UnsupportedMediaTypeError 415
├── NotFoundError 404         ├── ConflictError 409             ├── InvalidError 422
├── TooManyRequestsError 429  ├── InternalError 500             ├── ServiceUnavailableError 503
└── ServerTimeoutError 504
TransportError                the apiserver was not reached, or its answer was lost

Upstream: k8s.io/apimachinery/pkg/api/errors.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from kubesim.api.resources import Resource


class FieldError(NamedTuple):
    """One thing wrong with one field, as `field.Error` upstream. `reason` is FieldValueRequired and so on."""

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class ApiError(Exception):
    """A request was refused. `definite`: nothing was written; only a timeout cannot promise that."""

    reason: ClassVar[str] = ""
    code: ClassVar[int] = 500
    definite: ClassVar[bool] = True

    def __init__(self, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def status(self) -> dict[str, Any]:
        """The `Status` object that goes over the wire."""
        status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details:
            status["details"] = self.details
        status["code"] = self.code
        return status


class BadRequestError(ApiError):
    """The request makes no sense; the message says why."""

    reason, code = "BadRequest", 400


class UnauthorizedError(ApiError):
    """Nobody knows who you are."""

    reason, code = "Unauthorized", 401


class ForbiddenError(ApiError):
    """You are known, but may not."""

    reason, code = "Forbidden", 403


class NotFoundError(ApiError):
    """There is no such object."""

    reason, code = "NotFound", 404


class MethodNotSupportedError(ApiError):
    """The resource exists, but not with this verb."""

    reason, code = "MethodNotAllowed", 405


class NotAcceptableError(ApiError):
    """The server cannot answer in any of the formats asked for."""

    reason, code = "NotAcceptable", 406


class AlreadyExistsError(ApiError):
    """An object of this name is there already."""

    reason, code = "AlreadyExists", 409


class ConflictError(ApiError):
    """Someone wrote first: your resourceVersion is stale. Read again, change again, retry."""

    reason, code = "Conflict", 409


class ExpiredError(ApiError):
    """The revision asked for is compacted away. List again and watch from there."""

    reason, code = "Expired", 410


class RequestEntityTooLargeError(ApiError):
    """The object or patch is too big."""

    reason, code = "RequestEntityTooLarge", 413


class UnsupportedMediaTypeError(ApiError):
    """The body's content type is not accepted here."""

    reason, code = "UnsupportedMediaType", 415


class InvalidError(ApiError):
    """The object breaks rules; `details.causes` lists each field."""

    reason, code = "Invalid", 422


class TooManyRequestsError(ApiError):
    """Not now: a disruption budget or flow control says no. `details.retryAfterSeconds` says when."""

    reason, code = "TooManyRequests", 429


class InternalError(ApiError):
    """The server failed."""

    reason, code = "InternalError", 500


class ServiceUnavailableError(ApiError):
    """The server is not ready."""

    reason, code = "ServiceUnavailable", 503


class ServerTimeoutError(ApiError):
    """The server gave up waiting; the write may or may not have happened."""

    reason, code, definite = "Timeout", 504, False


class TransportError(Exception):
    """The apiserver was not reached. `definite`: the request surely had no effect."""

    def __init__(self, message: str, *, definite: bool) -> None:
        super().__init__(message)
        self.definite = definite


def not_found(resource: Resource, name: str) -> NotFoundError:
    """`pods "x" not found`."""
    return NotFoundError(f'{resource.qualified} "{name}" not found', _details(resource, name))


def already_exists(resource: Resource, name: str) -> AlreadyExistsError:
    """`pods "x" already exists`."""
    return AlreadyExistsError(f'{resource.qualified} "{name}" already exists', _details(resource, name))


OBJECT_WAS_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource: Resource, name: str, why: str = OBJECT_WAS_MODIFIED) -> ConflictError:
    """`Operation cannot be fulfilled on pods "x": …`."""
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return ConflictError(message, _details(resource, name))


def forbidden(resource: Resource, name: str, why: str) -> ForbiddenError:
    """`pods "x" is forbidden: …`."""
    named = f'{resource.qualified} "{name}"' if name else resource.qualified
    return ForbiddenError(f"{named} is forbidden: {why}", _details(resource, name))


def invalid(resource: Resource, name: str, problems: list[FieldError]) -> InvalidError:
    """`Pod "x" is invalid: spec.containers: Required value`, several in brackets."""
    assert problems, "an InvalidError needs at least one problem"
    texts = list(dict.fromkeys(map(str, problems)))
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details: dict[str, Any] = {"name": name, "group": resource.group, "kind": resource.kind}
    details["causes"] = [{"reason": p.reason, "message": p.message, "field": p.field} for p in problems]
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return InvalidError(f'{kind} "{name}" is invalid: {text}', {k: v for k, v in details.items() if v})


ERRORS_BY_REASON: dict[str, type[ApiError]] = {kind.reason: kind for kind in ApiError.__subclasses__()}


def _details(resource: Resource, name: str) -> dict[str, Any]:
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: value for key, value in details.items() if value}
