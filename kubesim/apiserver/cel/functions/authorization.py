"""`authorizer.group('apps').resource('deployments').namespace('x').check('create').allowed()`.

The variable `authorizer` is bound to an Opaque that carries a function: it decides what a Question asks.
Also jsonpatch.escapeKey, which mutating policies need.

Upstream: k8s.io/apiserver/pkg/cel/library/{authz,jsonpatch}.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.values import Opaque

AUTHORIZER = "kubernetes.authorization.Authorizer"
PATH_CHECK = "kubernetes.authorization.PathCheck"
GROUP_CHECK = "kubernetes.authorization.GroupCheck"
RESOURCE_CHECK = "kubernetes.authorization.ResourceCheck"
DECISION = "kubernetes.authorization.Decision"


class Question(NamedTuple):
    """May this user do this? `user` is "" for the one who sent the request."""

    user: str = ""
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    verb: str = ""


# None: allowed; else why not.
Decide = Callable[[Question], str | None]


def authorizer(decide: Decide) -> Opaque:
    """What to bind to `authorizer`."""
    return Opaque(AUTHORIZER, (decide, Question()))


def resource_check(decide: Decide, question: Question) -> Opaque:
    """What to bind to `authorizer.requestResource`."""
    return Opaque(RESOURCE_CHECK, (decide, question))


def _with(kind: str, field: str) -> Implementation:
    def narrowed(check: Opaque, value: str) -> Opaque:
        decide, question = check.value
        return Opaque(kind, (decide, question._replace(**{field: value})))

    return narrowed


def _as_service_account(check: Opaque, namespace: str, name: str) -> Opaque:
    decide, question = check.value
    return Opaque(AUTHORIZER, (decide, question._replace(user=f"system:serviceaccount:{namespace}:{name}")))


def _unnarrowed(check: Opaque, _selector: str) -> Opaque:
    """Selectors of fields and labels are for authorizers that know them; none here does."""
    return check


def _check(check: Opaque, verb: str) -> Opaque:
    decide, question = check.value
    return Opaque(DECISION, decide(question._replace(verb=verb)))


def _escape_key(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _reason(decision: Any) -> str:
    return decision.value or ""


FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    (f"{AUTHORIZER}::path(string): {PATH_CHECK}", _with(PATH_CHECK, "path")),
    (f"{PATH_CHECK}::check(string): {DECISION}", _check),
    (f"{AUTHORIZER}::group(string): {GROUP_CHECK}", _with(GROUP_CHECK, "group")),
    (f"{AUTHORIZER}::serviceAccount(string, string): {AUTHORIZER}", _as_service_account),
    (f"{GROUP_CHECK}::resource(string): {RESOURCE_CHECK}", _with(RESOURCE_CHECK, "resource")),
    *(
        (f"{RESOURCE_CHECK}::{field}(string): {RESOURCE_CHECK}", _with(RESOURCE_CHECK, field))
        for field in ("subresource", "namespace", "name")
    ),
    (f"{RESOURCE_CHECK}::fieldSelector(string): {RESOURCE_CHECK}", _unnarrowed),
    (f"{RESOURCE_CHECK}::labelSelector(string): {RESOURCE_CHECK}", _unnarrowed),
    (f"{RESOURCE_CHECK}::check(string): {DECISION}", _check),
    (f"{DECISION}::errored(): bool", lambda _decision: False),
    (f"{DECISION}::error(): string", lambda _decision: ""),
    (f"{DECISION}::allowed(): bool", lambda decision: decision.value is None),
    (f"{DECISION}::reason(): string", _reason),
    ("jsonpatch.escapeKey(string): string", _escape_key),
)
