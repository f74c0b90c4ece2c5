"""Questions that are posted and answered at once, and never stored: may I? may she? who am I?

SubjectAccessReview and its kin ask the authorizer; SelfSubjectReview repeats what authentication found.
Left out: TokenReview of tokens that are no static ones. Upstream: pkg/registry/{authorization,authentication}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.errors import BadRequestError, ForbiddenError, InvalidError, MethodNotSupportedError, UnauthorizedError
from kubesim.api.resources import SERVED, Resource
from kubesim.api.stored import Object
from kubesim.api.wire import BearerToken, Request, Response
from kubesim.apiserver.authn import AUTHENTICATED, MASTERS, User
from kubesim.apiserver.server import UNKNOWN_METHOD, ApiServer

AUTHORIZATION, AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"
SELF_REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews")
EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
BY_PLURAL = {(row.group, row.plural): row for row in SERVED}


def is_review(resource: Resource) -> bool:
    """Whether a resource is only a question."""
    return resource.verbs == ("create",) and resource.group in (AUTHORIZATION, AUTHENTICATION)


def answer_review(server: ApiServer, request: Request) -> Response:
    """The question with its answer in the status."""
    resource = request.resource
    if request.verb != "create":
        raise MethodNotSupportedError(UNKNOWN_METHOD)
    user = server.authenticate(request.credential)
    # Everybody who is known may ask about himself (the role system:basic-user).
    if not (resource.plural in SELF_REVIEWS and AUTHENTICATED in user.groups):
        server.authorize(user, request)
    if not isinstance(request.body, dict):
        raise BadRequestError(f"the object provided is unrecognized (must be of type {resource.kind})")
    warnings = server.schema.check(resource, request.body, request.options.field_validation or "Warn")
    spec: Object = request.body.get("spec") or {}
    body = {name: value for name, value in request.body.items() if name not in ("status", "metadata")}
    metadata: Object = {name: value for name, value in (request.body.get("metadata") or {}).items() if value}
    status = ANSWERS[resource.plural](server, user, spec)
    head = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    return Response(201, status={**head, **body, "status": status}, warnings=tuple(warnings))


def _self_access(server: ApiServer, user: User, spec: Object) -> Object:
    return _access(server, user, spec, "SelfSubjectAccessReview")


def _subject_access(server: ApiServer, _user: User, spec: Object) -> Object:
    name, groups = spec.get("user", ""), tuple(spec.get("groups") or ())
    if not name and not groups:
        words = 'spec.user: Invalid value: "": at least one of user or group must be specified'
        raise InvalidError(f'SubjectAccessReview.authorization.k8s.io "" is invalid: {words}')
    return _access(server, User(name, groups), spec, "SubjectAccessReview")


def _access(server: ApiServer, user: User, spec: Object, kind: str) -> Object:
    attributes, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (attributes is None) == (other is None):
        words = "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or "
        raise InvalidError(f'{kind}.authorization.k8s.io "" is invalid: {words}resourceAttributes must be specified')
    if other is not None:
        return {"allowed": may_get(user, other.get("path", ""))}
    try:
        server.authorize(user, _request_of(attributes or {}))
    except ForbiddenError:
        return {"allowed": False}
    return {"allowed": True}


def _request_of(attributes: Object) -> Request:
    group, plural = attributes.get("group", ""), attributes.get("resource", "")
    resource = BY_PLURAL.get((group, plural)) or Resource(group, attributes.get("version", ""), "", plural)
    return Request(
        attributes.get("verb", ""),
        resource,
        attributes.get("namespace", ""),
        attributes.get("name", ""),
        attributes.get("subresource", ""),
    )


def may_get(user: User, path: str) -> bool:
    """Whether a user may read a path that is no resource: system:discovery and system:public-info-viewer."""
    if MASTERS in user.groups or path in ("/healthz", "/livez", "/readyz", "/version", "/version/"):
        return True
    is_known = AUTHENTICATED in user.groups
    return is_known and (path in ("/api", "/apis", "/openapi") or path.startswith(("/api/", "/apis/", "/openapi/")))


def _self_rules(_server: ApiServer, user: User, _spec: Object) -> Object:
    own = [
        {"verbs": ["create"], "apiGroups": [AUTHENTICATION], "resources": ["selfsubjectreviews"]},
        {
            "verbs": ["create"],
            "apiGroups": [AUTHORIZATION],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        },
    ]
    paths = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
             "/version", "/version/"]  # fmt: skip
    rules = [EVERYTHING, *own] if MASTERS in user.groups else own
    other = [{"verbs": ["get"], "nonResourceURLs": [path]} for path in paths]
    if MASTERS in user.groups:
        other.insert(0, {"verbs": ["*"], "nonResourceURLs": ["*"]})
    return {"resourceRules": rules, "nonResourceRules": other, "incomplete": False}


def _self_review(_server: ApiServer, user: User, _spec: Object) -> Object:
    return {"userInfo": _user_info(user)}


def _token_review(server: ApiServer, _user: User, spec: Object) -> Object:
    try:
        return {"authenticated": True, "user": _user_info(server.authenticate(BearerToken(spec.get("token", ""))))}
    except UnauthorizedError as error:
        return {"user": {}, "error": str(error)}


def _user_info(user: User) -> Object:
    info: dict[str, Any] = {"username": user.name}
    if user.groups:
        info["groups"] = list(user.groups)
    return info


ANSWERS: dict[str, Callable[[ApiServer, User, Object], Object]] = {
    "selfsubjectaccessreviews": _self_access,
    "subjectaccessreviews": _subject_access,
    "localsubjectaccessreviews": _subject_access,
    "selfsubjectrulesreviews": _self_rules,
    "selfsubjectreviews": _self_review,
    "tokenreviews": _token_review,
}
