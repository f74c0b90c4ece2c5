"""Names without a DNS server: the Services that a node's kube-proxy knows, by their usual names.

Used while no CoreDNS answers in a cluster. Left out: headless Services, ExternalName, SRV; names of outside.
"""

from __future__ import annotations

from kubesim.api.traffic import Addresses, Hop, Name
from kubesim.proxy.kernel import Kernel
from kubesim.proxy.packet import number_of

DOMAIN = "cluster.local"


class TableResolver:
    """Answers from the table of rules."""

    async def resolve(self, question: Name, kernel: Kernel) -> Addresses:
        """NAME, NAME.NAMESPACE, with .svc and .svc.cluster.local."""
        name = question.name.rstrip(".")
        if number_of(name) >= 0:
            return Addresses((name,), name)
        if name == "localhost":
            return Addresses(("127.0.0.1",), name)
        labels = name.removesuffix(f".{DOMAIN}").removesuffix(".svc").split(".")
        if len(labels) <= 2:
            service, namespace = (*labels, question.namespace)[:2]
            entry = kernel.table.get(f"{namespace}/{service}")
            if entry is not None and entry.ports:
                full = f"{service}.{namespace}.svc.{DOMAIN}"
                address = entry.ports[0].cluster_ip
                hop = Hop("dns", kernel.name, f"{question.name} is {full}: {address}")
                return Addresses((address,), full, hops=(hop,) if question.trace else ())
        hop = Hop("dns", kernel.name, f"{question.name}: no such name (NXDOMAIN)")
        return Addresses(reason="NXDOMAIN", hops=(hop,) if question.trace else ())
