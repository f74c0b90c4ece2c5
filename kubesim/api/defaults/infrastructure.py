"""Defaults of what lies below the workloads: leases, drivers, devices, flow control, aggregation, disruption.

Besides defaults in the proper sense these are fields that Go writes even when they are empty.
Upstream: defaults.go under pkg/apis/{storage/v1,resource/v1,flowcontrol/v1,networking/v1}, kube-aggregator.
"""

from __future__ import annotations

from kubesim.api.defaults.copying import Default, at, completed, each_at, filled, made_at
from kubesim.api.stored import Object

HTTPS = 443
_DRIVER: Object = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "volumeLifecycleModes": ["Persistent"],
    "requiresRepublish": False,
    "seLinuxMount": False,
}
_QUEUING = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
_BUDGET_STATUS = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}


def writes(**fields: object) -> Default:
    """A default that only adds what Go always writes."""
    return lambda obj: completed(obj, fields)


spec_always = writes(spec={})
status_always = writes(status={})
rules_always = writes(rules=None)


def ingress(obj: Object) -> Object:
    """An Ingress."""
    return completed(obj, {"spec": {}, "status": {"loadBalancer": {}}})


def ingress_class(obj: Object) -> Object:
    """An IngressClass: its parameters are an object of the cluster, unless they say where they are."""
    parameters = {"scope": "Cluster"}
    return at(spec_always(obj), "spec", lambda spec: at(spec, "parameters", lambda part: filled(part, parameters)))


def pod_disruption_budget(obj: Object) -> Object:
    """A PodDisruptionBudget."""
    return made_at(completed(obj, {"spec": {}}), "status", lambda status: completed(status, _BUDGET_STATUS))


def volume_attachment(obj: Object) -> Object:
    """A VolumeAttachment."""
    return made_at(obj, "status", lambda status: completed(status, {"attached": False}))


def csi_driver(obj: Object) -> Object:
    """A CSIDriver."""
    return made_at(obj, "spec", lambda spec: filled(spec, _DRIVER))


def resource_claim(obj: Object) -> Object:
    """A ResourceClaim: each request is for one device."""
    return completed(at(obj, "spec", _claim_spec), {"status": {}})


def resource_claim_template(obj: Object) -> Object:
    """A ResourceClaimTemplate."""
    obj = at(obj, "spec", lambda spec: at(spec, "spec", _claim_spec))
    return at(obj, "spec", lambda spec: completed(spec, {"metadata": {}}))


def _claim_spec(spec: Object) -> Object:
    return made_at(spec, "devices", lambda devices: each_at(devices, "requests", _request))


def _request(request: Object) -> Object:
    request = at(request, "exactly", _exact)
    return each_at(request, "firstAvailable", _exact)


def _exact(part: Object) -> Object:
    part = filled(part, {"allocationMode": "ExactCount"})
    return filled(part, {"count": 1}) if part["allocationMode"] == "ExactCount" else part


def flow_schema(obj: Object) -> Object:
    """A FlowSchema."""
    precedence = {"matchingPrecedence": 1000}
    return completed(made_at(obj, "spec", lambda spec: filled(spec, precedence)), {"status": {}})


def priority_level(obj: Object) -> Object:
    """A PriorityLevelConfiguration."""

    def limited(part: Object) -> Object:
        part = filled(part, {"nominalConcurrencyShares": 30, "lendablePercent": 0})
        return at(part, "limitResponse", lambda response: at(response, "queuing", lambda q: filled(q, _QUEUING)))

    def spec(part: Object) -> Object:
        exempt = {"nominalConcurrencyShares": 0, "lendablePercent": 0}
        part = at(part, "exempt", lambda found: filled(found, exempt))
        return at(part, "limited", limited)

    return completed(made_at(obj, "spec", spec), {"status": {}})


def api_service(obj: Object) -> Object:
    """An APIService: what it stands for is served with TLS."""

    def spec(part: Object) -> Object:
        return at(part, "service", lambda service: filled(service, {"port": HTTPS}))

    return completed(at(obj, "spec", spec), {"status": {}})
