"""The formats that a custom resource's strings may be required to have; any other format is ignored.

Upstream: k8s.io/kube-openapi/pkg/validation/strfmt. Left out: the check digits of ISBN and credit cards.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from kubesim.apiserver.validation.names import dns_label, dns_subdomain
from kubesim.sim.clock import parse_timestamp

HOST_LABEL = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")
DURATION = re.compile(
    r"\s*[-+]?(\d+(\.\d*)?|\.\d+)\s*(ns|nanos?|us|µs|micros?|ms|millis?|s|secs?|seconds?|m|mins?|minutes?|"
    r"h|hrs?|hours?|d|days?|w|wks?|weeks?)(\s*(\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s|m|h|d|w))*\s*"
)


def _whole(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _reads(read: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            read(text)
        except (ValueError, binascii.Error):
            return False
        return True

    return check


def is_hostname(text: str) -> bool:
    """Labels and dots."""
    return 0 < len(text) <= 255 and all(HOST_LABEL.fullmatch(label) for label in text.rstrip(".").split("."))


def is_uri(text: str) -> bool:
    """A URI or a path."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _bytes(text: str) -> object:
    return base64.b64decode(text, validate=True)


def _cidr(text: str) -> object:
    if "/" not in text:
        raise ValueError(text)
    return ipaddress.ip_network(text, strict=False)


UUID = r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?%s[0-9a-fA-F]{3}-?%s[0-9a-fA-F]{3}-?[0-9a-fA-F]{12}"
HEX = "[0-9a-fA-F]"
OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"

# Without hyphens, as they are compared.
FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _whole("[0-9a-fA-F]{24}"),
    "byte": _reads(_bytes),
    "cidr": _reads(_cidr),
    "creditcard": _whole(r"(?:\d[ -]?){13,19}"),
    "date": _whole(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"),
    "datetime": _reads(parse_timestamp),
    "duration": lambda text: DURATION.fullmatch(text) is not None,
    "email": _whole(r"[^@\s<>]+@[^@\s<>]+"),
    "hexcolor": _whole("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "hostname": is_hostname,
    "ipv4": _reads(ipaddress.IPv4Address),
    "ipv6": _reads(ipaddress.IPv6Address),
    "isbn": _whole(r"(?:97[89][- ]?)?(?:\d[- ]?){9}[\dXx]"),
    "isbn10": _whole(r"(?:\d[- ]?){9}[\dXx]"),
    "isbn13": _whole(r"97[89][- ]?(?:\d[- ]?){9}\d"),
    "k8slongname": lambda text: not dns_subdomain(text),
    "k8sshortname": lambda text: not dns_label(text),
    "mac": _whole(r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}"),
    "password": lambda _text: True,
    "rgbcolor": _whole(rf"rgb\(\s*{OCTET}\s*,\s*{OCTET}\s*,\s*{OCTET}\s*\)"),
    "ssn": _whole(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "uri": is_uri,
    "uuid": _whole(UUID % (HEX, HEX)),
    "uuid3": _whole(UUID % ("3", HEX)),
    "uuid4": _whole(UUID % ("4", "[89abAB]")),
    "uuid5": _whole(UUID % ("5", "[89abAB]")),
}
