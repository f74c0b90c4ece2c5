"""The strategy of Secrets: types with keys of their own, and text that is kept in base64.

Upstream: ValidateSecret in pkg/apis/core/validation, the conversion of stringData in pkg/apis/core/v1.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence

from kubesim.api.errors import FieldError
from kubesim.api.go_json import syntax_error
from kubesim.api.stored import Object
from kubesim.apiserver.registry.simple import ConfigStrategy
from kubesim.apiserver.validation.config_map import CERTIFICATE_MISSING, KEY_MISSING, validate_secret_data
from kubesim.apiserver.validation.field import invalid, required

TLS = "kubernetes.io/tls"
OPAQUE, SERVICE_ACCOUNT_TOKEN = "Opaque", "kubernetes.io/service-account-token"
ACCOUNT_NAME = "kubernetes.io/service-account.name"
# type → the keys that its data must have.
KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}
BASIC_AUTH, BASIC_KEYS = "kubernetes.io/basic-auth", ("username", "password")
JSON_TYPES = ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson")
REDACTED = "<secret contents redacted>"


class SecretStrategy(ConfigStrategy):
    """What was sent as text is kept in base64; a type promises keys."""

    def prepare_for_create(self, obj: Object) -> None:
        """`Opaque` unless said otherwise."""
        super().prepare_for_create(obj)
        obj.setdefault("type", OPAQUE)
        _take_text(obj)

    def prepare_for_update(self, obj: Object, old: Object) -> None:
        """A type once given stays."""
        super().prepare_for_update(obj, old)
        obj.setdefault("type", old.get("type", OPAQUE))
        _take_text(obj)

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """A certificate and a key ought to be such; that they belong together is not looked at."""
        if obj.get("type") != TLS:
            return ()
        texts = [b64decode((obj.get("data") or {}).get(key, "")) for key in KEYS[TLS]]
        missing = (CERTIFICATE_MISSING, KEY_MISSING)
        return [words for text, words in zip(texts, missing, strict=True) if b"-----BEGIN " not in text][:1]

    def validate(self, obj: Object) -> list[FieldError]:
        """The keys of the type."""
        type_, data = obj.get("type", OPAQUE), obj.get("data") or {}
        problems = validate_secret_data(data)
        wrong_keys = len(problems)
        problems += [required(f"data[{key}]") for key in KEYS.get(type_, ()) if key not in data]
        if type_ == BASIC_AUTH and not any(key in data for key in BASIC_KEYS):
            problems += [required(f"data[{key}]") for key in BASIC_KEYS]
        if type_ == SERVICE_ACCOUNT_TOKEN:
            annotations = obj["metadata"].get("annotations") or {}
            if not annotations.get(ACCOUNT_NAME):
                problems.append(required(f"metadata.annotations[{ACCOUNT_NAME}]"))
        if type_ in JSON_TYPES and len(problems) == wrong_keys:
            key = KEYS[type_][0]
            if problem := syntax_error(b64decode(data[key]).decode(errors="replace")):
                problems.append(invalid(f"data[{key}]", REDACTED, problem))
        return problems


def _take_text(obj: Object) -> None:
    text: Object | None = obj.pop("stringData", None)
    if text:
        encoded = {key: b64encode(value.encode()).decode() for key, value in text.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}
