"""What a comparison heeds beside the facts of the ordered outcome: claims, volumes, Pods' conditions, containers.

The ordered outcome keeps to what the recordings of the real control plane were summed up by; their nodes were hollow,
so nothing of containers is in it. On nodes with containers these are half of the story.
"""

from __future__ import annotations

from kubesim.api.stored import Object
from kubesim.recording import facts

PHASED = {"PersistentVolumeClaim", "PersistentVolume"}
# PodReadyToStartContainers is not among them: for how many milliseconds it is False says how slow a machine is.
POD_CONDITIONS = {"Ready", "ContainersReady", "Initialized"}
QUIET_REASONS = {"", "ContainerCreating", "PodInitializing"}  # Every Pod says so for a moment.


def wider_facts(kind: str, obj: Object) -> Object:
    """The facts of the ordered outcome, and these."""
    found = facts(kind, obj)
    status = obj.get("status") or {}
    if kind in PHASED:
        found["phase"] = status.get("phase", "")
    elif kind == "Pod":
        for entry in status.get("conditions") or ():
            if entry["type"] in POD_CONDITIONS:
                stated = f"{entry['status']}/{entry.get('reason', '')}"
                found[f"condition:{entry['type']}"] = (stated, entry.get("message", ""))
        for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            state = container.get("state") or {}
            reason = str((state.get("waiting") or {}).get("reason", ""))
            if reason not in QUIET_REASONS:
                found[f"waiting.{container['name']}"] = reason
            ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
            if ended:
                found[f"ended.{container['name']}"] = f"{ended.get('reason', '')} ({ended.get('exitCode', 0)})"
    return found
