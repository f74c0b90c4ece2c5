"""Which fields Go writes even when nothing is set: the definitions do not say it, and owners of fields depend on it.

A struct that is no pointer is always there (`spec: {}`, a container's `resources: {}`), so nobody can add it and
nobody owns it, only what is in it. A field without "omitempty" is there as well, as null or zero; upstream marks
such fields as required. Upstream: types.go of each group.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.schema.node import BOOL, FLOAT, INT32, INT64, LEFT_OUT, LIST, MAP, OBJECT, STRING, Node

# Structs by value in every kind.
_EVERYWHERE = ("metadata", "spec", "status")
# The others, by the struct that has them; required ones are found by that.
_VALUES: dict[str, frozenset[str]] = {
    struct: frozenset(names.split())
    for struct, names in {
        "apps.v1.DaemonSetSpec": "updateStrategy",
        "apps.v1.DeploymentSpec": "strategy",
        "apps.v1.ReplicaSetSpec": "template",
        "apps.v1.StatefulSetSpec": "updateStrategy",
        "core.v1.Container": "resources",
        "core.v1.ContainerStatus": "lastState state",
        "core.v1.EphemeralContainer": "resources",
        "core.v1.Event": "source",
        "core.v1.NodeDaemonEndpoints": "kubeletEndpoint",
        "core.v1.NodeStatus": "daemonEndpoints nodeInfo",
        "core.v1.PersistentVolumeClaimSpec": "resources",
        "core.v1.PodTemplate": "template",
        "core.v1.ServiceStatus": "loadBalancer",
        "discovery.v1.Endpoint": "conditions",
        "events.v1.Event": "deprecatedSource regarding",
        "networking.v1.IngressServiceBackend": "port",
        "networking.v1.IngressStatus": "loadBalancer",
        "networking.v1.NetworkPolicySpec": "podSelector",
        "resource.v1.AllocationResult": "devices",
        "resource.v1.ResourceClaimSpec": "devices",
        "apiextensions.v1.CustomResourceDefinitionStatus": "acceptedNames",
    }.items()
}
_ZEROS: dict[str, Any] = {STRING: "", BOOL: False, INT32: 0, INT64: 0, FLOAT: 0, LIST: None, MAP: None, OBJECT: {}}

# Defaults of fields that are keys of lists, as the definitions of the server have them.
KEY_DEFAULTS: dict[str, dict[str, str]] = {
    "core.v1.ContainerPort": {"protocol": "TCP"},
    "core.v1.ServicePort": {"protocol": "TCP"},
}


def zero_of(node: Node, struct: str, name: str, *, required: bool) -> Any:
    """What Go writes for this field of a struct when nothing is set; LEFT_OUT if it writes nothing."""
    if node.kind == OBJECT and (name in _EVERYWHERE or name in _VALUES.get(struct, ())):
        return _ZEROS[OBJECT]
    if node.keeps_null:
        return None
    return _ZEROS.get(node.kind) if required else LEFT_OUT
