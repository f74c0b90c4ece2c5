"""The API server: authentication, authorization, admission, validation, registry, storage, watch cache."""

from kubesim.apiserver.authn import Authenticator, User
from kubesim.apiserver.authz import AllowAll, Authorizer
from kubesim.apiserver.server import ApiServer

__all__ = ["AllowAll", "ApiServer", "Authenticator", "Authorizer", "User"]
