"""Disruption budgets, priorities, leases, runtime classes and devices.

Upstream: printPodDisruptionBudget, printPriorityClass, printLease, printRuntimeClass, …
"""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import (
    AGE,
    NAME,
    NAME_AND_AGE,
    Column,
    Moment,
    Printer,
    age_of,
    name_of,
    spec_of,
    status_of,
)


def _budget(budget: Object, now: Moment) -> list[Any]:
    spec = spec_of(budget)
    minimum, maximum = spec.get("minAvailable"), spec.get("maxUnavailable")
    return [
        name_of(budget),
        "N/A" if minimum is None else str(minimum),
        "N/A" if maximum is None else str(maximum),
        status_of(budget).get("disruptionsAllowed", 0),
        age_of(budget, now),
    ]


def _priority_class(priority_class: Object, now: Moment) -> list[Any]:
    return [
        name_of(priority_class),
        priority_class.get("value", 0),
        bool(priority_class.get("globalDefault", False)),
        age_of(priority_class, now),
        priority_class.get("preemptionPolicy", ""),
    ]


def _lease(lease: Object, now: Moment) -> list[Any]:
    return [name_of(lease), spec_of(lease).get("holderIdentity", ""), age_of(lease, now)]


def _runtime_class(runtime_class: Object, now: Moment) -> list[Any]:
    return [name_of(runtime_class), runtime_class.get("handler", ""), age_of(runtime_class, now)]


def _resource_claim(claim: Object, now: Moment) -> list[Any]:
    status = status_of(claim)
    states = []
    if claim["metadata"].get("deletionTimestamp"):
        states.append("deleted")
    if status.get("allocation") is None:
        if not claim["metadata"].get("deletionTimestamp"):
            states.append("pending")
    else:
        states.append("allocated")
        states.append("reserved" if status.get("reservedFor") else "")
    return [name_of(claim), ",".join(state for state in states if state), age_of(claim, now)]


def _resource_slice(resource_slice: Object, now: Moment) -> list[Any]:
    spec = spec_of(resource_slice)
    pool = (spec.get("pool") or {}).get("name", "")
    return [
        name_of(resource_slice),
        spec.get("nodeName", ""),
        spec.get("driver", ""),
        pool,
        age_of(resource_slice, now),
    ]


PRINTERS = {
    ("policy", "PodDisruptionBudget"): Printer(
        (NAME, Column("Min Available"), Column("Max Unavailable"), Column("Allowed Disruptions"), AGE), _budget
    ),
    ("scheduling.k8s.io", "PriorityClass"): Printer(
        (NAME, Column("Value"), Column("Global-Default"), AGE, Column("PreemptionPolicy")), _priority_class
    ),
    ("coordination.k8s.io", "Lease"): Printer((NAME, Column("Holder"), AGE), _lease),
    ("node.k8s.io", "RuntimeClass"): Printer((NAME, Column("Handler"), AGE), _runtime_class),
    ("resource.k8s.io", "DeviceClass"): NAME_AND_AGE,
    ("resource.k8s.io", "ResourceClaim"): Printer((NAME, Column("State"), AGE), _resource_claim),
    ("resource.k8s.io", "ResourceClaimTemplate"): NAME_AND_AGE,
    ("resource.k8s.io", "ResourceSlice"): Printer(
        (NAME, Column("Node"), Column("Driver"), Column("Pool"), AGE), _resource_slice
    ),
}
