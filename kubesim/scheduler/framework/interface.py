"""The extension points: a plugin is a small class with a `name` and the methods of the points it serves.

    PreEnqueue → (queue) → PreFilter → Filter → PostFilter, if no node is left
                           → PreScore → Score → NormalizeScore → Reserve → Permit → PreBind → Bind → PostBind

Everything up to Permit is a pure, synchronous decision; PreBind and Bind talk to the apiserver.
Upstream: staging/src/k8s.io/kube-scheduler/framework.
"""

# ruff: noqa: ARG002 (an extension point has the same parameters for every plugin)

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from enum import Enum
from typing import Any, ClassVar, Protocol

import msgspec

from kubesim.scheduler.framework.cluster_event import EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.status import SUCCESS, Status
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

NODE_SCORE_MAX = 100
NODE_SCORE_MIN = 0


class Plugin:
    """What every plugin has.

    `node_local` promises that verdict and raw score depend on nothing but the Pod's shape (see
    `kubesim.scheduler.pod_info`), the one node, and what `depends_on` returns. The scheduler then asks once
    per shape and node, and again only when that node changed.
    """

    name: ClassVar[str]
    node_local: ClassVar[bool] = False

    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def events(self) -> Sequence[EventWithHint]:
        """Which cluster events may make a Pod schedulable that this plugin rejected."""
        return ()

    def depends_on(self, snapshot: Snapshot) -> Hashable:
        """What else than Pod and node a `node_local` plugin reads: when it changes, all nodes are asked again."""
        return None


class PreFilterResult(msgspec.Struct, frozen=True):
    """The only nodes worth looking at; None means all."""

    node_names: frozenset[str] | None = None


ALL_NODES = PreFilterResult()


class PreEnqueuePlugin(Plugin, ABC):
    """Decides whether a Pod may enter the active queue at all."""

    @abstractmethod
    def pre_enqueue(self, pod: PodInfo) -> Status:
        """SUCCESS, or why the Pod has to wait at the gate."""


class QueueSortPlugin(Plugin, ABC):
    """Orders the active queue; exactly one is enabled."""

    @abstractmethod
    def key(self, pod: PodInfo, timestamp_ns: int) -> tuple[int, ...]:
        """Smaller comes first."""


class PreFilterPlugin(Plugin, ABC):
    """Looks at the Pod once, before any node."""

    @abstractmethod
    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> tuple[PreFilterResult, Status]:
        """SKIP when Filter has nothing to say about this Pod; a rejection ends the cycle."""

    def add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo) -> None:
        """What if `added` were on `node`, too? Brings what `pre_filter` noted in `state` up to date.

        Only a plugin whose notes depend on the Pods that are there overrides this and `remove_pod`; what it keeps in
        `state` needs a `clone`, since these are tried on copies. `node` is a copy that has changed already.
        """

    def remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo) -> None:
        """What if `removed` were not on `node`?"""


class FilterPlugin(Plugin, ABC):
    """Can the Pod run there?"""

    @abstractmethod
    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS or a rejection with reasons."""


class Diagnosis(msgspec.Struct):
    """Why a Pod found no place: per node, and in the words of PreFilter and PostFilter."""

    node_to_status: dict[str, Status] = msgspec.field(default_factory=dict)
    absent_nodes_status: Status = SUCCESS  # Nodes that PreFilter ruled out by name have no status of their own.
    unschedulable_plugins: dict[str, None] = msgspec.field(default_factory=dict)  # An ordered set.
    pending_plugins: dict[str, None] = msgspec.field(default_factory=dict)
    pre_filter_message: str = ""
    post_filter_message: str = ""

    def add(self, node: str, status: Status) -> None:
        """Notes that `node` is out."""
        self.node_to_status[node] = status
        self.blame(status)

    def blame(self, status: Status) -> None:
        """Remembers which plugin said no, for the queueing hints."""
        if status.plugin:
            plugins = self.pending_plugins if status.code.value == "Pending" else self.unschedulable_plugins
            plugins[status.plugin] = None

    def status_of(self, node: str) -> Status:
        """What is wrong with `node`."""
        return self.node_to_status.get(node, self.absent_nodes_status)


class Filters(Protocol):
    """All filters of a profile together, to try out what would be possible."""

    def run_filters_with_nominated(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS if the Pod fits, whether or not those with a promise for `node` are there."""

    def promised(self, node: str) -> Sequence[PodInfo]:
        """The Pods that are nominated to `node`."""

    def look_at_one_node(self, state: CycleState) -> bool:
        """Whether every filter with something to say about the Pod is `node_local`."""

    def run_add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo) -> None:
        """Tells the PreFilter plugins that `added` is on `node`, too."""

    def run_remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo) -> None:
        """Tells the PreFilter plugins that `removed` left `node`."""


class PostFilterPlugin(Plugin, ABC):
    """Tries to make room when no node is left. `filters` is set by the framework that the plugin is part of."""

    filters: Filters

    @abstractmethod
    def post_filter(
        self, state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis
    ) -> tuple[str | None, Status]:
        """(the nominated node, SUCCESS when room is being made, else why not).

        "" takes an earlier promise back, since nothing helps; None leaves it as it is.
        """


class Preemption(msgspec.Struct, frozen=True):
    """Pods that have to leave a node so that another can run there.

    A PostFilter plugin that found such a node leaves this in the cycle's state, under `KEY`; its decision changes
    nothing by itself.
    """

    KEY: ClassVar[str] = "preemption"

    node: str
    victims: tuple[PodInfo, ...]
    as_good: tuple[tuple[str, tuple[PodInfo, ...]], ...] = ()  # Every (node, victims) that chance could have chosen.
    candidates: tuple[Any, ...] = ()  # All that were found, for extenders to choose from.


class PreScorePlugin(Plugin, ABC):
    """Looks at the Pod and all feasible nodes once, before scoring."""

    @abstractmethod
    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status:
        """SKIP when Score has nothing to say about this Pod."""


class Scale(Enum):
    """How raw scores become 0 to 100."""

    AS_IS = "as it is"  # Raw scores are in the range already.
    BY_MAXIMUM = "by the maximum"  # The highest becomes 100.
    BY_MAXIMUM_REVERSED = "by the maximum, reversed"  # The highest becomes 0: the plugin counts what is bad.
    OWN = "own"  # The plugin overrides `normalize`.


class ScorePlugin(Plugin, ABC):
    """How well would the Pod run there? After normalisation from 0 to 100, times the plugin's weight."""

    scale: ClassVar[Scale] = Scale.AS_IS

    @abstractmethod
    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The raw score of one node."""

    def normalize(self, state: CycleState, pod: PodInfo, scores: list[int]) -> list[int]:
        """Raw scores of all feasible nodes → 0 to 100."""
        assert self.scale is not Scale.OWN, f"{self.name} promises a normalize of its own"
        if self.scale is Scale.AS_IS:
            return scores
        return normalize_by_maximum(scores, reverse=self.scale is Scale.BY_MAXIMUM_REVERSED)


def normalize_by_maximum(scores: list[int], *, reverse: bool) -> list[int]:
    """Scales so that the highest is 100 (reversed: 0); when all are 0, all are alike."""
    highest = max(scores, default=0)
    if highest == 0:
        return [NODE_SCORE_MAX] * len(scores) if reverse else scores
    if reverse:
        return [NODE_SCORE_MAX - NODE_SCORE_MAX * score // highest for score in scores]
    return [NODE_SCORE_MAX * score // highest for score in scores]


class ReservePlugin(Plugin, ABC):
    """Sets something aside for a Pod that got its node, and gives it back if binding fails."""

    @abstractmethod
    def reserve(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """Sets it aside."""

    @abstractmethod
    def unreserve(self, state: CycleState, pod: PodInfo, node: str) -> None:
        """Gives it back; may be called without a `reserve` before."""


class PermitPlugin(Plugin, ABC):
    """May hold a Pod back that got its node, or turn it down."""

    @abstractmethod
    def permit(self, state: CycleState, pod: PodInfo, node: str) -> tuple[Status, float]:
        """(SUCCESS, WAIT or a rejection; how many seconds to wait at most).

        A Pod that waits is in the framework's `waiting`, where the plugin may allow or reject it.
        """


class PreBindPlugin(Plugin, ABC):
    """Prepares what the Pod needs on its node."""

    @abstractmethod
    async def pre_bind(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """A rejection puts the Pod back into the queue."""


class BindPlugin(Plugin, ABC):
    """Writes the decision into the cluster. The first that does not SKIP is the last asked."""

    @abstractmethod
    async def bind(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """SUCCESS once the apiserver accepted it."""


class PostBindPlugin(Plugin, ABC):
    """Is told of Pods that were bound."""

    @abstractmethod
    def post_bind(self, state: CycleState, pod: PodInfo, node: str) -> None:
        """Takes note."""
