"""The list of plugins: name, how it is made, and its default weight. The order is the order of asking.

Upstream: pkg/scheduler/framework/plugins/registry.go and apis/config/v1/default_plugins.go.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import Plugin
from kubesim.scheduler.plugins.default_binder import DefaultBinder
from kubesim.scheduler.plugins.default_preemption import DefaultPreemption
from kubesim.scheduler.plugins.dynamic_resources import DynamicResources
from kubesim.scheduler.plugins.image_locality import ImageLocality
from kubesim.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from kubesim.scheduler.plugins.node_affinity import NodeAffinity
from kubesim.scheduler.plugins.node_name import NodeName
from kubesim.scheduler.plugins.node_ports import NodePorts
from kubesim.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from kubesim.scheduler.plugins.node_resources_fit import NodeResourcesFit
from kubesim.scheduler.plugins.node_unschedulable import NodeUnschedulable
from kubesim.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from kubesim.scheduler.plugins.pod_topology_spread import PodTopologySpread
from kubesim.scheduler.plugins.priority_sort import PrioritySort
from kubesim.scheduler.plugins.scheduling_gates import SchedulingGates
from kubesim.scheduler.plugins.taint_toleration import TaintToleration
from kubesim.scheduler.plugins.volume_binding import VolumeBinding
from kubesim.scheduler.plugins.volume_restrictions import VolumeRestrictions
from kubesim.scheduler.plugins.volume_zone import VolumeZone


class Registration(msgspec.Struct, frozen=True):
    """One plugin that a profile may enable."""

    name: str
    make: Callable[[Handle], Plugin]
    weight: int = 1


DEFAULT_PLUGINS: tuple[Registration, ...] = (
    Registration("SchedulingGates", SchedulingGates),
    Registration("PrioritySort", PrioritySort),
    Registration("NodeUnschedulable", NodeUnschedulable),
    Registration("NodeName", NodeName),
    Registration("TaintToleration", TaintToleration, weight=3),
    Registration("NodeAffinity", NodeAffinity, weight=2),
    Registration("NodePorts", NodePorts),
    Registration("NodeResourcesFit", NodeResourcesFit),
    Registration("VolumeRestrictions", VolumeRestrictions),
    Registration("NodeVolumeLimits", NodeVolumeLimits),
    Registration("VolumeBinding", VolumeBinding),
    Registration("VolumeZone", VolumeZone),
    Registration("DynamicResources", DynamicResources),
    Registration("PodTopologySpread", PodTopologySpread, weight=2),
    Registration("InterPodAffinity", InterPodAffinity, weight=2),
    Registration("DefaultPreemption", DefaultPreemption),
    Registration("NodeResourcesBalancedAllocation", NodeResourcesBalancedAllocation),
    Registration("ImageLocality", ImageLocality),
    Registration("DefaultBinder", DefaultBinder),
)
