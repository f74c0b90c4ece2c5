"""What is wrong with Endpoints.

Upstream: ValidateEndpoints in pkg/apis/core/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.addresses import validate_address, validate_ordinary_address
from kubesim.apiserver.validation.containers import PROTOCOLS
from kubesim.apiserver.validation.field import each, not_supported, required
from kubesim.apiserver.validation.names import dns_label, dns_subdomain, port_number, qualified_name

Object = dict[str, Any]


def validate_endpoints(subsets: list[Object]) -> list[FieldError]:
    """Addresses to talk to, and ports."""
    problems: list[FieldError] = []
    for index, subset in enumerate(subsets):
        at = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            problems.append(required(at, "must specify `addresses` or `notReadyAddresses`"))
        for name in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(subset.get(name) or ()):
                problems += _address(address, f"{at}.{name}[{number}]")
        ports = subset.get("ports") or []
        for number, port in enumerate(ports):
            problems += _port(port, f"{at}.ports[{number}]", needs_name=len(ports) > 1)
    return problems


def _address(address: Object, path: str) -> list[FieldError]:
    text = address.get("ip") or ""
    problems = validate_address(text, f"{path}.ip")
    if host := address.get("hostname"):
        problems += each(f"{path}.hostname", host, dns_label(host))
    if (node := address.get("nodeName")) is not None:
        problems += each(f"{path}.nodeName", node, dns_subdomain(node))
    return problems + validate_ordinary_address(text, f"{path}.ip")


def _port(port: Object, path: str, *, needs_name: bool) -> list[FieldError]:
    name, number, protocol = port.get("name") or "", port.get("port") or 0, port.get("protocol") or ""
    problems = each(f"{path}.name", name, dns_label(name)) if name else []
    if needs_name and not name:
        problems.append(required(f"{path}.name"))
    problems += each(f"{path}.port", number, port_number(number))
    if protocol not in PROTOCOLS:
        at = f"{path}.protocol"
        problems.append(not_supported(at, protocol, PROTOCOLS) if protocol else required(at))
    if (application := port.get("appProtocol")) is not None:
        problems += each(f"{path}.appProtocol", application, qualified_name(application))
    return problems
