"""What kube-proxy itself answers on its node: its own health, and for load balancers that of Services.

A load balancer asks the healthCheckNodePort of a Service with externalTrafficPolicy Local whether the node has an
endpoint; it sends its traffic only where the answer is 200.
Upstream: pkg/proxy/healthcheck/service_health.go, proxy_health.go. Left out: /livez, metrics (port 10249).
"""

from __future__ import annotations

import json
from typing import NamedTuple

from kubesim.api.traffic import HttpCall
from kubesim.proxy.rules import NodeRules

HEALTHZ_PORT = 10256


class Health(NamedTuple):
    """One answer."""

    code: int
    headers: dict[str, str]
    body: bytes


def answer(rules: NodeRules, port: int, call: HttpCall, now: str) -> Health | None:
    """What kube-proxy answers at a port of its node; None if the port is none of its own."""
    if port == HEALTHZ_PORT:
        return _own(call, now)
    for entry, each in rules.ports():
        if each.health_check_node_port == port:
            here = [one for one in entry.endpoints(each) if one.ready and one.node == rules.node.name]
            return _of_service(each.namespace, each.service, len(here))
    return None


def _own(call: HttpCall, now: str) -> Health:
    if call.path.partition("?")[0] not in ("/healthz", "/livez"):
        return Health(404, {"Content-Type": "text/plain; charset=utf-8"}, b"404 page not found\n")
    body = f'{{"lastUpdated": "{now}","currentTime": "{now}", "nodeEligible": true}}'
    return Health(200, {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"}, body.encode())


def _of_service(namespace: str, name: str, count: int) -> Health:
    said = {
        "service": {"namespace": namespace, "name": name},
        "localEndpoints": count,
        "serviceProxyHealthy": True,
    }
    headers = {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff",
               "X-Load-Balancing-Endpoint-Weight": str(count)}  # fmt: skip
    return Health(200 if count else 503, headers, f"{json.dumps(said, indent=chr(9))}\n".encode())
