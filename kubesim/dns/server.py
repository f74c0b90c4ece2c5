"""CoreDNS: hears of Services and endpoints, and says what a name means.

Its Pods are simulated as all are, and a question must reach one of them through the Service kube-dns; what they say is
worked out here, once for all of them. The Corefile is read again 30 seconds after it changed (the plugin `reload`); one
that is no good changes nothing. Upstream: github.com/coredns/coredns. Left out: what single Pods know, caches, metrics.
Its client is an administrator's, since a real one reads its Corefile from a mounted file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kubesim.api.resources import CONFIG_MAPS, ENDPOINT_SLICES, NAMESPACES, SERVICES
from kubesim.api.stored import Stored
from kubesim.api.views import EndpointSlice, Service
from kubesim.client.client import Client
from kubesim.client.informer import Informers
from kubesim.dns.corefile import Corefile, CorefileError, parse
from kubesim.dns.manifests import NAME, NAMESPACE
from kubesim.dns.zone import CNAME, NXDOMAIN, REFUSED, REVERSE, A, Answer, Record, answer
from kubesim.sim import Simulation

RELOAD_SECONDS = 30.0
SERVICE_NAME = "kubernetes.io/service-name"
CHAIN_MAX = 7  # CNAMEs that are followed.
OUTSIDE = "203.0.113.80"  # Where every name of outside is: nobody is there.
OUTSIDE_DOMAINS = ("com", "org", "net", "io", "dev", "local.test", "example")


def by_service(stored: Stored) -> tuple[str, ...]:
    """The Service of a slice."""
    name = (stored.object["metadata"].get("labels") or {}).get(SERVICE_NAME)
    return (f"{stored.namespace}/{name}",) if name else ()


def by_cluster_ip(stored: Stored) -> tuple[str, ...]:
    """The address of a Service."""
    address = (stored.object.get("spec") or {}).get("clusterIP", "")
    return (address,) if address and address != "None" else ()


class CoreDns:
    """The component of the addon `dns`."""

    def __init__(self, sim: Simulation, client: Client) -> None:
        self.informers = Informers(sim, client)
        self._services = self.informers.of(SERVICES)
        self._services.add_index("cluster-ip", by_cluster_ip)
        self._slices = self.informers.of(ENDPOINT_SLICES)
        self._slices.add_index("service", by_service)
        self._namespaces = self.informers.of(NAMESPACES)
        self._loop = sim.loop
        self._corefile = Corefile()
        self.failure = ""  # Why the last Corefile was not taken.
        maps = self.informers.of(CONFIG_MAPS, namespace=NAMESPACE)
        maps.add_handler(on_add=self._first, on_update=lambda _, new: self._later(new))

    async def run(self) -> None:
        """Works until cancelled."""
        watching = asyncio.get_running_loop().create_task(self.informers.run(), name="coredns/informers")
        try:
            await self._loop.create_future()
        finally:
            watching.cancel()

    # -- answering ------------------------------------------------------------------------------------

    def ask(self, name: str, type_: str = A) -> Answer:
        """What it says of a full name (with or without the last dot); CNAMEs are followed."""
        name = name.rstrip(".").lower()
        name = self._corefile.rewrites.get(name, name)
        found: tuple[Record, ...] = ()
        for _ in range(CHAIN_MAX):
            code, records = self._one(name, type_)
            found = (*found, *records)
            if code != "NOERROR" or not records or records[-1].type != CNAME or type_ == CNAME:
                return Answer(code, found)
            name = records[-1].data.rstrip(".")
        return Answer("SERVFAIL", found)

    def _one(self, name: str, type_: str) -> Answer:
        corefile = self._corefile
        if name in corefile.hosts and type_ == A:
            return Answer("NOERROR", (Record(name, A, corefile.hosts[name]),))
        domain = corefile.domain
        if domain and (name == domain or name.endswith((f".{domain}", REVERSE))):
            return answer(self, domain, name, type_)
        if not corefile.forwards:
            return Answer(REFUSED)
        return outside(name, type_)

    # -- what it knows: zone.Known ----------------------------------------------------------------------

    def service(self, namespace: str, name: str) -> Service | None:
        """A Service."""
        stored = self._services.get(f"{namespace}/{name}")
        return stored.view(Service) if stored is not None else None

    def slices(self, namespace: str, name: str) -> Sequence[EndpointSlice]:
        """The slices of a Service, by name."""
        found = self._slices.by_index("service", f"{namespace}/{name}")
        return [stored.view(EndpointSlice) for stored in sorted(found, key=lambda stored: stored.name)]

    def services_at(self, address: str) -> Sequence[Service]:
        """The Services with this cluster IP."""
        return [stored.view(Service) for stored in self._services.by_index("cluster-ip", address)]

    def has_namespace(self, name: str) -> bool:
        """Whether there is such a namespace."""
        return self._namespaces.get(name) is not None

    # -- its configuration ------------------------------------------------------------------------------

    def _first(self, stored: Stored) -> None:
        if stored.name == NAME:
            self._load(stored)

    def _later(self, stored: Stored) -> None:
        if stored.name == NAME:
            self._loop.call_later(RELOAD_SECONDS, self._load, stored)

    def _load(self, stored: Stored) -> None:
        try:
            self._corefile = parse((stored.object.get("data") or {}).get("Corefile", ""))
            self.failure = ""
        except CorefileError as error:
            self.failure = str(error)


def outside(name: str, type_: str) -> Answer:
    """The internet, as far as there is one: what looks like a public name has an address at which nobody answers."""
    if name.count(".") < 1 or not name.endswith(tuple(f".{domain}" for domain in OUTSIDE_DOMAINS)):
        return Answer(NXDOMAIN)
    return Answer("NOERROR", (Record(name, A, OUTSIDE),) if type_ == A else ())
