"""ip() and cidr(). Upstream: k8s.io/apiserver/pkg/cel/library/{ip,cidr}.go."""

from __future__ import annotations

import ipaddress
from typing import Any

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.values import Opaque

IP, CIDR = "net.IP", "net.CIDR"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def _address(text: str) -> Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        why = f'ParseAddr("{text}"): unable to parse IP'
        raise EvaluationError(f'IP Address "{text}" parse error during conversion from string: {why}') from None
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.scope_id):
        what = "IPv4-mapped IPv6 address" if address.ipv4_mapped else "IP address with zone value"
        raise EvaluationError(f'{what} "{text}" is not allowed')
    return address


def _interface(text: str) -> Interface:
    try:
        if "/" not in text:
            raise ValueError
        return ipaddress.ip_interface(text)
    except ValueError:
        why = (
            f"netip.ParsePrefix(\"{text}\"): no '/'" if "/" not in text else f'netip.ParsePrefix("{text}"): bad prefix'
        )
        raise EvaluationError(f"network address parse error during conversion from string: {why}") from None


def _is(parse: Any) -> Implementation:
    def check(text: str) -> bool:
        try:
            parse(text)
        except EvaluationError:
            return False
        return True

    return check


def _contains(cidr: Opaque, other: Any) -> bool:
    if isinstance(other, str):
        other = Opaque(IP, _address(other))
    return other.value.version == cidr.value.version and other.value in cidr.value.network


def _contains_network(cidr: Opaque, other: Any) -> bool:
    inner: Interface = _interface(other) if isinstance(other, str) else other.value
    outer = cidr.value
    return inner.version == outer.version and (
        outer.network.prefixlen <= inner.network.prefixlen and inner.ip in outer.network
    )


def _property(name: str) -> Implementation:
    return lambda ip: bool(getattr(ip.value, name))


def _is_global_unicast(ip: Opaque) -> bool:
    """As Go's netip: private addresses too."""
    value = ip.value
    is_broadcast = value.version == 4 and str(value) == "255.255.255.255"
    return not (is_broadcast or value.is_unspecified or value.is_loopback or value.is_multicast or value.is_link_local)


def _is_link_local_multicast(ip: Opaque) -> bool:
    network = "224.0.0.0/24" if ip.value.version == 4 else "ff02::/16"
    return ip.value in ipaddress.ip_network(network)


FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    ("ip(string): net.IP", lambda text: Opaque(IP, _address(text))),
    ("isIP(string): bool", _is(_address)),
    ("ip.isCanonical(string): bool", lambda text: str(_address(text)) == text),
    ("net.IP::family(): int", lambda ip: ip.value.version),
    ("net.IP::isUnspecified(): bool", _property("is_unspecified")),
    ("net.IP::isLoopback(): bool", _property("is_loopback")),
    ("net.IP::isLinkLocalMulticast(): bool", _is_link_local_multicast),
    ("net.IP::isLinkLocalUnicast(): bool", _property("is_link_local")),
    ("net.IP::isGlobalUnicast(): bool", _is_global_unicast),
    ("cidr(string): net.CIDR", lambda text: Opaque(CIDR, _interface(text))),
    ("isCIDR(string): bool", _is(_interface)),
    ("net.CIDR::containsIP(net.IP): bool", _contains),
    ("net.CIDR::containsIP(string): bool", _contains),
    ("net.CIDR::containsCIDR(net.CIDR): bool", _contains_network),
    ("net.CIDR::containsCIDR(string): bool", _contains_network),
    ("net.CIDR::ip(): net.IP", lambda cidr: Opaque(IP, cidr.value.ip)),
    ("net.CIDR::masked(): net.CIDR", lambda cidr: Opaque(CIDR, ipaddress.ip_interface(cidr.value.network))),
    ("net.CIDR::prefixLength(): int", lambda cidr: cidr.value.network.prefixlen),
)
