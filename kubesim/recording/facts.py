"""The facts of an object whose changes make a story: phase, readiness, conditions, taints, counts.

The ordered outcome of a recording and the narrator both speak of these, so that what a student reads is
what is compared with a real cluster. The rules are those of the recordings' own tool.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.meta import controller_of
from kubesim.api.stored import Object

WORKLOADS = {
    "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController",
    "HorizontalPodAutoscaler", "PodDisruptionBudget", "CronJob",
}  # fmt: skip
REVISION = "deployment.kubernetes.io/revision"

COUNTERS: dict[str, tuple[str, ...]] = {
    "Deployment": (
        "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas",
        "terminatingReplicas",
    ),
    "ReplicaSet": ("replicas", "readyReplicas", "availableReplicas", "terminatingReplicas"),
    "ReplicationController": ("replicas", "readyReplicas", "availableReplicas"),
    "StatefulSet": (
        "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", "currentRevision",
        "updateRevision",
    ),
    "DaemonSet": (
        "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable", "numberUnavailable",
        "numberMisscheduled", "updatedNumberScheduled",
    ),
    "Job": ("active", "succeeded", "failed", "ready", "terminating"),
    "PodDisruptionBudget": ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"),
}  # fmt: skip

Facts = dict[str, Any]


def facts(kind: str, obj: Object) -> Facts:
    """What is true of one object. Keys of conditions are `condition:TYPE`, of taints `taint:KEY:EFFECT`."""
    metadata = obj["metadata"]
    found: Facts = {}
    if metadata.get("deletionTimestamp"):
        found["life"] = "deleting"
    if kind == "Pod":
        found.update(_pod_facts(obj))
    elif kind == "Node":
        found.update(_condition_facts(obj))
        for taint in (obj.get("spec") or {}).get("taints") or ():
            found[f"taint:{taint['key']}:{taint['effect']}"] = "present"
        found["unschedulable"] = bool((obj.get("spec") or {}).get("unschedulable"))
    elif kind == "Namespace":
        found["phase"] = (obj.get("status") or {}).get("phase", "")
        found.update(_condition_facts(obj))
    elif kind in WORKLOADS:
        found.update(_workload_facts(kind, obj))
    if metadata.get("finalizers") and kind != "Namespace":
        found["finalizers"] = ",".join(metadata["finalizers"])
    return found


def counters(kind: str, obj: Object) -> Facts | None:
    """The settled numbers of an object between steps; None for kinds that have none."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if kind in COUNTERS:
        found: Facts = {name: status.get(name, 0) for name in COUNTERS[kind]}
        if "replicas" in spec:
            found["spec.replicas"] = spec["replicas"]
        return found
    if kind == "EndpointSlice":
        return _slice_counters(obj)
    if kind == "Endpoints":
        subsets = obj.get("subsets") or ()
        return {
            "ready": sum(len(subset.get("addresses") or ()) for subset in subsets),
            "notReady": sum(len(subset.get("notReadyAddresses") or ()) for subset in subsets),
        }
    if kind == "ResourceQuota":
        return {"hard": status.get("hard"), "used": status.get("used")}
    if kind == "HorizontalPodAutoscaler":
        return {name: status.get(name) for name in ("currentReplicas", "desiredReplicas")}
    return None


def pod_state(obj: Object) -> str:
    """`Running/ready`, `Pending/unassigned`, `Running/terminating` …: the line that a Pod is counted under."""
    status = obj.get("status") or {}
    text = str(status.get("phase", ""))
    if condition(obj, "Ready").get("status") == "True":
        text += "/ready"
    if obj["metadata"].get("deletionTimestamp"):
        text += "/terminating"
    return text if (obj.get("spec") or {}).get("nodeName") else text + "/unassigned"


def condition(obj: Object, type_: str) -> Object:
    """The condition of that type, or an empty one."""
    for entry in (obj.get("status") or {}).get("conditions") or ():
        if entry["type"] == type_:
            found: Object = entry
            return found
    return {}


def _pod_facts(obj: Object) -> Facts:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    found: Facts = {
        "phase": status.get("phase", ""),
        "node": spec.get("nodeName", ""),
        "podready": condition(obj, "Ready").get("status", ""),
    }
    if status.get("nominatedNodeName"):
        found["nominated"] = status["nominatedNodeName"]
    for type_ in ("PodScheduled", "DisruptionTarget"):
        entry = condition(obj, type_)
        if entry and (type_ != "PodScheduled" or entry["status"] == "False"):
            found[f"condition:{type_}"] = _stated(entry)
    for gate in spec.get("readinessGates") or ():
        entry = condition(obj, gate["conditionType"])
        found[f"condition:{gate['conditionType']}"] = (f"{entry.get('status', '')}/{entry.get('reason', '')}", "")
    owner = controller_of(obj)
    found["owner"] = f"{owner['kind']}/{owner['name']}" if owner else ""
    found["restarts"] = sum(entry.get("restartCount", 0) for entry in status.get("containerStatuses") or ())
    if status.get("reason"):
        found["status.reason"] = status["reason"]
    return found


def _workload_facts(kind: str, obj: Object) -> Facts:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    annotations = obj["metadata"].get("annotations") or {}
    found = _condition_facts(obj)
    if "replicas" in spec:
        found["spec.replicas"] = spec["replicas"]
    if kind == "Job":
        found["suspend"] = bool(spec.get("suspend"))
    if kind == "Deployment":
        found["paused"] = bool(spec.get("paused"))
    if kind in ("Deployment", "ReplicaSet"):
        found["revision"] = annotations.get(REVISION, "")
    if kind == "ReplicaSet":
        owner = controller_of(obj)
        found["owner"] = f"{owner['kind']}/{owner['name']}" if owner else ""
    if kind == "CronJob":
        found["lastSchedule"] = "set" if status.get("lastScheduleTime") else ""
        found["active"] = len(status.get("active") or ())
    return found


def _condition_facts(obj: Object) -> Facts:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return {f"condition:{entry['type']}": _stated(entry) for entry in conditions}


def _stated(entry: Object) -> tuple[str, str]:
    return f"{entry['status']}/{entry.get('reason', '')}", entry.get("message", "")


def _slice_counters(obj: Object) -> Facts:
    found: Facts = {}
    for endpoint in obj.get("endpoints") or ():
        conditions = endpoint.get("conditions") or {}
        state = "ready" if conditions.get("ready") else "serving" if conditions.get("serving") else "notReady"
        found[state] = found.get(state, 0) + 1
        found["terminating"] = found.get("terminating", 0) + bool(conditions.get("terminating"))
    return {**found, "ports": len(obj.get("ports") or ())}
