"""Topology spread constraints of a Pod, ready to be counted; and those of Pods that state none.

A Pod without constraints that belongs to a Service, ReplicationController, ReplicaSet or StatefulSet is spread over
nodes and zones by two soft constraints of the system's.
Upstream: pkg/scheduler/framework/plugins/podtopologyspread/common.go and plugin.go, .../helper/spread.go.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

import msgspec

from kubesim.api.resources import REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES, STATEFUL_SETS, Resource
from kubesim.api.selectors import Selector, equality_selector, label_selector
from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.api.views.core_affinity import TopologySpreadConstraint
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.node_affinity import compiled_affinity
from kubesim.scheduler.plugins.taints import keeps_out, untolerated
from kubesim.scheduler.pod_group import PodGroup
from kubesim.scheduler.pod_info import PodInfo

DO_NOT_SCHEDULE = "DoNotSchedule"
SCHEDULE_ANYWAY = "ScheduleAnyway"
SYSTEM_DEFAULTING = "System"
HONOR = "Honor"
HOSTNAME = "kubernetes.io/hostname"
FOUND_MAX = 1024
ZONE = "topology.kubernetes.io/zone"


class Constraint(msgspec.Struct, frozen=True):
    """One constraint: which Pods are counted, by which label of nodes, on which nodes, and how uneven they may be."""

    topology_key: str
    selector: Selector
    max_skew: int
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False

    def counts(self, group: PodGroup, namespace: str) -> bool:
        """Whether Pods of the group count; those that are about to go do not."""
        return not group.terminating and group.namespace == namespace and group.is_selected_by(self.selector)

    def count(self, node: NodeInfo, namespace: str) -> int:
        """How many Pods on the node count. A selector without requirements counts none, as upstream's does."""
        if not self.selector.requirements:
            return 0
        counted, selector = 0, self.selector
        for group, count in node.groups.items():
            if group.is_selected_by(selector) and not group.terminating and group.namespace == namespace:
                counted += count
        return counted

    def includes(self, pod: PodInfo, node: Node) -> bool:
        """Whether the node is one that the Pod's policies want to be counted."""
        if self.honors_affinity and not compiled_affinity(pod).matches(node):
            return False
        return not self.honors_taints or untolerated(node.spec.taints, pod.pod.spec.tolerations, keeps_out) is None


SYSTEM_DEFAULTS = (
    TopologySpreadConstraint(topology_key=HOSTNAME, when_unsatisfiable=SCHEDULE_ANYWAY, max_skew=3),
    TopologySpreadConstraint(topology_key=ZONE, when_unsatisfiable=SCHEDULE_ANYWAY, max_skew=5),
)


def constraints_of(pod: PodInfo, action: str) -> Sequence[Constraint]:
    """The Pod's own constraints of one kind, made once per shape (and values of its label keys)."""
    made: dict[Hashable, Sequence[Constraint]] = pod.shape.memo.setdefault("PodTopologySpread", {})
    wanted = pod.shape.spec.topology_spread_constraints
    labels = pod.pod.metadata.labels
    key = (action, *(labels.get(name) for source in wanted for name in source.match_label_keys))
    found = made.get(key)
    if found is None:
        found = made[key] = tuple(_compile(source, labels) for source in wanted if source.when_unsatisfiable == action)
    return found


def has_all_keys(labels: Mapping[str, str], constraints: Iterable[Constraint]) -> bool:
    """Whether the node has the labels of all constraints; else it is none of their business."""
    return all(constraint.topology_key in labels for constraint in constraints)


class DefaultConstraints:
    """The constraints for Pods that state none: the system's, unless others are given."""

    def __init__(self, handle: Handle, constraints: Sequence[TopologySpreadConstraint] | None = None) -> None:
        sources = SYSTEM_DEFAULTS if constraints is None else constraints
        self._templates: dict[str, tuple[Constraint, ...]] = {
            action: tuple(_compile(source, {}) for source in sources if source.when_unsatisfiable == action)
            for action in (DO_NOT_SCHEDULE, SCHEDULE_ANYWAY)
        }
        self._services = handle.informer(SERVICES)
        owners: tuple[Resource, ...] = (REPLICATION_CONTROLLERS, REPLICA_SETS, STATEFUL_SETS)
        self._found: dict[tuple[PodGroup, str, str], tuple[int, object, Sequence[Constraint]]] = {}
        self._owners = {(row.api_version, row.kind): handle.informer(row) for row in owners}

    def of(self, pod: PodInfo, action: str = SCHEDULE_ANYWAY) -> Sequence[Constraint]:
        """Those of one kind; none for a Pod that belongs to nothing. Pods of one set share what was found."""
        if not self._templates[action]:
            return ()
        owner = self._owner(pod)
        wanted = owner.object["spec"].get("selector") if owner is not None else None
        if owner is None and not len(self._services):
            return ()
        key = (pod.group, owner.object["kind"] if owner is not None else "", action)
        known = self._found.get(key)
        if known is None or known[0] != self._services.revision or known[1] != wanted:
            if len(self._found) >= FOUND_MAX:
                del self._found[next(iter(self._found))]
            known = self._found[key] = (self._services.revision, wanted, self._make(pod, owner, action))
        return known[2]

    def _owner(self, pod: PodInfo) -> Stored | None:
        """The controller that the Pod belongs to, if it is of a kind that counts."""
        for reference in pod.pod.metadata.owner_references:
            if reference.controller:
                informer = self._owners.get((reference.api_version, reference.kind))
                return informer.get(f"{pod.namespace}/{reference.name}") if informer is not None else None
        return None

    def _make(self, pod: PodInfo, owner: Stored | None, action: str) -> Sequence[Constraint]:
        """Spreads the Pods that belong together: selected by the same Services and the same controller."""
        labels: dict[str, str] = {}
        for service in self._services.list(pod.namespace):
            wanted = service.object["spec"].get("selector")
            if wanted and all(pod.group.labels.get(key) == value for key, value in wanted.items()):
                labels |= wanted
        requirements = [*equality_selector(labels).requirements, *(_selected_by(owner).requirements if owner else ())]
        if not requirements:
            return ()
        selector = Selector(requirements)
        return tuple(msgspec.structs.replace(template, selector=selector) for template in self._templates[action])


def _selected_by(owner: Stored) -> Selector:
    wanted = owner.object["spec"].get("selector")
    return equality_selector(wanted) if owner.object["kind"] == "ReplicationController" else label_selector(wanted)


def _compile(source: TopologySpreadConstraint, labels: Mapping[str, str]) -> Constraint:
    """Label keys are in the selector already if the server knows them; to add them again changes nothing."""
    selector = label_selector(source.label_selector)
    own = {key: labels[key] for key in source.match_label_keys if key in labels}
    if own and not selector.nothing:
        selector = Selector({*selector.requirements, *equality_selector(own).requirements})
    return Constraint(
        source.topology_key,
        selector,
        source.max_skew,
        1 if source.min_domains is None else source.min_domains,
        (source.node_affinity_policy or HONOR) == HONOR,
        source.node_taints_policy == HONOR,
    )
