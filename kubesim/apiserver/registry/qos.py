"""The quality of service of a Pod: what its containers' requests and limits make of it.

Upstream: pkg/apis/core/helper/qos/qos.go.
"""

from __future__ import annotations

from kubesim.api.quantity import milli
from kubesim.api.stored import Object

GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"
QOS_RESOURCES = ("cpu", "memory")


def qos_class(spec: Object) -> str:
    """Guaranteed: every container limits cpu and memory to just its requests. BestEffort: none says anything."""
    anything, guaranteed = False, True
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name in QOS_RESOURCES:
            request, limit = milli(requests.get(name, 0)), milli(limits.get(name, 0))
            anything = anything or bool(request or limit)
            guaranteed = guaranteed and bool(limit) and request in (0, limit)
            if name in requests and request != limit:
                guaranteed = False
    if not anything:
        return BEST_EFFORT
    return GUARANTEED if guaranteed else BURSTABLE
