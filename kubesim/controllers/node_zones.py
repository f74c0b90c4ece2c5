"""When many nodes fail at once it is rather us who cannot see them: how fast to evict, zone by zone.

A zone is *normal* until more than two of its nodes and at least 55 % are not ready; then it is *partially*
disrupted and evictions slow down to one node in 100 s (in a small zone: stop). When not one node of a zone is ready
it is *fully* disrupted; evictions go on at the normal rate, since the others can take the Pods, unless every zone
is like that: then nothing is evicted, for the fault is most likely the control plane's own.

Pure. Upstream: ComputeZoneState and handleDisruption in pkg/controller/nodelifecycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from kubesim.api.views import Node

EVICTION_QPS = 0.1
SECONDARY_EVICTION_QPS = 0.01
LARGE_CLUSTER_NODES = 50
UNHEALTHY_SHARE = 0.55
NOT_READY_NODES_MIN = 2  # Up to so many the zone is normal, however small it is.

REGION_LABELS = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
ZONE_LABELS = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
EXCLUDED_LABEL = "node.kubernetes.io/exclude-disruption"


class ZoneState(Enum):
    """How bad it looks in a zone."""

    INITIAL = "Initial"
    NORMAL = "Normal"
    PARTIAL_DISRUPTION = "PartialDisruption"
    FULL_DISRUPTION = "FullDisruption"


class ZoneCount(NamedTuple):
    """The nodes of a zone."""

    ready: int = 0
    not_ready: int = 0


class DisruptionPlan(NamedTuple):
    """What to do about the zones.

    `rates`: nodes a second that may be tainted NoExecute, for the zones where that changes. `is_blind`: every node
    is lost, so take all NoExecute taints off. `sees_again`: some came back, so count all silences from now.
    """

    states: dict[str, ZoneState]
    rates: dict[str, float]
    is_blind: bool = False
    sees_again: bool = False


def zone_key(node: Node) -> str:
    """The region and zone of a node in one word; "" without both labels."""
    labels = node.metadata.labels
    region = next((labels[name] for name in REGION_LABELS if name in labels), "")
    zone = next((labels[name] for name in ZONE_LABELS if name in labels), "")
    return f"{region}:\x00:{zone}" if region or zone else ""


def zone_state(count: ZoneCount) -> ZoneState:
    """The state of a zone with so many nodes."""
    if count.ready == 0 and count.not_ready > 0:
        return ZoneState.FULL_DISRUPTION
    share = count.not_ready / max(1, count.ready + count.not_ready)
    if count.not_ready > NOT_READY_NODES_MIN and share >= UNHEALTHY_SHARE:
        return ZoneState.PARTIAL_DISRUPTION
    return ZoneState.NORMAL


def eviction_rate(state: ZoneState, size: int) -> float:
    """Nodes a second that may be tainted NoExecute in a zone of `size` nodes."""
    if state is ZoneState.PARTIAL_DISRUPTION:
        return SECONDARY_EVICTION_QPS if size > LARGE_CLUSTER_NODES else 0.0
    return EVICTION_QPS


def plan_disruption(zones: Mapping[str, ZoneCount], before: Mapping[str, ZoneState]) -> DisruptionPlan:
    """Compares how the zones are with how they were at the last look."""
    was = {zone: before.get(zone, ZoneState.INITIAL) for zone in zones}
    now = {zone: zone_state(count) for zone, count in zones.items()}
    all_lost = all(state is ZoneState.FULL_DISRUPTION for state in now.values())
    all_were_lost = all(state is ZoneState.FULL_DISRUPTION for state in was.values())
    if all_lost and all_were_lost:
        return DisruptionPlan(was, {})
    if all_lost:
        return DisruptionPlan(now, dict.fromkeys(now, 0.0), is_blind=True)
    rates = {
        zone: eviction_rate(state, zones[zone].ready + zones[zone].not_ready)
        for zone, state in now.items()
        if all_were_lost or state is not was[zone]
    }
    return DisruptionPlan(now, rates, sees_again=all_were_lost)
