"""The control endpoint's part about the network: the rules of a node, and the way of a packet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kubesim.api.errors import BadRequestError, NotFoundError
from kubesim.cluster import SimCluster
from kubesim.explain.packet import TraceError, trace_packet
from kubesim.proxy import MODES

Body = Mapping[str, Any]
Answer = dict[str, Any]


def proxy_rules(cluster: SimCluster, body: Body) -> Answer:
    """The rules of a node's kube-proxy: {"node", "mode", "service"}."""
    node, mode, service = (str(body.get(key) or "") for key in ("node", "mode", "service"))
    kernels = cluster.pod_network.kernels
    if node not in kernels:
        raise NotFoundError(f'there is no node "{node}"; there is {", ".join(kernels) or "none"}')
    if mode and mode not in MODES:
        raise BadRequestError(f'"{mode}" is no mode of kube-proxy; there is {", ".join(MODES)}')
    kernel = kernels[node]
    rules = kernel.rules(mode)
    if service and "/" not in service:
        service = f"default/{service}"
    ports = [(entry, port) for entry, port in rules.ports() if service in ("", f"{port.namespace}/{port.service}")]
    if service and not ports:
        raise NotFoundError(f'{node} has no rules for a Service "{service}": there is none, or it has no cluster IP')
    process = cluster.pod_network.proxy_process(node)
    now = cluster.sim.clock.now()
    return {
        "node": node,
        "mode": rules.config.mode,
        "kubeProxy": process.state.value if process is not None else "absent",
        "revision": rules.table.revision,
        "staleSeconds": None if kernel.frozen_seconds is None else round(now - kernel.frozen_seconds, 3),
        "services": [_service(rules.categories(entry, port), port) for entry, port in ports],
        "rules": list(rules.text(service)),
    }


def _service(found: Any, port: Any) -> Answer:
    return {
        "name": port.name,
        "protocol": port.protocol,
        "clusterIP": port.cluster_ip,
        "port": port.port,
        "nodePort": port.node_port or None,
        "endpoints": [endpoint.address for endpoint in found.cluster],
        "localEndpoints": [endpoint.address for endpoint in found.local],
    }


async def packet_way(cluster: SimCluster, body: Body) -> Answer:
    """The way of a packet: {"from", "to", "namespace"}."""
    source, target = str(body.get("from") or ""), str(body.get("to") or "")
    if not source or not target:
        raise BadRequestError('say from where and to where: {"from": "pod/web", "to": "db:5432"}')
    try:
        trace = await trace_packet(cluster, source, target, str(body.get("namespace") or "default"))
    except TraceError as error:
        raise NotFoundError(str(error)) from None
    answer: Answer = msgspec.to_builtins(trace)
    return answer | {"from": answer.pop("source"), "to": answer.pop("target"), "arrived": trace.arrived}
