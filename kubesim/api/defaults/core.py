"""Defaults of the core group, Pods excepted. Upstream: pkg/apis/core/v1/defaults.go."""

from __future__ import annotations

from kubesim.api.defaults.copying import at, completed, each_at, filled, made_at
from kubesim.api.defaults.pods import template
from kubesim.api.stored import Object

NAME_LABEL = "kubernetes.io/metadata.name"
AFFINITY_SECONDS = 10800

_TCP = {"protocol": "TCP"}
_EVENT: Object = {
    "involvedObject": {},
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}


def pod_template(obj: Object) -> Object:
    """A PodTemplate."""
    return made_at(obj, "template", template)


def replication_controller(obj: Object) -> Object:
    """A ReplicationController: selector and labels come from the template."""
    labels = ((obj.get("spec") or {}).get("template") or {}).get("metadata", {}).get("labels")

    def spec(part: Object) -> Object:
        part = filled(at(part, "template", template), {"replicas": 1})
        return part if part.get("selector") or not labels else {**part, "selector": labels}

    obj = made_at(completed(obj, {"status": {"replicas": 0}}), "spec", spec)
    if labels and not obj["metadata"].get("labels"):
        obj = {**obj, "metadata": {**obj["metadata"], "labels": labels}}
    return obj


def service(obj: Object) -> Object:
    """A Service. Addresses and node ports are the registry's work."""
    return made_at(completed(obj, {"status": {"loadBalancer": {}}}), "spec", _service_spec)


def _service_spec(spec: Object) -> Object:
    spec = filled(spec, {"sessionAffinity": "None", "type": "ClusterIP"})
    if spec["sessionAffinity"] == "ClientIP":
        spec = filled(spec, {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}}})
    elif "sessionAffinityConfig" in spec:
        spec = {name: value for name, value in spec.items() if name != "sessionAffinityConfig"}
    spec = each_at(spec, "ports", _service_port)
    exposed = spec["type"] in ("NodePort", "LoadBalancer")
    if exposed or (spec["type"] == "ClusterIP" and spec.get("externalIPs")):
        spec = filled(spec, {"externalTrafficPolicy": "Cluster"})
    if exposed or spec["type"] == "ClusterIP":
        spec = filled(spec, {"internalTrafficPolicy": "Cluster"})
    if spec["type"] == "LoadBalancer":
        spec = filled(spec, {"allocateLoadBalancerNodePorts": True})
    return spec


def _service_port(port: Object) -> Object:
    port = filled(port, _TCP)
    return port if port.get("targetPort") not in (None, 0, "") else {**port, "targetPort": port.get("port", 0)}


def endpoints(obj: Object) -> Object:
    """Endpoints."""
    return each_at(obj, "subsets", lambda subset: each_at(subset, "ports", lambda port: filled(port, _TCP)))


def namespace(obj: Object) -> Object:
    """A Namespace carries its name as a label."""
    metadata = obj.get("metadata") or {}
    name, labels = metadata.get("name"), metadata.get("labels") or {}
    if name and labels.get(NAME_LABEL) != name:
        obj = {**obj, "metadata": {**metadata, "labels": {**labels, NAME_LABEL: name}}}
    return made_at(completed(obj, {"spec": {}}), "status", lambda status: filled(status, {"phase": "Active"}))


# What Go writes of the status of a Node that no kubelet has registered.
_NODE_STATUS: Object = {
    "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
    "nodeInfo": dict.fromkeys(
        ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion",
         "kubeProxyVersion", "operatingSystem", "architecture"), "",
    ),
}  # fmt: skip


def node(obj: Object) -> Object:
    """A Node whose kubelet named only the capacity has all of it to give."""

    def status(part: Object) -> Object:
        capacity = part.get("capacity")
        return filled(part, {"allocatable": capacity}) if capacity else part

    return at(completed(obj, {"spec": {}, "status": _NODE_STATUS}), "status", status)


def secret(obj: Object) -> Object:
    """A Secret. `stringData` becomes `data` in the registry."""
    return filled(obj, {"type": "Opaque"})


def event(obj: Object) -> Object:
    """What Go writes of an Event even when it is empty."""
    return completed(obj, _EVENT)


def limit_range(obj: Object) -> Object:
    """A LimitRange: for containers, absent limits come from max, absent requests from limits, then from min."""

    def item(limit: Object) -> Object:
        if limit.get("type") != "Container":
            return limit
        limits = {**limit.get("max", {}), **limit.get("default", {})}
        requests = {**limit.get("min", {}), **limits, **limit.get("defaultRequest", {})}
        made = {"default": limits, "defaultRequest": requests}
        if all(limit.get(name, {}) == value for name, value in made.items()):
            return limit
        return {**limit, **{name: value for name, value in made.items() if value}}

    return at(obj, "spec", lambda spec: each_at(spec, "limits", item))


def resource_quota(obj: Object) -> Object:
    """A ResourceQuota."""
    return completed(obj, {"spec": {}, "status": {}})


def persistent_volume(obj: Object) -> Object:
    """A PersistentVolume."""
    spec = {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}
    obj = made_at(obj, "spec", lambda part: filled(part, spec))
    return made_at(obj, "status", lambda status: filled(status, {"phase": "Pending"}))


def persistent_volume_claim(obj: Object) -> Object:
    """A PersistentVolumeClaim, also as a template of a StatefulSet."""
    obj = made_at(obj, "spec", lambda spec: completed(filled(spec, {"volumeMode": "Filesystem"}), {"resources": {}}))
    return made_at(obj, "status", lambda status: filled(status, {"phase": "Pending"}))
