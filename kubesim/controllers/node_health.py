"""What the node lifecycle controller remembers of each node, and when it gives one up. Pure.

A kubelet shows that it lives in two ways: it renews its Lease every 10 s, and posts its status every 5 minutes
or when something changes. Both carry the kubelet's own date, which may be wrong, so the dates are only compared
with what they were: *when* one changed is told by the controller's own clock.
Upstream: nodeHealthData and tryUpdateNodeHealth in pkg/controller/nodelifecycle.
"""

from __future__ import annotations

from kubesim.api.meta import with_fields
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Node
from kubesim.controllers.node_zones import EXCLUDED_LABEL, zone_key
from kubesim.sim.clock import parse_timestamp_ns

NANOSECONDS_PER_SECOND = 1_000_000_000
GRACE_NS = 50 * NANOSECONDS_PER_SECOND  # --node-monitor-grace-period
STARTUP_GRACE_NS = 60 * NANOSECONDS_PER_SECOND  # --node-startup-grace-period: for a kubelet that never posted.

READY = "Ready"
# NetworkUnavailable is missing: it is not the kubelet that posts it.
KUBELET_CONDITIONS = (READY, "MemoryPressure", "DiskPressure", "PIDPressure")


class NodeHealth:
    """One node as last seen: its handles, and since when it has been silent."""

    __slots__ = (
        "grace_ns", "heartbeat", "is_counted", "is_settled", "lease", "lease_key", "node", "probe_ns", "ready",
        "renewed", "zone",
    )  # fmt: skip

    def __init__(self, node: Stored, probe_ns: int) -> None:
        self.node = node
        self.lease: Stored | None = None
        self.lease_key = f"kube-node-lease/{node.name}"
        self.renewed = ""  # The Lease's renewTime.
        self.heartbeat: str | None = None  # The Ready condition's lastHeartbeatTime; None: there is no such condition.
        self.ready = ""  # Its status.
        self.probe_ns = probe_ns  # When the kubelet was last heard of, by our own clock.
        self.grace_ns = GRACE_NS
        self.zone = ""
        self.is_counted = True  # Whether it takes part in judging its zone.
        self.is_settled = False  # Ready, and nothing is left to do as long as `node` stays the same.

    @property
    def deadline_ns(self) -> int:
        """When its silence will be too long."""
        return self.probe_ns + self.grace_ns

    def saw_lease(self, lease: Stored | None, now_ns: int) -> None:
        """Takes note of a Lease; one that was renewed is a sign of life."""
        self.lease = lease
        if lease is None:
            return
        renewed: str = lease.object["spec"].get("renewTime") or ""  # Not through a view: this is every heartbeat.
        if self.renewed == "" or later(renewed, self.renewed):
            self.renewed = renewed
            self.probe_ns = now_ns

    def saw_node(self, node: Stored, now_ns: int) -> None:
        """Takes note of a node's status; a new heartbeat in it is a sign of life."""
        self.node = node
        view = node.view(Node)
        self.zone = zone_key(view)
        self.is_counted = EXCLUDED_LABEL not in view.metadata.labels
        ready = next((condition for condition in view.status.conditions if condition.type == READY), None)
        if ready is None:
            self.ready, self.heartbeat, self.grace_ns = "Unknown", None, STARTUP_GRACE_NS
            return
        if ready.last_heartbeat_time != self.heartbeat:
            self.probe_ns = now_ns
        self.ready, self.heartbeat, self.grace_ns = ready.status, ready.last_heartbeat_time, GRACE_NS


def first_look(node: Stored, now_ns: int, unix_offset_ns: int) -> NodeHealth:
    """A node that was not known: heard of now, or when it was created if its kubelet never posted a status."""
    health = NodeHealth(node, now_ns)
    health.zone = zone_key(node.view(Node))
    conditions = node.view(Node).status.conditions
    if not any(condition.type == READY for condition in conditions):
        health.probe_ns = parse_timestamp_ns(node.view(Node).metadata.creation_timestamp) - unix_offset_ns
    return health


def plan_node_health(health: NodeHealth, now_ns: int, timestamp: str) -> Object | None:
    """The node as it is to be written if it has been silent for too long; None if it has not, or if that is known."""
    is_known = health.ready == "Unknown" and health.heartbeat is not None
    if now_ns < health.deadline_ns or is_known:
        return None
    return with_unknown_conditions(health.node.object, timestamp)


def with_unknown_conditions(node: Object, timestamp: str) -> Object:
    """The node with all that its kubelet should post set to Unknown."""
    conditions: list[Object] = list((node.get("status") or {}).get("conditions") or ())
    for type_ in KUBELET_CONDITIONS:
        index = next((i for i, condition in enumerate(conditions) if condition["type"] == type_), None)
        if index is None:
            conditions.append({
                "type": type_,
                "status": "Unknown",
                "lastHeartbeatTime": node["metadata"]["creationTimestamp"],
                "lastTransitionTime": timestamp,
                "reason": "NodeStatusNeverUpdated",
                "message": "Kubelet never posted node status.",
            })  # fmt: skip
        elif conditions[index]["status"] != "Unknown":
            conditions[index] = conditions[index] | {
                "status": "Unknown",
                "lastTransitionTime": timestamp,
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
            }
    return with_fields(node, {"conditions": conditions}, "status")


def later(a: str, b: str) -> bool:
    """Whether date `a` is after date `b`; dates of one format, as a kubelet writes them, compare as text."""
    if len(a) == len(b):
        return a > b
    return bool(a) and parse_timestamp_ns(a) > parse_timestamp_ns(b)
