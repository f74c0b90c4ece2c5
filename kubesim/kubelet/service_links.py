"""Environment variables for Services: `DB_SERVICE_HOST`, `DB_PORT_5432_TCP` and their kin, as docker links had them.

A container sees the Services that its namespace had when it was started; a Service that came later is not there, which
is why the order of starting matters to programs that use them. enableServiceLinks: false leaves out all but the
cluster's own. Ours are worked out when somebody looks inside.
Upstream: pkg/kubelet/envvars/envvars.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.stored import Object

OWN: Object = {
    "metadata": {"name": "kubernetes"},
    "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "protocol": "TCP"}]},
}


def service_links(services: Iterable[Object], started_at: str) -> dict[str, str]:
    """The variables for Services that were there at `started_at` (RFC 3339; "" is now), and for the cluster's own."""
    found: dict[str, str] = {}
    for service in (OWN, *services):
        if not started_at or service["metadata"].get("creationTimestamp", "") <= started_at:
            found |= variables(service)
    return found


def variables(service: Object) -> dict[str, str]:
    """The variables for one Service; a headless one has none."""
    spec, name = service.get("spec") or {}, service["metadata"]["name"].upper().replace("-", "_")
    address, ports = spec.get("clusterIP", ""), spec.get("ports") or ()
    if address in ("", "None") or not ports:
        return {}
    found = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            found[f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    first = ports[0]
    found[f"{name}_PORT"] = f"{first.get('protocol', 'TCP').lower()}://{address}:{first['port']}"
    for port in ports:
        protocol, number = port.get("protocol", "TCP"), str(port["port"])
        prefix = f"{name}_PORT_{number}_{protocol}"
        found |= {
            prefix: f"{protocol.lower()}://{address}:{number}",
            f"{prefix}_PROTO": protocol.lower(),
            f"{prefix}_PORT": number,
            f"{prefix}_ADDR": address,
        }
    return found
