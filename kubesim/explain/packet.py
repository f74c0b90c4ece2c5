"""What becomes of one connection, hop by hop: the name, the rules, the endpoint, the node, the container, the answer.

A connection is really made, in no virtual time: it draws from a stream of its own, and leaves no line in a log and no
entry in a kernel's memory, so a traced run goes on like one that was not. Where it dies, the cluster's own objects say
why: which Pod had the address, and since when it is gone.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from kubesim.api.resources import PODS, SERVICES
from kubesim.api.stored import Object
from kubesim.api.traffic import (
    ANSWERED,
    CONNECTED,
    REFUSED,
    Addresses,
    Connection,
    Hop,
    HttpCall,
    Name,
    Reply,
    kernel_of,
)
from kubesim.cluster import SimCluster
from kubesim.explain.addresses import story_of
from kubesim.proxy.kernel import Kernel
from kubesim.proxy.outside import OUTSIDE
from kubesim.proxy.packet import number_of
from kubesim.proxy.routes import OUTSIDE_ADDRESS

HTTP_PORT = 80
KINDS = "svc|services?|pods?|po|nodes?"
TARGET = re.compile(rf"(?:https?://)?(?P<host>(?:(?:{KINDS})/)?[^/:\s]+)(?::(?P<port>\d{{1,5}}))?(?P<path>/\S*)?")


class TraceError(ValueError):
    """What was asked cannot be traced; the text says why."""


class PacketTrace(msgspec.Struct, frozen=True):
    """The whole way. `verdict` is one sentence."""

    source: str
    target: str
    outcome: str
    verdict: str
    hops: tuple[Hop, ...]
    code: int = 0

    @property
    def arrived(self) -> bool:
        """Whether somebody answered."""
        return self.outcome in (ANSWERED, CONNECTED)


class Sender(NamedTuple):
    """Who sends: its machine ("outside": none), its address, its namespace, and how it is called."""

    node: str
    address: str
    namespace: str
    text: str


class Target(NamedTuple):
    """What was asked for: a name or an address, a port and a path."""

    host: str
    port: int
    path: str = "/"


async def trace_packet(cluster: SimCluster, source: str, target: str, namespace: str = "default") -> PacketTrace:
    """Sends one request from `source` (a Pod, a node, "outside") to `target`; TraceError if there is no such thing."""
    sender = sender_of(cluster, source, namespace)
    wanted = target_of(cluster, target, namespace)
    hops: tuple[Hop, ...] = (Hop("source", sender.node, sender.text),)
    address = wanted.host
    if number_of(address) < 0:
        found = await _resolve(cluster, sender, wanted.host)
        hops = (*hops, *found.hops)
        if not found.addresses:
            verdict = f'the name "{wanted.host}" is not known ({found.reason})'
            return PacketTrace(source, target, "unresolved", verdict, hops)
        address = found.addresses[0]
    request = HttpCall(path=wanted.path, headers={"host": wanted.host, "user-agent": "kubesim", "accept": "*/*"})
    connection = Connection(sender.address, address, wanted.port, data=request, trace=True, probing=True)
    reply = await _send(cluster, sender, connection)
    hops = (*hops, *(_with_age(cluster, hop) for hop in reply.hops))
    why = "" if reply.outcome in (ANSWERED, CONNECTED) else await story_of(cluster, reply)
    if why:
        hops = (*hops, Hop("why", reply.node, why))
    return PacketTrace(source, target, reply.outcome, _verdict(reply, why), hops, reply.code)


async def _resolve(cluster: SimCluster, sender: Sender, name: str) -> Addresses:
    if sender.node == OUTSIDE:
        hop = Hop("dns", OUTSIDE, f"{name}: names of the cluster are not known outside")
        return Addresses(reason="NXDOMAIN", hops=(hop,))
    question = Name(name, sender.address, sender.namespace, trace=True)
    found: Addresses = await _kernel(cluster, sender.node).handle(question)  # type: ignore[assignment]
    return found


async def _send(cluster: SimCluster, sender: Sender, connection: Connection) -> Reply:
    if cluster.sim.network.is_down(sender.node):
        return Reply("lost", reason=f"the machine of {sender.node} is down", node=sender.node)
    handler = cluster.sim.network.handler(kernel_of(sender.node))
    assert handler is not None, "every machine has a kernel"
    reply: Reply = await handler(connection)
    return reply


def _kernel(cluster: SimCluster, node: str) -> Kernel:
    kernel = cluster.pod_network.kernels.get(node)
    if kernel is None:
        raise TraceError(f'there is no machine called "{node}"')
    return kernel


def _with_age(cluster: SimCluster, hop: Hop) -> Hop:
    """Says of rules that nobody keeps up to date how old they are."""
    kernel = cluster.pod_network.kernels.get(hop.at)
    if hop.kind != "rules" or kernel is None or kernel.frozen_seconds is None:
        return hop
    age = cluster.sim.clock.now() - kernel.frozen_seconds
    text = f"{hop.text}  (stale: {hop.at}'s kube-proxy has heard of no change for {age:.0f} s)"
    return msgspec.structs.replace(hop, text=text, facts=hop.facts | {"stale_seconds": round(age, 3)})


def _verdict(reply: Reply, why: str) -> str:
    who = f"{reply.namespace}/{reply.pod} on {reply.node}" if reply.pod else reply.node
    if reply.outcome == ANSWERED:
        return f"answered by {who}: HTTP {reply.code}"
    if reply.outcome == CONNECTED:
        return f"connected to {who}"
    if reply.outcome == REFUSED:
        return f"connection refused: {why or reply.reason}"
    return f"no answer: {why or reply.reason}"


# -- what the words mean ----------------------------------------------------------------------------------


def sender_of(cluster: SimCluster, source: str, namespace: str) -> Sender:
    """The Pod, the node or "outside"."""
    if source == OUTSIDE:
        return Sender(OUTSIDE, OUTSIDE_ADDRESS, namespace, f"a client outside of the cluster ({OUTSIDE_ADDRESS})")
    kind, slash, name = source.rpartition("/")
    key = f"{kind}/{name}" if slash and kind not in ("pod", "pods", "po", "node", "nodes") else f"{namespace}/{name}"
    pod = cluster.get(PODS, key) if kind not in ("node", "nodes") else None
    if pod is not None:
        address = (pod.object.get("status") or {}).get("podIP", "")
        node = pod.object["spec"].get("nodeName", "")
        if not address or not node:
            raise TraceError(f'the Pod "{pod.key}" has no address yet: it can send nothing')
        return Sender(node, address, pod.namespace, f"Pod {pod.key} ({address}) on {node}")
    kernel = cluster.pod_network.kernels.get(name)
    if kernel is not None:
        return Sender(name, kernel.address, namespace, f"the node {name} ({kernel.address})")
    nodes = ", ".join(cluster.pod_network.kernels) or "none"
    known = f'there is {nodes}, and "outside" for a client elsewhere'
    raise TraceError(f'there is no Pod "{key}" and no node "{name}" ({known})')


def target_of(cluster: SimCluster, target: str, namespace: str) -> Target:
    """An address or a name, from SERVICE, svc/NAME, pod/NAME, a node, an IP or a URL."""
    match = TARGET.fullmatch(target)
    if match is None or int(match["port"] or 0) > 65535:
        raise TraceError(f'"{target}" is no Service, Pod, name or address; say web, pod/web-0:8080 or 10.96.0.1:443')
    host, port, path = match["host"], int(match["port"] or 0), match["path"] or "/"
    kind, slash, name = host.partition("/")
    if slash and kind in ("svc", "service", "services"):
        host = name
    elif slash and kind in ("pod", "pods", "po"):
        return _pod_target(cluster, f"{namespace}/{name}", port, path)
    elif slash:
        host = name
    if (kernel := cluster.pod_network.kernels.get(host)) is not None:
        return Target(kernel.address, port or HTTP_PORT, path)
    return Target(host, port or _port_of(cluster, host, namespace) or HTTP_PORT, path)


def _pod_target(cluster: SimCluster, key: str, port: int, path: str) -> Target:
    pod = cluster.get(PODS, key)
    if pod is None:
        raise TraceError(f'there is no Pod "{key}"')
    address = (pod.object.get("status") or {}).get("podIP", "")
    if not address:
        raise TraceError(f'the Pod "{key}" has no address yet')
    declared = [each["containerPort"] for container in pod.object["spec"]["containers"]
                for each in container.get("ports") or ()]  # fmt: skip
    return Target(address, port or next(iter(declared), HTTP_PORT), path)


def _port_of(cluster: SimCluster, host: str, namespace: str) -> int:
    """The first port of the Service that a name or an address means; 0 if it means none."""
    labels = host.split(".")
    service = cluster.get(SERVICES, f"{(*labels, namespace)[1]}/{labels[0]}")
    found: list[Any] = [service] if service is not None else []
    found += [each for each in cluster.all(SERVICES) if host in _addresses(each.object)]
    ports = found[0].object["spec"].get("ports") or () if found else ()
    return int(ports[0]["port"]) if ports else 0


def _addresses(service: Object) -> list[str]:
    spec, balancer = service["spec"], (service.get("status") or {}).get("loadBalancer") or {}
    return [spec.get("clusterIP", ""), *(spec.get("externalIPs") or ()),
            *(each.get("ip", "") for each in balancer.get("ingress") or ())]  # fmt: skip
