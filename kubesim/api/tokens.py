"""Signed tokens (JWT): claims that anybody can read and only the holder of the key can make.

Three parts in base64 without padding, joined by dots: header, claims, and the signature of the first two. Who signs is
a `TokenSigner`: a served cluster has an RSA key (kubesim.service), a virtual run a keyed hash that needs no other
program and gives the same token for the same seed.
Upstream: pkg/serviceaccount/jwt.go, with go-jose.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec
import orjson

from kubesim.api.stored import Object

# The claims of the tokens that lie in Secrets.
LEGACY_ISSUER, LEGACY = "kubernetes/serviceaccount", "kubernetes.io/serviceaccount/"


class TokenSigner(Protocol):
    """Who signs, and knows its own signatures again."""

    algorithm: str

    def key_id(self) -> str:
        """The name of the key, as the token's header gives it; "" for none."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of a message."""
        ...

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is ours and of this message."""
        ...

    def public_keys(self) -> list[Object]:
        """The keys that others verify with, as JWKs."""
        ...


class KeyedSigner:
    """HS256: a hash with a secret. There is nothing to publish."""

    algorithm = "HS256"

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def key_id(self) -> str:
        """No name: there is one key."""
        return ""

    def sign(self, message: bytes) -> bytes:
        """The keyed hash."""
        return hmac.new(self._secret, message, hashlib.sha256).digest()

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Hashes again."""
        return hmac.compare_digest(self.sign(message), signature)

    def public_keys(self) -> list[Object]:
        """None: whoever knew this key could sign with it."""
        return []


# (PEM of a request, seconds, usages) → PEM of a certificate; ValueError if it cannot be.
SignRequest = Callable[[str, int, tuple[str, ...]], str]


class Trust(msgspec.Struct, frozen=True):
    """What a cluster signs with: its service account key, and its certificate authority as PEM ("" if it has none)."""

    signer: TokenSigner
    authority: str = ""
    sign_request: SignRequest | None = None  # None: nobody signs.


def virtual_trust(seed: int) -> Trust:
    """What a virtual run signs with."""
    return Trust(KeyedSigner(hashlib.sha256(f"{seed}/service-account-key".encode()).digest()))


class Token(NamedTuple):
    """A token taken apart; nothing is verified."""

    algorithm: str
    claims: Object
    message: bytes
    signature: bytes


def encoded(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The other way; ValueError if it is none."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_token(signer: TokenSigner, claims: Object) -> str:
    """Claims, signed."""
    header = {"alg": signer.algorithm, "kid": signer.key_id()}
    parts = [encoded(orjson.dumps(part, option=orjson.OPT_SORT_KEYS)) for part in (header, claims)]
    message = ".".join(parts)
    return f"{message}.{encoded(signer.sign(message.encode()))}"


def parse_token(text: str) -> Token | None:
    """The parts of a token; None if it is none."""
    parts = text.split(".")
    if len(parts) != 3:
        return None
    try:
        header, claims = orjson.loads(decoded(parts[0])), orjson.loads(decoded(parts[1]))
        signature = decoded(parts[2])
    except ValueError:
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    return Token(str(header.get("alg", "")), claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def legacy_claims(namespace: str, secret: str, account: str, uid: str) -> Object:
    """What the token in a Secret says: it never ends by itself."""
    return {
        "iss": LEGACY_ISSUER,
        f"{LEGACY}namespace": namespace,
        f"{LEGACY}secret.name": secret,
        f"{LEGACY}service-account.name": account,
        f"{LEGACY}service-account.uid": uid,
        "sub": f"system:serviceaccount:{namespace}:{account}",
    }
