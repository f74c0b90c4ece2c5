"""The strategy of Secrets: types with keys of their own, and text that is kept in base64.

Upstream: ValidateSecret in pkg/apis/core/validation, the conversion of stringData in pkg/apis/core/v1.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.registry.simple import ConfigStrategy
from kubesim.apiserver.validation.field import invalid, required

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
LITERALS = {"n": "null", "t": "true", "f": "false"}


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

    def validate(self, obj: Object) -> list[FieldError]:
        """The keys of the type."""
        type_, data = obj.get("type", OPAQUE), obj.get("data") or {}
        problems = [required(f"data[{key}]") for key in KEYS.get(type_, ()) if key not in data]
        if type_ == BASIC_AUTH and not any(key in data for key in BASIC_KEYS):
            problems += [required(f"data[{key}]") for key in BASIC_KEYS]
        if type_ == SERVICE_ACCOUNT_TOKEN:
            annotations = obj["metadata"].get("annotations") or {}
            if not annotations.get(ACCOUNT_NAME):
                problems.append(required(f"metadata.annotations[{ACCOUNT_NAME}]"))
        if type_ in JSON_TYPES and not problems:
            key = KEYS[type_][0]
            if problem := _json_problem(b64decode(data[key]).decode(errors="replace")):
                problems.append(invalid(f"data[{key}]", REDACTED, problem))
        return problems


def _take_text(obj: Object) -> None:
    text: Object | None = obj.pop("stringData", None)
    if text:
        encoded = {key: b64encode(value.encode()).decode() for key, value in text.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _json_problem(text: str) -> str:
    """What Go's parser says of text that is no JSON; "" if it is."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text):
            return "unexpected end of JSON input"
        literal = LITERALS.get(text[error.pos])
        if literal is None:
            return f"invalid character '{text[error.pos]}' looking for beginning of value"
        for index, wanted in enumerate(literal):
            seen = text[error.pos + index : error.pos + index + 1]
            if seen != wanted:
                return (
                    f"invalid character '{seen}' in literal {literal} (expecting '{wanted}')"
                    if seen
                    else ("unexpected end of JSON input")
                )
    return ""
