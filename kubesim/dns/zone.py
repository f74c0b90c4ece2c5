"""Which records a name of the cluster's domain has: pure, from what the DNS server knows of the cluster.

    SERVICE.NAMESPACE.svc.DOMAIN                    A      the cluster IP; of a headless Service all ready endpoints
    _PORT._PROTOCOL.SERVICE.NAMESPACE.svc.DOMAIN    SRV    one, or one for each endpoint
    HOSTNAME.SERVICE.NAMESPACE.svc.DOMAIN           A      one endpoint, by its host name or 10-244-1-5
    10-244-1-5.NAMESPACE.pod.DOMAIN                 A      that address, whether a Pod has it or not ("pods insecure")
    1.0.96.10.in-addr.arpa                          PTR    whose address that is

The specification is github.com/kubernetes/dns (docs/specification.md); upstream: CoreDNS plugin/kubernetes. Left out:
IPv6, zone transfers, the names of nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from kubesim.api.views import Endpoint, EndpointSlice, Service

A, CNAME, SRV, PTR, TXT = "A", "CNAME", "SRV", "PTR", "TXT"
NOERROR, NXDOMAIN, SERVFAIL, REFUSED = "NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"
SCHEMA_VERSION = "1.1.0"
PRIORITY, WEIGHTS = 0, 100
DASHED = re.compile(r"\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}")
REVERSE = ".in-addr.arpa"


class Record(NamedTuple):
    """One resource record; `data` as dig prints it."""

    name: str
    type: str
    data: str


class Answer(NamedTuple):
    """What a server says of a question."""

    code: str
    records: tuple[Record, ...] = ()


class Known(Protocol):
    """What the server has heard of the cluster."""

    def service(self, namespace: str, name: str) -> Service | None:
        """A Service."""
        ...

    def slices(self, namespace: str, name: str) -> Sequence[EndpointSlice]:
        """The EndpointSlices of a Service."""
        ...

    def services_at(self, address: str) -> Sequence[Service]:
        """The Services with a cluster IP."""
        ...

    def has_namespace(self, name: str) -> bool:
        """Whether there is such a namespace."""
        ...


def answer(known: Known, domain: str, name: str, type_: str) -> Answer:
    """What the plugin `kubernetes` says of a name below its domain."""
    if name.endswith(REVERSE):
        return _reverse(known, domain, name)
    rest = name.removesuffix(domain).rstrip(".")
    labels = rest.split(".") if rest else []
    if labels == ["dns-version"]:
        return _typed(type_, [Record(name, TXT, f'"{SCHEMA_VERSION}"')])
    if labels[-1:] == ["svc"]:
        return _below_svc(known, domain, name, labels[:-1], type_)
    if labels[-1:] == ["pod"]:
        return _below_pod(known, name, labels[:-1], type_)
    return Answer(NOERROR if not labels else NXDOMAIN)


def _below_svc(known: Known, domain: str, name: str, labels: list[str], type_: str) -> Answer:
    if not labels:
        return Answer(NOERROR)
    namespace = labels[-1]
    if not known.has_namespace(namespace):
        return Answer(NXDOMAIN)
    if len(labels) == 1:
        return Answer(NOERROR)  # The namespace is a name, too, without records.
    service = known.service(namespace, labels[-2])
    if service is None:
        return Answer(NXDOMAIN)
    before = labels[:-2]
    if service.spec.type == "ExternalName":
        target = service.spec.external_name.rstrip(".") + "."
        return Answer(NXDOMAIN) if before else Answer(NOERROR, (Record(name, CNAME, target),))
    if not before:
        return _typed(type_, [Record(name, A, address) for address in _addresses(known, service)])
    if len(before) == 2 and all(label.startswith("_") for label in before):
        return _ports(known, domain, service, name, before[0][1:], before[1][1:], type_)
    if len(before) == 1 and service.spec.cluster_ip == "None":
        found = [address for host, address in _hosts(known, service) if host == before[0]]
        return _typed(type_, [Record(name, A, address) for address in found])
    return Answer(NXDOMAIN)


def _below_pod(known: Known, name: str, labels: list[str], type_: str) -> Answer:
    if len(labels) != 2 or not known.has_namespace(labels[1]) or not DASHED.fullmatch(labels[0]):
        return Answer(NXDOMAIN)
    return _typed(type_, [Record(name, A, labels[0].replace("-", "."))])


def _reverse(known: Known, domain: str, name: str) -> Answer:
    address = ".".join(reversed(name.removesuffix(REVERSE).split(".")))
    found = [
        Record(name, PTR, f"{service.metadata.name}.{service.metadata.namespace}.svc.{domain}.")
        for service in known.services_at(address)
    ]
    return Answer(NOERROR, tuple(found)) if found else Answer(NXDOMAIN)


def _addresses(known: Known, service: Service) -> list[str]:
    if service.spec.cluster_ip != "None":
        return [service.spec.cluster_ip]
    return [address for _, address in _hosts(known, service)]


def _ports(known: Known, domain: str, service: Service, name: str, port_name: str, protocol: str, type_: str) -> Answer:
    """SRV records; a headless Service has one for each endpoint, with the endpoint's own port."""
    full = f"{service.metadata.name}.{service.metadata.namespace}.svc.{domain}."
    found: list[tuple[int, str]] = []
    if service.spec.cluster_ip != "None":
        asked = (port_name, protocol)
        found += [(port.port, full) for port in service.spec.ports if (port.name, port.protocol.lower()) == asked]
    else:
        for each in known.slices(service.metadata.namespace, service.metadata.name):
            for slice_port in each.ports:
                if slice_port.name == port_name and (slice_port.protocol or "TCP").lower() == protocol:
                    hosts = [host for endpoint in _ready(each.endpoints) for host, _ in _names(endpoint)]
                    found += [(slice_port.port or 0, f"{host}.{full}") for host in hosts]
    if not found:
        return Answer(NXDOMAIN)
    weight = WEIGHTS // len(found)
    return _typed(type_, [Record(name, SRV, f"{PRIORITY} {weight} {port} {target}") for port, target in found])


def _hosts(known: Known, service: Service) -> list[tuple[str, str]]:
    """Host name and address of every endpoint that may be told, each address once."""
    found: dict[tuple[str, str], None] = {}
    for each in known.slices(service.metadata.namespace, service.metadata.name):
        for endpoint in _ready(each.endpoints):
            found |= dict.fromkeys(_names(endpoint))
    return list(found)


def _ready(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """Those that are ready; a Service may publish all of them, and then says that all are."""
    return [each for each in endpoints if each.conditions is None or each.conditions.ready is not False]


def _names(endpoint: Endpoint) -> list[tuple[str, str]]:
    return [(endpoint.hostname or address.replace(".", "-"), address) for address in endpoint.addresses]


def _typed(type_: str, records: list[Record]) -> Answer:
    """The records of the type that was asked for: a name that exists without them is no error."""
    return Answer(NOERROR, tuple(record for record in records if record.type == type_)) if records else Answer(NXDOMAIN)
