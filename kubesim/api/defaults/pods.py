"""Defaults of Pods and of Pod templates.

A template gets those of the spec; requests from limits, service links and host ports come only with the Pod.
Upstream: pkg/apis/core/v1/defaults.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.defaults.copying import at, completed, each_at, filled, made_at
from kubesim.api.stored import Object

_SPEC = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
    "schedulerName": "default-scheduler",
}
_CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "resources": {}}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_PORT = {"protocol": "TCP"}
_MODE = {"defaultMode": 420}
_STATES: Object = {"state": {}, "lastState": {}}
_CONDITION = {"lastProbeTime": None, "lastTransitionTime": None}
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
_STATUS_LISTS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


def pod(obj: Object) -> Object:
    """A Pod."""
    return around_spec(made_at(obj, "spec", _pod_spec))


def around_spec(obj: Object) -> Object:
    """A Pod whose spec has its defaults already."""
    return made_at(obj, "status", pod_status)


def template(obj: Object) -> Object:
    """The template of a workload, with `metadata` and `spec`."""
    return made_at(completed(obj, {"metadata": {}}), "spec", pod_spec)


def pod_spec(spec: Object) -> Object:
    """What Pods and templates have in common."""
    spec = filled(spec, _SPEC)
    if "serviceAccountName" in spec and spec.get("serviceAccount") != spec["serviceAccountName"]:
        spec = {**spec, "serviceAccount": spec["serviceAccountName"]}  # The old name of the field lives on.
    elif spec.get("serviceAccount") and "serviceAccountName" not in spec:
        spec = {**spec, "serviceAccountName": spec["serviceAccount"]}
    for name in _CONTAINER_LISTS:
        spec = each_at(spec, name, _container)
    return each_at(spec, "volumes", _volume)


def _pod_spec(spec: Object) -> Object:
    spec = filled(pod_spec(spec), {"enableServiceLinks": True})
    host_network = bool(spec.get("hostNetwork"))
    for name in ("containers", "initContainers"):
        spec = each_at(spec, name, _requests_from_limits)
        if host_network:
            spec = each_at(spec, name, _host_ports)
    return spec


def pod_status(status: Object) -> Object:
    """What Go writes of a status even when it is empty."""
    status = each_at(status, "conditions", _condition)
    for name in _STATUS_LISTS:
        status = each_at(status, name, _container_status)
    return status


def _condition(condition: Object) -> Object:
    if "lastProbeTime" in condition and "lastTransitionTime" in condition:
        return condition
    return completed(condition, _CONDITION)


def _container_status(container: Object) -> Object:
    return container if "state" in container and "lastState" in container else completed(container, _STATES)


def _container(container: Object) -> Object:
    container = filled(container, _CONTAINER)
    if not container.get("imagePullPolicy"):
        container = {**container, "imagePullPolicy": image_pull_policy(container.get("image", ""))}
    container = each_at(container, "ports", lambda port: filled(port, _PORT))
    container = each_at(container, "env", _variable)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        container = at(container, name, _probe)
    return at(container, "lifecycle", _lifecycle)


def image_pull_policy(image: str) -> str:
    """Always for the tag `latest`, which is also that of an image without tag or digest."""
    name, at_sign, _digest = image.partition("@")
    _repository, colon, tag = name.rpartition("/")[2].partition(":")
    latest = tag == "latest" if colon else not at_sign
    return "Always" if latest else "IfNotPresent"


def _probe(probe: Object) -> Object:
    if any(not probe.get(name) for name in _PROBE):
        probe = {**probe, **{name: value for name, value in _PROBE.items() if not probe.get(name)}}
    return _handler(at(probe, "grpc", lambda action: completed(action, {"service": ""})))


def _lifecycle(lifecycle: Object) -> Object:
    return at(at(lifecycle, "postStart", _handler), "preStop", _handler)


def _handler(handler: Object) -> Object:
    return at(handler, "httpGet", lambda action: filled(action, {"path": "/", "scheme": "HTTP"}))


def _variable(variable: Object) -> Object:
    return at(variable, "valueFrom", _references)


def _references(holder: Object) -> Object:
    holder = at(holder, "fieldRef", _field_reference)
    return at(holder, "resourceFieldRef", lambda reference: completed(reference, {"divisor": "0"}))


def _field_reference(reference: Object) -> Object:
    return filled(reference, {"apiVersion": "v1"})


def _downward_item(item: Object) -> Object:
    return _references(item)


def _projected_source(source: Object) -> Object:
    source = at(source, "serviceAccountToken", lambda token: filled(token, {"expirationSeconds": 3600}))
    return at(source, "downwardAPI", lambda projection: each_at(projection, "items", _downward_item))


def _projected(source: Object) -> Object:
    return each_at(filled(source, _MODE), "sources", _projected_source)


def _downward(source: Object) -> Object:
    return each_at(filled(source, _MODE), "items", _downward_item)


def _with_mode(source: Object) -> Object:
    return filled(source, _MODE)


def _image(source: Object) -> Object:
    return filled(source, {"pullPolicy": image_pull_policy(source.get("reference", ""))})


def _ephemeral(source: Object) -> Object:
    def spec(claim: Object) -> Object:
        return filled(claim, {"volumeMode": "Filesystem"})

    def claim_template(part: Object) -> Object:
        return made_at(completed(part, {"metadata": {}}), "spec", spec)

    return at(source, "volumeClaimTemplate", claim_template)


_VOLUME_SOURCES = {
    "configMap": _with_mode,
    "secret": _with_mode,
    "projected": _projected,
    "downwardAPI": _downward,
    "hostPath": lambda source: completed(source, {"type": ""}),
    "image": _image,
    "ephemeral": _ephemeral,
    "iscsi": lambda source: filled(source, {"iscsiInterface": "default"}),
    "rbd": lambda source: filled(source, {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"}),
}


def _volume(volume: Object) -> Object:
    for name in volume:
        function = _VOLUME_SOURCES.get(name)
        if function is not None:
            return at(volume, name, function)
    return volume if len(volume) > 1 else {**volume, "emptyDir": {}}


def _requests_from_limits(container: Object) -> Object:
    resources = container["resources"]
    limits: dict[str, Any] = resources.get("limits") or {}
    requests: dict[str, Any] = resources.get("requests") or {}
    if all(name in requests for name in limits):
        return container
    return {**container, "resources": {**resources, "requests": {**limits, **requests}}}


def _host_ports(container: Object) -> Object:
    def same_on_host(port: Object) -> Object:
        return port if port.get("hostPort") else {**port, "hostPort": port.get("containerPort", 0)}

    return each_at(container, "ports", same_on_host)
