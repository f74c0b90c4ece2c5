"""kube-proxy: a full sync of many Services, one change among them, and packets."""

from __future__ import annotations

from benchmarks.measure import Figure, now
from kubesim.api.stored import Object, Stored
from kubesim.proxy.config import MODES, NodeFacts, ProxyConfig
from kubesim.proxy.packet import Memory, Packet
from kubesim.proxy.rules import NodeRules
from kubesim.proxy.table import Table
from kubesim.sim.simulation import collecting_rarely

SERVICES, ENDPOINTS = 10_000, 3
NODE = NodeFacts("node-1", "192.168.49.2")


def proxy() -> list[Figure]:
    """10,000 Services with three endpoints each, in each mode."""
    figures = []
    for mode in MODES:
        objects = [(f"shop/web-{number}", service(number), slices(number)) for number in range(SERVICES)]
        with collecting_rarely():  # As in every simulation.
            started = now()
            table = Table()
            for key, *parts in objects:
                table.put(key, *parts)
            rules = NodeRules(table, NODE, ProxyConfig(mode=mode))
            lines = sum(1 for _ in rules.text())
            synced = now() - started
        what = f"{SERVICES} Services of {ENDPOINTS} endpoints, {mode}"
        figures.append(Figure(f"{what}: one full sync ({lines} lines)", synced, "s", "≤", 1))
        figures.append(Figure(f"{what}: after one change, to the packet", one_change(table, rules) * 1e3, "ms"))
        figures.append(Figure(f"{what}: packets", packets(rules), "per s"))
    return figures


def one_change(table: Table, rules: NodeRules) -> float:
    """Seconds from a changed slice until a packet has met the new rules."""
    route(rules, 7)
    started = now()
    table.put("shop/web-7", service(7), slices(8))
    route(rules, 7)
    return now() - started


def packets(rules: NodeRules, count: int = 5_000) -> float:
    """How many connections a second find their endpoint."""
    started = now()
    for number in range(count):
        route(rules, number % 100)
    return count / (now() - started)


def route(rules: NodeRules, number: int) -> None:
    packet = Packet("10.244.9.9", address(number), 80)
    assert rules.route(packet, draw=lambda: 0.4, memory=Memory(), now=0.0).was_translated


def address(number: int) -> str:
    return f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def service(number: int) -> Stored:
    metadata = {"namespace": "shop", "name": f"web-{number}"}
    spec: Object = {
        "type": "ClusterIP",
        "clusterIP": address(number),
        "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
    }
    return Stored(number + 1, {"metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}})


def slices(number: int) -> dict[str, Stored]:
    ips = [f"10.244.{number >> 6 & 255}.{(number & 63) * 4 + each}" for each in range(ENDPOINTS)]
    endpoints = [
        {"addresses": [ip], "conditions": {"ready": True, "serving": True, "terminating": False}, "nodeName": "node-2",
         "targetRef": {"kind": "Pod", "name": f"web-{number}-{ip}"}}
        for ip in ips
    ]  # fmt: skip
    obj = {
        "metadata": {"namespace": "shop", "name": f"web-{number}-abcde"},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }
    return {f"shop/web-{number}-abcde": Stored(number + 1, obj)}
