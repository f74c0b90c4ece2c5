"""What is wrong with a NetworkPolicy.

Upstream: ValidateNetworkPolicySpec in pkg/apis/networking/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.addresses import parse_range, validate_range
from kubesim.apiserver.validation.field import each, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.names import port_name, port_number
from kubesim.apiserver.validation.selectors import validate_label_selector

TYPES = ("Ingress", "Egress")
PROTOCOLS = ("TCP", "UDP", "SCTP")

Object = dict[str, Any]


def validate_network_policy(spec: Object) -> list[FieldError]:
    """Whom it is about, and what is let through."""
    problems = validate_label_selector(spec.get("podSelector"), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            at = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                problems += _port(port, f"{at}.ports[{number}]")
            for number, peer in enumerate(rule.get(peers) or ()):
                problems += _peer(peer, f"{at}.{peers}[{number}]")
    types = spec.get("policyTypes") or []
    if len(types) > len(TYPES):
        return [*problems, invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
    return problems + [
        not_supported(f"spec.policyTypes[{index}]", kind, TYPES)
        for index, kind in enumerate(types)
        if kind not in TYPES
    ]


def _port(entry: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    protocol, port, end = entry.get("protocol"), entry.get("port"), entry.get("endPort")
    if protocol not in (None, *PROTOCOLS):
        problems.append(not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    at = f"{path}.endPort"
    if port is None:
        words = "may not be specified when `port` is not specified"
        return [*problems, invalid(at, end, words)] if end is not None else problems
    if isinstance(port, str):
        if end is not None:
            problems.append(invalid(at, end, "may not be specified when `port` is non-numeric"))
        return problems + each(f"{path}.port", port, port_name(port))
    problems += each(f"{path}.port", port, port_number(port))
    if end is not None:
        if end < port:
            problems.append(invalid(at, end, "must be greater than or equal to `port`"))
        problems += each(at, end, port_number(end))
    return problems


def _peer(peer: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    given = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(name) is not None]
    for name in given:
        at = f"{path}.{name}"
        problems += _block(peer[name], at) if name == "ipBlock" else validate_label_selector(peer[name], at)
    if not given:
        problems.append(required(path, "must specify a peer"))
    elif len(given) > 1 and "ipBlock" in given:
        problems.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return problems


def _block(block: Object, path: str) -> list[FieldError]:
    text = block.get("cidr") or ""
    if not text:
        return [required(f"{path}.cidr")]
    problems = validate_range(text, f"{path}.cidr")
    whole = parse_range(text)
    if whole is None:
        return problems
    for index, text in enumerate(block.get("except") or ()):
        at = f"{path}.except[{index}]"
        problems += validate_range(text, at)
        part = parse_range(text)
        if part is None:
            continue
        is_within = part.version == whole.version and part.network_address in whole
        if not is_within or whole.prefixlen >= part.prefixlen:
            problems.append(invalid(at, text, "must be a strict subset of `cidr`"))
    return problems
