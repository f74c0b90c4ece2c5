"""The names of chains, hashed as kube-proxy hashes them.

Upstream: portProtoHash and servicePortEndpointChainName in pkg/proxy/iptables/proxier.go, hashAndTruncate in
pkg/proxy/nftables/proxier.go.
"""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256

from kubesim.proxy.endpoint import Endpoint
from kubesim.proxy.service_port import ServicePort

HASH_LENGTH, SHORT_HASH_LENGTH = 16, 8
BASE_LENGTH_MAX = 256 - 16  # What nft allows, without the longest prefix.


def chain_hash(port: ServicePort) -> str:
    """What follows KUBE-SVC-, KUBE-SVL-, KUBE-EXT- and KUBE-FW-."""
    return _hash(port.name + port.protocol.lower(), HASH_LENGTH)


def endpoint_chain(port: ServicePort, endpoint: Endpoint) -> str:
    """KUBE-SEP-…"""
    return "KUBE-SEP-" + _hash(port.name + port.protocol.lower() + endpoint.address, HASH_LENGTH)


def nft_base(port: ServicePort) -> str:
    """ULMVA6XW-ns1/svc1/tcp/p80."""
    return _nft(f"{port.namespace}/{port.service}/{port.protocol.lower()}/{port.port_name}")


def nft_endpoint_base(port: ServicePort, endpoint: Endpoint) -> str:
    """5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80."""
    name = f"{port.namespace}/{port.service}/{port.protocol.lower()}/{port.port_name}"
    return _nft(f"{name}__{endpoint.ip}/{endpoint.port}")


def _nft(name: str) -> str:
    name = f"{_hash(name, SHORT_HASH_LENGTH)}-{name}"
    return name if len(name) <= BASE_LENGTH_MAX else name[: BASE_LENGTH_MAX - 3] + "..."


def _hash(name: str, length: int) -> str:
    return b32encode(sha256(name.encode()).digest())[:length].decode()
