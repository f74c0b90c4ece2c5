"""Questions that are posted and answered at once, and never stored: may I? may she? who am I? whose token is this?

SubjectAccessReview and its kin ask the authorizer; SelfSubjectReview repeats what authentication found, TokenReview
asks it. Left out: field and label selectors of access reviews.
Upstream: pkg/registry/{authorization,authentication}, pkg/apis/authorization/validation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.errors import BadRequestError, FieldError, MethodNotSupportedError, UnauthorizedError, invalid
from kubesim.api.resources import Resource
from kubesim.api.stored import Object
from kubesim.api.wire import BearerToken, Request, Response
from kubesim.apiserver.auth.attributes import Attributes
from kubesim.apiserver.auth.rules import object_of
from kubesim.apiserver.authn import BadTokenError, User
from kubesim.apiserver.server import UNKNOWN_METHOD, ApiServer
from kubesim.apiserver.validation.field import invalid as invalid_field

AUTHORIZATION, AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"
BOTH = "cannot be specified in combination with resourceAttributes"
NEITHER = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


def is_review(resource: Resource) -> bool:
    """Whether a resource is only a question."""
    return resource.verbs == ("create",) and resource.group in (AUTHORIZATION, AUTHENTICATION)


def answer_review(server: ApiServer, request: Request) -> Response:
    """The question with its answer in the status."""
    resource = request.resource
    user = server.authenticate(request.credential)
    server.authorize(user, request)
    if request.verb != "create":
        raise MethodNotSupportedError(UNKNOWN_METHOD)
    if not isinstance(request.body, dict):
        raise BadRequestError(f"the object provided is unrecognized (must be of type {resource.kind})")
    warnings = server.schema.check(resource, request.body, request.options.field_validation or "Warn")
    body = {name: value for name, value in request.body.items() if name not in ("status", "metadata")}
    metadata: Object = {name: value for name, value in (request.body.get("metadata") or {}).items() if value}
    status = ANSWERS[resource.plural](server, user, request, metadata)
    head = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    return Response(201, status={**head, **body, "status": status}, warnings=tuple(warnings))


def _spec(request: Request) -> Object:
    spec: Object = request.body.get("spec") or {}
    return spec


def _self_access(server: ApiServer, user: User, request: Request, metadata: Object) -> Object:
    spec = _spec(request)
    _refuse(request, _one_kind(spec) + _no_metadata(metadata))
    return _access(server, user, spec)


def _subject_access(server: ApiServer, _user: User, request: Request, metadata: Object) -> Object:
    spec = _spec(request)
    _refuse(request, _one_kind(spec) + _somebody(spec) + _no_metadata(metadata))
    return _access(server, _subject(spec), spec)


def _local_access(server: ApiServer, _user: User, request: Request, metadata: Object) -> Object:
    spec, namespace = _spec(request), request.namespace
    if metadata.setdefault("namespace", namespace) != namespace:
        raise BadRequestError("the namespace of the provided object does not match the namespace sent on the request")
    rest = {name: value for name, value in metadata.items() if name != "namespace"}
    problems = _one_kind(spec) + _somebody(spec) + _no_metadata(rest, "must be empty except for namespace")
    wanted = (spec.get("resourceAttributes") or {}).get("namespace", "")
    if spec.get("resourceAttributes") is not None and wanted != namespace:
        words = "must match metadata.namespace"
        problems.append(invalid_field("spec.resourceAttributes.namespace", wanted, words))
    if (other := spec.get("nonResourceAttributes")) is not None:
        problems.append(invalid_field("spec.nonResourceAttributes", other, "disallowed on this kind of request"))
    _refuse(request, problems)
    return _access(server, _subject(spec), spec)


def _subject(spec: Object) -> User:
    extra = tuple((key, tuple(values or ())) for key, values in sorted((spec.get("extra") or {}).items()))
    return User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "", extra)


def _access(server: ApiServer, user: User, spec: Object) -> Object:
    decision = server.authorizer.decide(user, _attributes(spec))
    status: Object = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
        if not decision.allowed and decision.reason.startswith("RBAC: "):
            status["evaluationError"] = decision.reason.removeprefix("RBAC: ")
    return status


def _attributes(spec: Object) -> Attributes:
    other: Object | None = spec.get("nonResourceAttributes")
    if other is not None:
        return Attributes(other.get("verb", ""), path=other.get("path", "") or "/")
    wanted: Object = spec.get("resourceAttributes") or {}
    fields = ("verb", "namespace", "group", "resource", "subresource", "name")
    return Attributes(*(wanted.get(field) or "" for field in fields))


def _refuse(request: Request, problems: list[FieldError]) -> None:
    if problems:
        # The server's own form of the object has lost its kind: upstream's message has none either.
        raise invalid(Resource(request.resource.group, "", "", request.resource.plural), "", problems)


def _one_kind(spec: Object) -> list[FieldError]:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and other is not None:
        return [invalid_field("spec.nonResourceAttributes", other, BOTH)]
    if resource is None and other is None:
        return [invalid_field("spec.resourceAttributes", None, NEITHER)]
    return []


def _somebody(spec: Object) -> list[FieldError]:
    if spec.get("user") or spec.get("groups"):
        return []
    return [invalid_field("spec.user", "", "at least one of user or group must be specified")]


def _no_metadata(metadata: Object, words: str = "must be empty") -> list[FieldError]:
    return [invalid_field("metadata", metadata, words)] if metadata else []


def _self_rules(server: ApiServer, user: User, request: Request, _metadata: Object) -> Object:
    namespace = _spec(request).get("namespace")
    if not namespace:
        raise BadRequestError("no namespace on request")
    rules, errors = server.authorizer.rules(user, namespace)
    status: Object = {
        "resourceRules": [object_of(rule) for rule in rules if rule.resources],
        "nonResourceRules": [object_of(rule) for rule in rules if rule.urls],
        "incomplete": bool(errors),
    }
    if errors:
        status["evaluationError"] = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
    return status


def _self_review(server: ApiServer, user: User, _request: Request, metadata: Object) -> Object:
    metadata["creationTimestamp"] = server.sim.clock.timestamp()
    return {"userInfo": user_info(user)}


def _token_review(server: ApiServer, _user: User, request: Request, _metadata: Object) -> Object:
    spec = _spec(request)
    token, audiences = spec.get("token") or "", tuple(spec.get("audiences") or ())
    if not token:
        raise BadRequestError("token is required for TokenReview in authentication")
    try:
        user, valid_for = server.review_token(BearerToken(token), audiences)
    except UnauthorizedError as error:
        return {"user": {}, "error": error.why if isinstance(error, BadTokenError) else "invalid bearer token"}
    status: Object = {"authenticated": True, "user": user_info(user)}
    return {**status, "audiences": list(valid_for)} if valid_for else status


def user_info(user: User) -> Object:
    """A user as an object of the authentication API."""
    info: dict[str, Any] = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra}
    return info


ANSWERS: dict[str, Callable[[ApiServer, User, Request, Object], Object]] = {
    "selfsubjectaccessreviews": _self_access,
    "subjectaccessreviews": _subject_access,
    "localsubjectaccessreviews": _local_access,
    "selfsubjectrulesreviews": _self_rules,
    "selfsubjectreviews": _self_review,
    "tokenreviews": _token_review,
}
