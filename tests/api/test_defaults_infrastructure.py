"""Defaults of what lies below the workloads, and fields that are written even when they are empty."""

from __future__ import annotations

import pytest

from kubesim.api.defaults import default
from kubesim.api.resources import (
    API_SERVICES,
    CLUSTER_ROLES,
    CSI_DRIVERS,
    INGRESS_CLASSES,
    INGRESSES,
    LEASES,
    NODES,
    POD_DISRUPTION_BUDGETS,
    PRIORITY_LEVELS,
    RESOURCE_CLAIMS,
    Resource,
)


@pytest.mark.parametrize(
    ("resource", "given", "made"),
    [
        (LEASES, {}, {"spec": {}}),
        (CLUSTER_ROLES, {}, {"rules": None}),
        (INGRESSES, {}, {"spec": {}, "status": {"loadBalancer": {}}}),
        (INGRESS_CLASSES, {"spec": {"parameters": {"kind": "P"}}},
         {"spec": {"parameters": {"kind": "P", "scope": "Cluster"}}}),
        (POD_DISRUPTION_BUDGETS, {"spec": {}}, {"spec": {}, "status": {
            "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}}),
        (RESOURCE_CLAIMS, {"spec": {"devices": {"requests": [{"exactly": {"deviceClassName": "a"}}]}}},
         {"spec": {"devices": {"requests": [
             {"exactly": {"deviceClassName": "a", "allocationMode": "ExactCount", "count": 1}}]}}, "status": {}}),
        (API_SERVICES, {"spec": {"service": {"name": "a"}}},
         {"spec": {"service": {"name": "a", "port": 443}}, "status": {}}),
        (PRIORITY_LEVELS, {"spec": {"limited": {"limitResponse": {"type": "Queue", "queuing": {"queues": 2}}}}},
         {"spec": {"limited": {"nominalConcurrencyShares": 30, "lendablePercent": 0, "limitResponse": {
             "type": "Queue", "queuing": {"queues": 2, "handSize": 8, "queueLengthLimit": 50}}}}, "status": {}}),
    ],
)  # fmt: skip
def test_what_the_sender_left_out_is_filled_in(resource: Resource, given: dict, made: dict) -> None:
    """Teaches: `kubectl get -o yaml` shows more than one wrote."""
    assert default(resource, given) == made
    assert default(resource, made) is made


def test_a_driver_attaches_volumes_and_keeps_them_unless_it_says_otherwise() -> None:
    """Teaches: what an empty CSIDriver means."""
    spec = default(CSI_DRIVERS, {"spec": {"attachRequired": False}})["spec"]
    assert spec["attachRequired"] is False
    assert spec["volumeLifecycleModes"] == ["Persistent"]


def test_a_node_that_nobody_has_registered_has_empty_information() -> None:
    """Teaches: kubectl describe reads fields that must be there."""
    assert default(NODES, {})["status"]["nodeInfo"]["kubeletVersion"] == ""
