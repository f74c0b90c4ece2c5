"""Services, endpoints, Ingresses, NetworkPolicies and address ranges.

Upstream: printService, printEndpoints, printEndpointSlice, printIngress, printNetworkPolicy, …
"""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    Moment,
    Printer,
    age_of,
    labels_text,
    name_of,
    spec_of,
    status_of,
    wide,
)
from kubesim.apiserver.http.table.workloads import selector_text

SHOWN_MAX = 3
MORE = " + {} more..."


def _service(service: Object, now: Moment) -> list[Any]:
    spec = spec_of(service)
    type_ = spec.get("type", "")
    addresses = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    return [
        name_of(service),
        type_,
        NONE if type_ == "ExternalName" or not addresses else addresses[0],
        _external_address(service),
        _service_ports(spec.get("ports") or []),
        age_of(service, now),
        labels_text(spec.get("selector")),
    ]


def _external_address(service: Object) -> str:
    spec = spec_of(service)
    external: list[str] = spec.get("externalIPs") or []
    type_ = spec.get("type")
    if type_ == "ExternalName":
        name: str = spec.get("externalName", "")
        return name
    if type_ == "LoadBalancer":
        return ",".join([*_balancer_addresses(service), *external]) or "<pending>"
    return ",".join(external) or NONE


def _balancer_addresses(obj: Object) -> list[str]:
    given = (status_of(obj).get("loadBalancer") or {}).get("ingress") or ()
    return sorted({item.get("ip") or item.get("hostname", "") for item in given})


def _service_ports(ports: list[Object]) -> str:
    return ",".join(_service_port(port) for port in ports) or NONE


def _service_port(port: Object) -> str:
    node_port = port.get("nodePort")
    number = f"{port['port']}:{node_port}" if node_port else str(port["port"])
    return f"{number}/{port.get('protocol', 'TCP')}"


def _endpoints(endpoints: Object, now: Moment) -> list[Any]:
    return [name_of(endpoints), _endpoint_list(endpoints.get("subsets") or ()), age_of(endpoints, now)]


def _endpoint_list(subsets: Any) -> str:
    if not subsets:
        return NONE
    shown: list[str] = []
    more = 0
    for subset in subsets:
        addresses, ports = subset.get("addresses") or (), subset.get("ports") or ()
        if not ports:
            texts = [address["ip"] for address in addresses]
        else:
            texts = [_host_port(address["ip"], port["port"]) for port in ports for address in addresses]
        room = SHOWN_MAX - len(shown)
        shown += texts[:room]
        more += max(len(texts) - room, 0)
    text = ",".join(shown)  # Nothing if no address is ready.
    return text + MORE.format(more) if more else text


def _host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _endpoint_slice(endpoint_slice: Object, now: Moment) -> list[Any]:
    ports = [str(port.get("port") or port.get("name", "*")) for port in endpoint_slice.get("ports") or ()]
    addresses = [
        address for endpoint in endpoint_slice.get("endpoints") or () for address in endpoint.get("addresses") or ()
    ]
    return [
        name_of(endpoint_slice),
        endpoint_slice.get("addressType", ""),
        _some(ports) if ports else UNSET,
        _some(addresses) if addresses else UNSET,
        age_of(endpoint_slice, now),
    ]


def _some(values: list[str]) -> str:
    more = len(values) - SHOWN_MAX
    text = ",".join(values[:SHOWN_MAX])
    return text + MORE.format(more) if more > 0 else text


def _ingress(ingress: Object, now: Moment) -> list[Any]:
    spec = spec_of(ingress)
    rules = spec.get("rules") or ()
    hosts = [rule["host"] for rule in rules if rule.get("host")]
    return [
        name_of(ingress),
        spec.get("ingressClassName") or NONE,
        _some(hosts) if hosts else "*",
        ",".join(_balancer_addresses(ingress)),
        "80, 443" if spec.get("tls") else "80",
        age_of(ingress, now),
    ]


def _ingress_class(ingress_class: Object, now: Moment) -> list[Any]:
    spec = spec_of(ingress_class)
    parameters = spec.get("parameters")
    text = NONE
    if parameters:
        group = parameters.get("apiGroup")
        text = f"{parameters['kind']}.{group}" if group else parameters["kind"]
        text += f"/{parameters['name']}"
    return [name_of(ingress_class), spec.get("controller", ""), text, age_of(ingress_class, now)]


def _network_policy(policy: Object, now: Moment) -> list[Any]:
    return [name_of(policy), selector_text(spec_of(policy).get("podSelector")), age_of(policy, now)]


def _service_cidr(cidr: Object, now: Moment) -> list[Any]:
    return [name_of(cidr), ",".join(spec_of(cidr).get("cidrs") or ()), age_of(cidr, now)]


def _ip_address(address: Object, now: Moment) -> list[Any]:
    parent = spec_of(address).get("parentRef") or {}
    parts = [parent.get(name, "") for name in ("resource", "group", "namespace", "name")]
    resource = ".".join(part for part in parts[:2] if part)
    return [name_of(address), "/".join(part for part in (resource, *parts[2:]) if part), age_of(address, now)]


PRINTERS = {
    ("", "Service"): Printer(
        (
            NAME,
            Column("Type"),
            Column("Cluster-IP"),
            Column("External-IP"),
            Column("Port(s)"),
            AGE,
            wide("Selector"),
        ),
        _service,
    ),
    ("", "Endpoints"): Printer((NAME, Column("Endpoints"), AGE), _endpoints),
    ("discovery.k8s.io", "EndpointSlice"): Printer(
        (NAME, Column("AddressType"), Column("Ports"), Column("Endpoints"), AGE), _endpoint_slice
    ),
    ("networking.k8s.io", "Ingress"): Printer(
        (NAME, Column("Class"), Column("Hosts"), Column("Address"), Column("Ports"), AGE), _ingress
    ),
    ("networking.k8s.io", "IngressClass"): Printer(
        (NAME, Column("Controller"), Column("Parameters"), AGE), _ingress_class
    ),
    ("networking.k8s.io", "NetworkPolicy"): Printer((NAME, Column("Pod-Selector"), AGE), _network_policy),
    ("networking.k8s.io", "ServiceCIDR"): Printer((NAME, Column("CIDRs"), AGE), _service_cidr),
    ("networking.k8s.io", "IPAddress"): Printer((NAME, Column("ParentRef"), AGE), _ip_address),
}
