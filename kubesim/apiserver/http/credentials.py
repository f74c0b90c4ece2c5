"""Who sent an HTTP request: a client certificate, a bearer token, or nobody; and as whom it wants to act.

Upstream: k8s.io/apiserver/pkg/authentication/request, impersonation in k8s.io/apiserver/pkg/endpoints/filters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from kubesim.api.errors import InternalError
from kubesim.api.resources import Resource
from kubesim.api.wire import BearerToken, ClientCertificate, Credential, Request
from kubesim.apiserver.authn import SERVICE_ACCOUNT_PREFIX

BEARER = "bearer "
IMPERSONATE = "Impersonate-"
USERS = Resource("", "v1", "User", "users", False)
GROUPS = Resource("", "v1", "Group", "groups", False)
SERVICE_ACCOUNTS = Resource("", "v1", "ServiceAccount", "serviceaccounts")

# From an HTTP request to the credential that it brings; tests on plain HTTP bring one of their own.
CredentialSource = Callable[[web.BaseRequest], Credential]


def credential_of(request: web.BaseRequest) -> Credential:
    """The token in the Authorization header, else the certificate of the connection, else None."""
    authorization = request.headers.get("Authorization", "")
    if authorization.lower().startswith(BEARER):
        return BearerToken(authorization[len(BEARER) :].strip())
    transport = request.transport
    certificate = transport.get_extra_info("peercert") if transport is not None else None
    return certificate_user(certificate) if certificate else None


def certificate_user(certificate: Mapping[str, Any]) -> ClientCertificate:
    """The common name and the organisations of a verified certificate, as Python's ssl module shows it."""
    common_name, organizations = "", []
    for relative_name in certificate.get("subject", ()):
        for key, value in relative_name:
            if key == "commonName":
                common_name = value
            elif key == "organizationName":
                organizations.append(value)
    return ClientCertificate(common_name, tuple(organizations))


def impersonations(headers: Mapping[str, str], groups: tuple[str, ...]) -> list[Request]:
    """What the caller must be allowed in order to act as whom the headers name, one request each."""
    name = headers.get(IMPERSONATE + "User", "")
    if not name:
        if groups or any(header.startswith(IMPERSONATE) for header in headers):
            raise InternalError("requested user.Info{} without impersonating a user")
        return []
    if name.startswith(SERVICE_ACCOUNT_PREFIX):
        namespace, _, account = name[len(SERVICE_ACCOUNT_PREFIX) :].partition(":")
        wanted = [Request("impersonate", SERVICE_ACCOUNTS, namespace, account)]
    else:
        wanted = [Request("impersonate", USERS, name=name)]
    return wanted + [Request("impersonate", GROUPS, name=group) for group in groups]


def impersonated(name: str, groups: tuple[str, ...]) -> ClientCertificate:
    """The credential of whom the caller acts as."""
    return ClientCertificate(name, groups)
