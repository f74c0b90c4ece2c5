"""Tokens of service accounts: issued by TokenRequest, and known again when somebody brings one.

A bound token says for how long it is good, for whom (audiences), whose it is, and to which Pod, Secret or Node it
belongs: it ends with that object. A legacy token lies in a Secret and is good as long as the Secret has it.
Upstream: pkg/registry/core/serviceaccount/storage/token.go, pkg/serviceaccount/{claims,legacy,jwt}.go.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any

from kubesim.api.errors import BadRequestError, FieldError, conflict, invalid, not_found
from kubesim.api.resources import NODES, PODS, SECRETS, SERVICE_ACCOUNTS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.tokens import LEGACY, LEGACY_ISSUER, Token, TokenSigner, make_token, parse_token
from kubesim.api.wire import Response
from kubesim.apiserver.auth.rules import quoted
from kubesim.apiserver.authn import CREDENTIAL_ID, BadTokenError, User, service_account_user
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.validation.field import invalid as invalid_field
from kubesim.sim import Simulation
from kubesim.sim.clock import format_seconds

ISSUER = "https://kubernetes.default.svc.cluster.local"
PRIVATE = "kubernetes.io"
SECONDS_DEFAULT, SECONDS_MIN, SECONDS_MAX = 3600, 600, 1 << 32
# A Pod's token of just this lifetime was chosen by nobody: it is good for a year, and should be renewed after this.
PROJECTED_SECONDS, YEAR_SECONDS = 3607, 365 * 24 * 3600
TOKEN_REQUESTS = Resource("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests")
BOUND = {"Pod": PODS, "Secret": SECRETS, "Node": NODES}
EXTRA = "authentication.kubernetes.io/"
TOKENS_MAX = 4096
INVALIDATED = "service account token has been invalidated"

Latest = Callable[[Resource, str, str], Stored | None]


class ServiceAccountTokens:
    """Issues and recognises the tokens of one server."""

    def __init__(self, sim: Simulation, signer: TokenSigner, latest: Latest) -> None:
        self.signer = signer
        self._sim = sim
        self._latest = latest
        self._signed: dict[str, Token] = {}  # Tokens whose signature was found to be ours.

    # -- issuing --------------------------------------------------------------------------------------

    async def request(self, registry: Registry, context: RequestContext) -> Response:
        """POST to serviceaccounts/NAME/token."""
        asked, name, namespace = context.request.body, context.request.name, context.request.namespace
        if not isinstance(asked, dict):
            raise BadRequestError("the object provided is unrecognized (must be of type TokenRequest)")
        given: Object = asked.get("metadata") or {}
        for field, wanted in (("name", name), ("namespace", namespace)):
            if given.get(field, wanted) not in ("", wanted):
                words = f"must match the service account {field} if specified"
                raise invalid(TOKEN_REQUESTS, name, [invalid_field(f"metadata.{field}", given[field], words)])
        account = registry.latest(name, namespace)
        if account is None:
            raise not_found(SERVICE_ACCOUNTS, name)
        spec: Object = dict(asked.get("spec") or {})
        spec["audiences"] = list(spec.get("audiences") or (ISSUER,))
        if spec.get("expirationSeconds") is None:
            spec["expirationSeconds"] = SECONDS_DEFAULT
        if problems := lifetime_problems(spec["expirationSeconds"]):
            raise invalid(TOKEN_REQUESTS, "", problems)
        bound = self._bound(name, namespace, spec.get("boundObjectRef"))
        now = self._sim.clock.unix_ns() // 1_000_000_000
        claims = self._claims(account, spec, bound, now)
        ends = format_seconds(now + spec["expirationSeconds"])
        answer = {
            "kind": "TokenRequest",
            "apiVersion": TOKEN_REQUESTS.api_version,
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": self._sim.clock.timestamp()},
            "spec": {**spec, "boundObjectRef": spec.get("boundObjectRef")},
            "status": {"token": make_token(self.signer, claims), "expirationTimestamp": ends},
        }
        return Response(201, status=answer)

    def _bound(self, account: str, namespace: str, reference: Object | None) -> dict[str, Object]:
        """What the claims say of the object that the token is bound to."""
        if not reference:
            return {}
        kind, name = reference.get("kind", ""), reference.get("name", "")
        resource = BOUND.get(kind) if reference.get("apiVersion", "v1") in ("v1", "") else None
        if resource is None:
            group, _, version = reference.get("apiVersion", "").rpartition("/")
            raise BadRequestError(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
        stored = self._latest(resource, name, namespace if resource.namespaced else "")
        if stored is None:
            raise not_found(resource, name)
        found: dict[str, Object] = {kind.lower(): {"name": name, "uid": stored.uid}}
        if resource is PODS:
            spec: Object = stored.object.get("spec") or {}
            if spec.get("serviceAccountName") != account:
                words = f'cannot bind token for serviceaccount "{account}" to pod running with different serviceaccount'
                raise BadRequestError(f"{words} name.")
            if node := spec.get("nodeName"):
                machine = self._latest(NODES, node, "")
                found["node"] = {"name": node} | ({"uid": machine.uid} if machine else {})
        if (uid := reference.get("uid")) and uid != stored.uid:
            words = f"the UID in the bound object reference ({uid}) does not match the UID in record. "
            words += "The object might have been deleted and then recreated"
            raise conflict(Resource("", "v1", kind, kind), name, words)
        return found

    def _claims(self, account: Stored, spec: Object, bound: dict[str, Object], now: int) -> Object:
        seconds = spec["expirationSeconds"]
        private: Object = {
            "namespace": account.namespace,
            "serviceaccount": {"name": account.name, "uid": account.uid},
            **bound,
        }
        ends = now + seconds
        if seconds == PROJECTED_SECONDS and "pod" in bound and spec["audiences"] == [ISSUER]:
            private["warnafter"] = ends
            ends = now + YEAR_SECONDS
        return {
            "aud": spec["audiences"], "exp": ends, "iat": now, "iss": ISSUER, "jti": self._sim.chance.uid(),
            PRIVATE: private, "nbf": now, "sub": service_account_user(account.namespace, account.name).name,
        }  # fmt: skip

    # -- recognising ----------------------------------------------------------------------------------

    def authenticate(self, text: str, audiences: tuple[str, ...] = ()) -> tuple[User, tuple[str, ...]]:
        """Whose token it is and for which of the audiences (none: this server's) it is good; UnauthorizedError."""
        token = self._verified(text)
        claims = token.claims
        if claims.get("iss") == LEGACY_ISSUER:
            return self._legacy_user(claims, text), audiences
        wanted = audiences or (ISSUER,)
        given = claims.get("aud") or []
        good_for = tuple(audience for audience in wanted if audience in given)
        if not good_for:
            words = f"token audiences {quoted(given)} is invalid for the target audiences {quoted(wanted)}"
            raise refused(words)
        now = self._sim.clock.unix_ns() // 1_000_000_000
        if now < claims.get("nbf", 0):
            raise refused("service account token is not valid yet")
        if now >= claims.get("exp", 0):
            raise refused("service account token has expired")
        return self._bound_user(claims), good_for

    def _verified(self, text: str) -> Token:
        token = self._signed.get(text)
        if token is None:
            token = parse_token(text)
            if token is None or token.claims.get("iss") not in (ISSUER, LEGACY_ISSUER):
                raise refused("")
            if token.algorithm != self.signer.algorithm or not self.signer.verify(token.message, token.signature):
                raise refused("go-jose/go-jose: error in cryptographic primitive")
            if len(self._signed) >= TOKENS_MAX:
                self._signed.clear()
            self._signed[text] = token
        return token

    def _bound_user(self, claims: Object) -> User:
        private: Object = claims.get(PRIVATE) or {}
        namespace, account = private.get("namespace", ""), private.get("serviceaccount") or {}
        user, uid = self._account(namespace, account.get("name", ""), account.get("uid", ""))
        extra = {CREDENTIAL_ID: (f"JTI={claims['jti']}",)} if claims.get("jti") else {}
        for kind, resource in (("node", NODES), ("pod", PODS), ("secret", SECRETS)):
            reference: Object = private.get(kind) or {}
            if not reference:
                continue
            is_bound_to = kind != "node" or "pod" not in private
            stored = self._latest(resource, reference["name"], namespace if resource.namespaced else "")
            if is_bound_to and (stored is None or stored.uid != reference.get("uid")):
                raise refused(INVALIDATED)
            if kind != "secret":
                extra[f"{EXTRA}{kind}-name"] = (reference["name"],)
                if reference.get("uid"):
                    extra[f"{EXTRA}{kind}-uid"] = (reference["uid"],)
        return User(user.name, user.groups, uid, tuple(sorted(extra.items())))

    def _account(self, namespace: str, name: str, uid: str) -> tuple[User, str]:
        account = self._latest(SERVICE_ACCOUNTS, name, namespace)
        if account is None:
            raise refused(f'serviceaccounts "{name}" not found')
        if account.uid != uid:
            raise refused(f"service account UID ({account.uid}) does not match claim ({uid})")
        return service_account_user(namespace, name), account.uid

    def _legacy_user(self, claims: Object, text: str) -> User:
        namespace = claims.get(f"{LEGACY}namespace", "")
        secret = self._latest(SECRETS, claims.get(f"{LEGACY}secret.name", ""), namespace)
        if secret is None:
            raise refused("service account token has been invalidated")
        data: dict[str, Any] = secret.object.get("data") or {}
        if b64decode(data.get("token", "")) != text.encode():
            raise refused(INVALIDATED)
        name, uid = claims.get(f"{LEGACY}service-account.name", ""), claims.get(f"{LEGACY}service-account.uid", "")
        user, uid = self._account(namespace, name, uid)
        return User(user.name, user.groups, uid)


def refused(why: str) -> BadTokenError:
    """The refusal of a token."""
    return BadTokenError(f"[invalid bearer token, {why}]" if why else "invalid bearer token")


def lifetime_problems(seconds: int) -> list[FieldError]:
    """What is wrong with a token's lifetime."""
    path = "spec.expirationSeconds"
    if seconds < SECONDS_MIN:
        return [invalid_field(path, seconds, "may not specify a duration less than 10 minutes")]
    if seconds > SECONDS_MAX:
        return [invalid_field(path, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []
