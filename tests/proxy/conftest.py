"""Tables of Services made by hand, and packets that meet the rules made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.proxy.config import NodeFacts, ProxyConfig
from kubesim.proxy.packet import Memory, Packet, Verdict
from kubesim.proxy.rules import NodeRules
from kubesim.proxy.table import Table

NODE = "192.168.0.2"
PODS = "10.0.0.0/8"
SERVICES = "172.30.0.0/16"


def service(key: str, ip: str, *, node_port: int = 0, balancer: str = "", port: str = "p80", **spec: Any) -> Stored:
    """A Service with one port, 80."""
    namespace, _, name = key.partition("/")
    entry = {"name": port, "port": 80, "protocol": "TCP"} | ({"nodePort": node_port} if node_port else {})
    status = {"loadBalancer": {"ingress": [{"ip": balancer}]}} if balancer else {}
    metadata = {"namespace": namespace, "name": name}
    return Stored(1, {"metadata": metadata, "spec": {"clusterIP": ip, "ports": [entry], **spec}, "status": status})


def slice_of(*endpoints: Any, port: str = "p80", number: int = 80) -> dict[str, Stored]:
    """A slice: each endpoint is an address, or an address and fields of its entry."""
    entries = [
        {"addresses": [each]} if isinstance(each, str) else {"addresses": [each[0]], **each[1]} for each in endpoints
    ]
    ports = [{"name": port, "port": number, "protocol": "TCP"}]
    obj = {"metadata": {"name": "a"}, "addressType": "IPv4", "ports": ports, "endpoints": entries}
    return {"a": Stored(1, obj)}


def rules(table: Table, mode: str = "iptables", zone: str = "") -> NodeRules:
    """The rules of the node n1."""
    config = ProxyConfig(mode=mode, cluster_cidr=PODS, service_cidr=SERVICES)
    return NodeRules(table, NodeFacts("n1", NODE, zone), config)


Send = Callable[..., Verdict]


@pytest.fixture
def send() -> Send:
    """Sends packets to port 80 of an address; what the kernel remembers lasts for one test."""
    memory = Memory()

    def send_one(
        made: NodeRules, source: str, destination: str, port: int = 80, *, drawn: float = 0.0, now: float = 0.0
    ) -> Verdict:
        packet = Packet(source, destination, port, from_here=source == NODE)
        verdict = made.route(packet, draw=lambda: drawn, memory=memory, now=now)
        memory.commit(verdict, source, now)
        return verdict

    return send_one
