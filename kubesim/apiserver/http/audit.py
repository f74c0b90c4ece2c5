"""The audit log: a line of JSON for every request, who asked for what and what came of it.

The level is Metadata: neither bodies nor answers are written. Who asked and why he might is worked out again when the
line is written, so that a server without an audit log pays nothing.
Left out: policies, the stages RequestReceived and ResponseStarted (a watch is written when it ends), other levels.
Upstream: k8s.io/apiserver/pkg/audit, k8s.io/apiserver/pkg/endpoints/filters/audit.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from kubesim.api.errors import ApiError
from kubesim.api.stored import Object
from kubesim.api.wire import Credential
from kubesim.apiserver.auth.attributes import Attributes
from kubesim.apiserver.authn import User
from kubesim.apiserver.http.credentials import CredentialSource, impersonations
from kubesim.apiserver.http.paths import Target, parse_path, verb_of
from kubesim.apiserver.reviews import user_info
from kubesim.apiserver.server import ApiServer

Sink = Callable[[bytes], Any]


class AuditLog:
    """Writes to `sink` what one server was asked."""

    def __init__(self, server: ApiServer, credentials: CredentialSource, sink: Sink) -> None:
        self._server = server
        self._credentials = credentials
        self._sink = sink

    def record(self, request: web.BaseRequest, audit_id: str, received: str, code: int, body: bytes) -> None:
        """One request that has been answered; `body` is looked at only if it is a refusal."""
        user, acts_as = self._users(request)
        target = parse_path(request.rel_url.raw_path, self._server.catalogue.find)
        wish = wish_of(request, target)
        event: Object = {
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": audit_id,
            "stage": "ResponseComplete", "requestURI": str(request.rel_url), "verb": wish.verb,
            "user": user_info(user),
        }  # fmt: skip
        if acts_as is not None:
            event["impersonatedUser"] = user_info(acts_as)
        event["sourceIPs"] = [request.remote or "127.0.0.1"]
        event["userAgent"] = request.headers.get("User-Agent", "")
        if target is not None:
            event["objectRef"] = reference(target)
        event["responseStatus"] = status_of(code, body)
        event["requestReceivedTimestamp"] = received
        event["stageTimestamp"] = self._server.sim.clock.micro_timestamp()
        if code != 401:
            decision = self._server.authorizer.decide(acts_as or user, wish)
            event["annotations"] = {
                "authorization.k8s.io/decision": "allow" if decision.allowed else "forbid",
                "authorization.k8s.io/reason": decision.reason,
            }
        self._sink(orjson.dumps(event) + b"\n")

    def _users(self, request: web.BaseRequest) -> tuple[User, User | None]:
        try:
            wanted = impersonations(request.headers)
        except ApiError:
            wanted = None
        return self._user(self._credentials(request)), None if wanted is None else self._user(wanted[0])

    def _user(self, credential: Credential) -> User:
        try:
            return self._server.authenticate(credential)
        except ApiError:
            return User("")  # Whoever brings wrong papers is nobody, not even the anonymous one.


def wish_of(request: web.BaseRequest, target: Target | None) -> Attributes:
    """What was asked for, as authorization sees it."""
    if target is None:
        return Attributes({"HEAD": "get"}.get(request.method, request.method.lower()), path=request.path)
    try:
        verb = verb_of(request.method, target, dict(request.rel_url.query))
    except ApiError:
        verb = request.method.lower()
    resource = target.resource
    return Attributes(verb, target.namespace, resource.group, resource.plural, target.subresource, target.name)


def reference(target: Target) -> Object:
    """The object of a request."""
    resource = target.resource
    parts = {
        "resource": resource.plural, "namespace": target.namespace, "name": target.name, "apiGroup": resource.group,
        "apiVersion": resource.version, "subresource": target.subresource,
    }  # fmt: skip
    return {name: value for name, value in parts.items() if value}


def status_of(code: int, body: bytes) -> Object:
    """The status of an answer; of a refusal with its words."""
    status: Object = {"metadata": {}, "code": code}
    if code < 400:
        return status
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return status
    return status | {key: told[key] for key in ("status", "message", "reason") if told.get(key)}
