"""The names of chains, hashed as kube-proxy hashes them.

Upstream: portProtoHash and servicePortEndpointChainName in pkg/proxy/iptables/proxier.go, hashAndTruncate in
pkg/proxy/nftables/proxier.go.
"""

from __future__ import annotations

from hashlib import sha256

from kubesim.proxy.endpoint import Endpoint
from kubesim.proxy.service_port import ServicePort

SHORT_HASH_LENGTH = 8
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # Of base32.
PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)  # What ten bits are written as.
BASE_LENGTH_MAX = 256 - 16  # What nft allows, without the longest prefix.


def chain_hash(port: ServicePort) -> str:
    """What follows KUBE-SVC-, KUBE-SVL-, KUBE-EXT- and KUBE-FW-."""
    return _hash(port.name + port.protocol.lower())


def endpoint_chain(port: ServicePort, endpoint: Endpoint) -> str:
    """KUBE-SEP-…"""
    return "KUBE-SEP-" + _hash(port.name + port.protocol.lower() + endpoint.address)


def nft_base(port: ServicePort) -> str:
    """ULMVA6XW-ns1/svc1/tcp/p80."""
    return _nft(f"{port.namespace}/{port.service}/{port.protocol.lower()}/{port.port_name}")


def nft_endpoint_base(port: ServicePort, endpoint: Endpoint) -> str:
    """5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80."""
    name = f"{port.namespace}/{port.service}/{port.protocol.lower()}/{port.port_name}"
    return _nft(f"{name}__{endpoint.ip}/{endpoint.port}")


def _nft(name: str) -> str:
    name = f"{_hash(name)[:SHORT_HASH_LENGTH]}-{name}"
    return name if len(name) <= BASE_LENGTH_MAX else name[: BASE_LENGTH_MAX - 3] + "..."


def _hash(name: str) -> str:
    """The first sixteen letters of the hash in base32: eighty bits, ten at a time (much faster than base64's way)."""
    bits = int.from_bytes(sha256(name.encode()).digest()[:10], "big")
    return (
        PAIRS[bits >> 70] + PAIRS[bits >> 60 & 1023] + PAIRS[bits >> 50 & 1023] + PAIRS[bits >> 40 & 1023]
        + PAIRS[bits >> 30 & 1023] + PAIRS[bits >> 20 & 1023] + PAIRS[bits >> 10 & 1023] + PAIRS[bits & 1023]
    )  # fmt: skip
