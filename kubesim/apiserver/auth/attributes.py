"""What authorization looks at: who wants which verb on which resource or path; and the sentence of a refusal.

Upstream: k8s.io/apiserver/pkg/authorization/authorizer, RequestInfo in k8s.io/apiserver/pkg/endpoints/request.
"""

from __future__ import annotations

from typing import NamedTuple

from kubesim.api.errors import ForbiddenError, forbidden
from kubesim.api.resources import Resource
from kubesim.api.wire import Request
from kubesim.apiserver.authn import User

WITH_SELECTOR = ("list", "watch", "deletecollection")
NAME_SELECTOR = "metadata.name="


class Attributes(NamedTuple):
    """One wish. `path` is set instead of the rest for what is no resource."""

    verb: str
    namespace: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    path: str = ""

    @property
    def what(self) -> str:
        """`pods/log`: the resource as rules name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Decision(NamedTuple):
    """Whether, and why or why not."""

    allowed: bool
    reason: str = ""


def attributes_of(request: Request) -> Attributes:
    """A request as authorization sees it: a Namespace lies in itself, and a selected name is a name."""
    resource = request.resource
    return Attributes(
        request.verb, namespace_of(request), resource.group, resource.plural, request.subresource, name_of(request)
    )


def namespace_of(request: Request) -> str:
    """The namespace whose roles count."""
    if request.resource.plural == "namespaces" and not request.resource.group:
        return request.name
    return request.namespace


def name_of(request: Request) -> str:
    """The one object that is meant: of the path, or of a field selector that names it."""
    selector = request.options.field_selector
    if not request.name and selector and request.verb in WITH_SELECTOR:
        for part in selector.split(","):
            if part.startswith(NAME_SELECTOR):
                return part.removeprefix(NAME_SELECTOR).removeprefix("=")
    return request.name


def describe(user: User, attributes: Attributes) -> str:
    """`User "x" cannot list resource "pods" in API group "" in the namespace "default"`."""
    if attributes.path:
        return f'User "{user.name}" cannot {attributes.verb} path "{attributes.path}"'
    scope = f'in the namespace "{attributes.namespace}"' if attributes.namespace else "at the cluster scope"
    what = f'resource "{attributes.what}" in API group "{attributes.group}"'
    return f'User "{user.name}" cannot {attributes.verb} {what} {scope}'


def refusal(user: User, attributes: Attributes, reason: str) -> ForbiddenError:
    """The 403 of a decision."""
    words = describe(user, attributes) + (f": {reason}" if reason else "")
    if attributes.path:
        return ForbiddenError(f"forbidden: {words}", {})
    return forbidden(Resource(attributes.group, "", "", attributes.resource), attributes.name, words)
