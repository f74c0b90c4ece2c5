"""Who sent an HTTP request: a client certificate, a bearer token, or nobody; and as whom it wants to act.

Upstream: k8s.io/apiserver/pkg/authentication/request, impersonation in k8s.io/apiserver/pkg/endpoints/filters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from aiohttp import web
from multidict import CIMultiDictProxy

from kubesim.api.errors import InternalError
from kubesim.api.wire import BearerToken, ClientCertificate, Credential, Identity
from kubesim.apiserver.auth.attributes import Attributes
from kubesim.apiserver.authn import (
    ANONYMOUS,
    AUTHENTICATED,
    SERVICE_ACCOUNT_PREFIX,
    UNAUTHENTICATED,
    service_account_groups,
)

BEARER = "bearer "
IMPERSONATE, EXTRA = "Impersonate-", "impersonate-extra-"
AUTHENTICATION = "authentication.k8s.io"

# From an HTTP request to the credential that it brings; tests on plain HTTP bring one of their own.
CredentialSource = Callable[[web.BaseRequest], Credential]
_Known = WeakKeyDictionary[Any, ClientCertificate]


class Credentials:
    """Finds the credential of a request; what a connection's certificate says is read once."""

    def __init__(self) -> None:
        self._known: _Known = WeakKeyDictionary()

    def __call__(self, request: web.BaseRequest) -> Credential:
        """The token in the Authorization header, else the certificate of the connection, else None."""
        token = token_of(request)
        if token is not None:
            return token
        connection = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
        if connection is None:
            return None
        found = self._known.get(connection)
        if found is None:
            certificate = connection.getpeercert()
            if not certificate:
                return None
            digest = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
            found = self._known[connection] = certificate_user(certificate, digest)
        return found


def token_of(request: web.BaseRequest) -> BearerToken | None:
    """The token in the Authorization header."""
    authorization = request.headers.get("Authorization", "")
    if authorization.lower().startswith(BEARER):
        return BearerToken(authorization[len(BEARER) :].strip())
    return None


def credential_of(request: web.BaseRequest) -> Credential:
    """The same without a memory, for who is asked rarely."""
    return Credentials()(request)


def certificate_user(certificate: Mapping[str, Any], digest: str = "") -> ClientCertificate:
    """The common name and the organisations of a verified certificate, as Python's ssl module shows it."""
    common_name, organizations = "", []
    for relative_name in certificate.get("subject", ()):
        for key, value in relative_name:
            if key == "commonName":
                common_name = value
            elif key == "organizationName":
                organizations.append(value)
    return ClientCertificate(common_name, tuple(organizations), digest)


def impersonations(headers: CIMultiDictProxy[str]) -> tuple[Identity, list[Attributes]] | None:
    """Whom the caller wants to act as, and what it must be allowed for that; None if it acts as itself."""
    name, uid = headers.get(IMPERSONATE + "User", ""), headers.get(IMPERSONATE + "Uid", "")
    groups = tuple(headers.getall(IMPERSONATE + "Group", ()))
    extra = extras(headers)
    if not name:
        if groups or extra or uid:
            wanted = [f"{{Group  {group}    }}" for group in groups]
            wanted += [
                f"{{UserExtra  {value}  {AUTHENTICATION}/v1  {key}}}" for key, values in extra for value in values
            ]
            wanted += [f"{{UID  {uid}  {AUTHENTICATION}/v1  }}"] if uid else []
            raise InternalError(f"requested [{' '.join(wanted)}] without impersonating a user")
        return None
    namespace, colon, account = name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
    is_account = name.startswith(SERVICE_ACCOUNT_PREFIX) and colon and ":" not in account
    if is_account:
        checks = [Attributes("impersonate", namespace, "", "serviceaccounts", name=account)]
    else:
        checks = [Attributes("impersonate", resource="users", name=name)]
    checks += [Attributes("impersonate", resource="groups", name=group) for group in groups]
    checks += [
        Attributes("impersonate", group=AUTHENTICATION, resource="userextras", subresource=key, name=value)
        for key, values in extra
        for value in values
    ]
    if uid:
        checks.append(Attributes("impersonate", group=AUTHENTICATION, resource="uids", name=uid))
    if is_account and not groups:
        groups = service_account_groups(namespace)
    return Identity(name, with_known_or_not(name, groups), uid, extra), checks


def extras(headers: CIMultiDictProxy[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Impersonate-Extra-KEY, with all values of each key."""
    found: dict[str, list[str]] = {}
    for header, value in headers.items():
        if header.lower().startswith(EXTRA):
            found.setdefault(unquote(header[len(EXTRA) :].lower()), []).append(value)
    return tuple((key, tuple(values)) for key, values in sorted(found.items()))


def with_known_or_not(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Whoever is impersonated is authenticated, but the anonymous one; unless the caller says which."""
    if AUTHENTICATED in groups or UNAUTHENTICATED in groups:
        return groups
    return (*groups, UNAUTHENTICATED if name == ANONYMOUS.name else AUTHENTICATED)
