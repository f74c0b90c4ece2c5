"""What happened in the cluster that may make a waiting Pod schedulable.

A plugin that rejects Pods registers the events that could change its mind, each with a hint function that
looks closer. Upstream: pkg/scheduler/framework/events.go and the kube-scheduler staging framework.
"""

# ruff: noqa: ARG001 (an extension point has the same parameters for every plugin)

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import msgspec

from kubesim.scheduler.pod_info import PodInfo


class ClusterEvent(Enum):
    """A kind of change; the value is the label that upstream prints."""

    NODE_ADD = "NodeAdd"
    NODE_DELETE = "NodeDelete"
    NODE_ALLOCATABLE = "NodeAllocatableChange"
    NODE_LABEL = "NodeLabelChange"
    NODE_TAINT = "NodeTaintChange"
    ASSIGNED_POD_ADD = "AssignedPodAdd"
    ASSIGNED_POD_DELETE = "AssignedPodDelete"
    ASSIGNED_POD_LABEL = "AssignedPodLabelUpdate"
    ASSIGNED_POD_SCALE_DOWN = "AssignedPodScaleDown"
    CLAIM_CHANGE = "PersistentVolumeClaimChange"
    VOLUME_CHANGE = "PersistentVolumeChange"
    CSI_NODE_CHANGE = "CSINodeChange"
    STORAGE_CAPACITY_CHANGE = "CSIStorageCapacityChange"
    STORAGE_CLASS_ADD = "StorageClassAdd"
    STORAGE_CLASS_UPDATE = "StorageClassUpdate"
    UNSCHEDULED_POD_ADD = "UnschedulablePodAdd"
    POD_UPDATE = "PodUpdate"
    POD_LABEL = "PodLabelUpdate"
    POD_TOLERATION = "PodTolerationChange"
    POD_SCALE_DOWN = "PodScaleDown"
    POD_GATES_ELIMINATED = "PodSchedulingGatesEliminated"
    UNSCHEDULABLE_TIMEOUT = "UnschedulableTimeout"
    BACKOFF_COMPLETE = "BackoffComplete"


Hint = Callable[[PodInfo, Any, Any], bool]
"""(waiting Pod, old or None, new or None) → whether to try again; nodes are `Node` views, Pods are `PodInfo`."""


def always(pod: PodInfo, old: Any, new: Any) -> bool:
    """The event alone is reason enough."""
    return True


class EventWithHint(msgspec.Struct, frozen=True):
    """One registration of a plugin."""

    event: ClusterEvent
    hint: Hint = always
