"""`format.dns1123Label().validate(x)`: the formats of names and values. Upstream: .../pkg/cel/library/format.go."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Callable
from datetime import date

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.functions.times import parse_timestamp
from kubesim.apiserver.cel.functions.urls import FUNCTIONS as URL_FUNCTIONS
from kubesim.apiserver.cel.values import Opaque, Optional
from kubesim.apiserver.validation.names import dns_label, dns_subdomain, label_value, qualified_name

KIND = "kubernetes.NamedFormat"
Check = Callable[[str], tuple[str, ...]]
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_DNS_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_MAX = 63


def _dns_1035(text: str) -> tuple[str, ...]:
    problems = (f"must be no more than {_LABEL_MAX} bytes",) if len(text) > _LABEL_MAX else ()
    return problems if _DNS_1035.match(text) else (*problems, _DNS_1035_RULE)


def _of_prefix(check: Check) -> Check:
    """A prefix may end in a dash: something is going to follow."""
    return lambda text: check(text[:-1] + "a" if text.endswith("-") else text)


def _uri(text: str) -> tuple[str, ...]:
    try:
        dict(URL_FUNCTIONS)["url(string): kubernetes.URL"](text)
    except EvaluationError as error:
        return (error.text.removeprefix("URL parse error during conversion from string: "),)
    return ()


def _uuid(text: str) -> tuple[str, ...]:
    try:
        uuid.UUID(text)
    except ValueError:
        return ("does not match the UUID format",)
    return ()


def _byte(text: str) -> tuple[str, ...]:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ("invalid base64",)
    return ()


def _date(text: str) -> tuple[str, ...]:
    try:
        date.fromisoformat(text)
    except ValueError:
        return ("invalid date",)
    return ()


def _date_time(text: str) -> tuple[str, ...]:
    try:
        parse_timestamp(text)
    except EvaluationError:
        return ("invalid datetime",)
    return ()


FORMATS: dict[str, Check] = {
    "dns1123Label": dns_label,
    "dns1123Subdomain": dns_subdomain,
    "dns1035Label": _dns_1035,
    "qualifiedName": qualified_name,
    "dns1123LabelPrefix": _of_prefix(dns_label),
    "dns1123SubdomainPrefix": _of_prefix(dns_subdomain),
    "dns1035LabelPrefix": _of_prefix(_dns_1035),
    "labelValue": label_value,
    "uri": _uri,
    "uuid": _uuid,
    "byte": _byte,
    "date": _date,
    "datetime": _date_time,
}


def _named(name: str) -> Optional:
    return Optional(True, Opaque(KIND, name)) if name in FORMATS else Optional()


def _validate(format_: Opaque, text: str) -> Optional:
    problems = FORMATS[format_.value](text)
    return Optional(True, list(problems)) if problems else Optional()


def _constructor(name: str) -> Implementation:
    return lambda: Opaque(KIND, name)


FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    *((f"format.{name}(): {KIND}", _constructor(name)) for name in FORMATS),
    (f"format.named(string): optional_type({KIND})", _named),
    (f"{KIND}::validate(string): optional_type(list(string))", _validate),
)
