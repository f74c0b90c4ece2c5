"""What all views have in common: frozen, read-only, named in snake_case, made from plain objects.

An absent field reads as "" (strings, dates), () (lists), {} (maps), None (sub-objects, and numbers and
booleans that Go keeps as pointers), else 0 or False; `metadata`, `spec` and `status` are always there.
A null counts as absent, as it does in Go. Unknown fields are skipped. Views are for reading, never sent.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

Quantity = str | int | float
IntOrString = int | str
ViewType = TypeVar("ViewType")

# Where Go's acronyms make the wire name differ from plain camelCase.
ACRONYMS = {
    "host_ip": "hostIP",
    "host_ips": "hostIPs",
    "host_ipc": "hostIPC",
    "host_pid": "hostPID",
    "pod_ip": "podIP",
    "pod_ips": "podIPs",
    "pod_cidr": "podCIDR",
    "pod_cidrs": "podCIDRs",
    "cluster_ip": "clusterIP",
    "cluster_ips": "clusterIPs",
    "external_ips": "externalIPs",
    "load_balancer_ip": "loadBalancerIP",
    "container_id": "containerID",
    "image_id": "imageID",
    "provider_id": "providerID",
    "external_id": "externalID",
    "boot_id": "bootID",
    "machine_id": "machineID",
    "system_uuid": "systemUUID",
    "downward_api": "downwardAPI",
    "set_hostname_as_fqdn": "setHostnameAsFQDN",
}


def wire_name(attribute: str) -> str:
    """`pod_ip` → `podIP`, `node_name` → `nodeName`."""
    known = ACRONYMS.get(attribute)
    if known:
        return known
    first, *rest = attribute.split("_")
    return first + "".join(word.capitalize() for word in rest)


class View(msgspec.Struct, frozen=True, gc=False, rename=wire_name):
    """The base of every view. Views hold no cycles, so the garbage collector need not follow them."""


def read(obj: dict[str, Any], type_: type[ViewType]) -> ViewType:
    """The object as a view. Almost none holds a null where a view has a field, so nulls cost only when met."""
    try:
        return msgspec.convert(obj, type_)
    except msgspec.ValidationError:
        return msgspec.convert(without_nulls(obj), type_)


def without_nulls(value: Any) -> Any:
    """The value without fields that are null, at any depth; lists keep their items."""
    if isinstance(value, dict):
        return {name: without_nulls(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [without_nulls(part) for part in value]
    return value
