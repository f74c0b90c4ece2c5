"""What addresses and ranges of addresses may look like.

Addresses used to be read leniently, with leading zeros and as IPv4 within IPv6; new ones must be unambiguous.
Upstream: k8s.io/apimachinery/pkg/util/validation/ip.go (strict since v1.36), ValidateNonSpecialIP in
pkg/apis/core/validation.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import invalid

NOT_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NOT_RANGE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
LEADING_ZEROS = "must not have leading 0s"
MAPPED = "must not be an IPv4-mapped IPv6 address"

_octets = re.compile(r"(\d+)\.(\d+)\.(\d+)\.(\d+)", re.ASCII).fullmatch

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def parse_address(text: str) -> Address | None:
    """An address, leading zeros or not; None if it is none."""
    if ":" in text:
        try:
            return None if "%" in text else IPv6Address(text)
        except ValueError:
            return None
    match = _octets(text)
    if match is None or any(int(octet) > 255 for octet in match.groups()):
        return None
    return IPv4Address(".".join(str(int(octet)) for octet in match.groups()))


def parse_range(text: str) -> Network | None:
    """A range, its host bits set or not; None if it is none."""
    head, slash, length = text.partition("/")
    address = parse_address(head)
    if address is None or not slash or not (length.isascii() and length.isdigit()):
        return None
    try:
        return ip_network((address, int(length)), strict=False)
    except ValueError:
        return None


def validate_address(text: str, path: str) -> list[FieldError]:
    """What is wrong with an address."""
    address = parse_address(text)
    if address is None:
        return [invalid(path, text, NOT_ADDRESS)]
    if isinstance(address, IPv4Address):
        return [invalid(path, text, LEADING_ZEROS)] if str(address) != text else []
    return [invalid(path, text, MAPPED)] if address.ipv4_mapped is not None else []


def validate_range(text: str, path: str) -> list[FieldError]:
    """What is wrong with a range of addresses."""
    network = parse_range(text)
    if network is None:
        return [invalid(path, text, NOT_RANGE)]
    head, _, length = text.partition("/")
    address = parse_address(head)
    if str(int(length)) != length or (isinstance(address, IPv4Address) and str(address) != head):
        return [invalid(path, text, "must not have leading 0s in IP or prefix length")]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return [invalid(path, text, "must not have an IPv4-mapped IPv6 address")]
    if address != network.network_address:
        return [invalid(path, text, "must not have bits set beyond the prefix length")]
    return []


def validate_ordinary_address(text: str, path: str) -> list[FieldError]:
    """What is wrong with the address as that of somebody to talk to."""
    address = parse_address(text)
    if address is None:
        return [invalid(path, text, "must be a valid IP address")]
    problems = []
    if address.is_unspecified:
        problems.append(invalid(path, text, f"may not be unspecified ({text})"))
    if address.is_loopback:
        problems.append(invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if address.is_link_local:
        problems.append(invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if _is_link_local_multicast(address):
        words = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        problems.append(invalid(path, text, words))
    return problems


def address_warnings(text: str, path: str) -> list[str]:
    """What is odd about an address that is none the less accepted."""
    address = parse_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None and str(address) != text:
        return [f'{path}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{address}")']
    return []


def _is_link_local_multicast(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return address in IPv4Network("224.0.0.0/24")
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 2
