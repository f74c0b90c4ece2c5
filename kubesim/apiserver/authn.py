"""Authentication: who sent the request?

The real server asks one authenticator after another (client certificate, bearer token, …) until one knows
the caller. A certificate's common name is the user and its organisations are the groups; whoever is known
belongs to `system:authenticated` too; who brings nothing at all is `system:anonymous`. A token that nobody
knows is refused with 401: wrong papers are worse than none.

Left out: OpenID Connect, webhooks, impersonation. Upstream: k8s.io/apiserver/pkg/authentication.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from kubesim.api.errors import UnauthorizedError
from kubesim.api.wire import BearerToken, Credential, Identity

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
MASTERS = "system:masters"
SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"
NODES = "system:nodes"
NODE_PREFIX = "system:node:"
USERS_MAX = 4096  # Who is remembered; then all are worked out anew.
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


class User(msgspec.Struct, frozen=True, cache_hash=True):
    """A name and the groups it belongs to: all that authorization and admission know of a caller.

    `uid` and `extra` (keys in order, each with its values) are passed on to who asks, and decide nothing.
    """

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))
API_SERVER = User("system:apiserver", (MASTERS, AUTHENTICATED))


class BadTokenError(UnauthorizedError):
    """Whoever brings the token hears only "Unauthorized"; `why` is for a TokenReview."""

    def __init__(self, why: str) -> None:
        super().__init__("Unauthorized")
        self.why = why


class Bearers(Protocol):
    """Who knows the tokens of service accounts."""

    def authenticate(self, text: str, audiences: tuple[str, ...] = ()) -> tuple[User, tuple[str, ...]]:
        """Whose token it is, and for which of the audiences it is good; UnauthorizedError for no good token."""
        ...


class Authenticator:
    """Knows who a credential belongs to. `tokens` maps each bearer token to its user."""

    def __init__(self, tokens: Mapping[str, User] | None = None) -> None:
        self._tokens = dict(tokens or {})
        self._users: dict[Credential, User] = {None: ANONYMOUS}  # Every lasting credential is worked out once.
        self._bearers: Bearers | None = None

    def accept(self, bearers: Bearers) -> None:
        """From here on tokens that `bearers` knows are good too. They are asked every time: such a token can end."""
        self._bearers = bearers

    def authenticate(self, credential: Credential) -> User:
        """The user behind `credential`; UnauthorizedError for a token that nobody issued."""
        user = self._users.get(credential)
        if user is None:
            if isinstance(credential, BearerToken) and self._bearers and credential.token not in self._tokens:
                return with_standard_groups(self._bearers.authenticate(credential.token)[0])
            if len(self._users) >= USERS_MAX:
                self._users = {None: ANONYMOUS}
            user = self._users[credential] = self._identify(credential)
        return user

    def review(self, token: BearerToken, audiences: tuple[str, ...]) -> tuple[User, tuple[str, ...]]:
        """Whose token it is, and for which of the audiences it is good: TokenReview."""
        if self._bearers is None or token.token in self._tokens:
            return self.authenticate(token), audiences
        user, good_for = self._bearers.authenticate(token.token, audiences)
        return with_standard_groups(user), good_for

    def _identify(self, credential: Credential) -> User:
        assert credential is not None, "no credential means anonymous, which is known from the beginning"
        if isinstance(credential, BearerToken):
            known = self._tokens.get(credential.token)
            if known is None:
                raise UnauthorizedError("Unauthorized")
            return User(known.name, _with_standard_groups(known.name, known.groups))
        if isinstance(credential, Identity):
            return User(credential.name, credential.groups, credential.uid, credential.extra)
        name = credential.common_name
        extra = ((CREDENTIAL_ID, (f"X509SHA256={credential.digest}",)),) if credential.digest else ()
        return User(name, _with_standard_groups(name, credential.organizations), extra=extra)


def with_standard_groups(user: User) -> User:
    """The same user with the groups that follow from being known."""
    return msgspec.structs.replace(user, groups=_with_standard_groups(user.name, user.groups))


def service_account_user(namespace: str, name: str) -> User:
    """Who a Pod or a controller is that acts as a service account."""
    user = f"{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"
    return User(user, _with_standard_groups(user, ()))


def service_account_groups(namespace: str) -> tuple[str, ...]:
    """The groups of every account of a namespace."""
    return "system:serviceaccounts", f"system:serviceaccounts:{namespace}"


def node_name(user: User) -> str:
    """The node whose kubelet this user is; "" for everybody else."""
    if NODES in user.groups and user.name.startswith(NODE_PREFIX):
        return user.name[len(NODE_PREFIX) :]
    return ""


def _with_standard_groups(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """The groups that follow from the name and from being known at all."""
    more: tuple[str, ...] = ()
    if name.startswith(SERVICE_ACCOUNT_PREFIX):
        namespace = name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")[0]
        more = service_account_groups(namespace)
    return tuple(dict.fromkeys((*groups, *more, AUTHENTICATED)))
