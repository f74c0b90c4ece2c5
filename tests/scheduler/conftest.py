"""Small Nodes and Pods, and a world of them that a framework can be asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from kubesim.api.resources import BY_KIND, Resource
from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.client.informer import Informer
from kubesim.scheduler.algorithm import Decision, SchedulingAlgorithm
from kubesim.scheduler.cache import SchedulerCache
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.framework.status import Status
from kubesim.scheduler.messages import fit_error
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS, Registration
from kubesim.scheduler.pod_info import PodInfo, PodShapes
from kubesim.scheduler.snapshot import Snapshot

SHAPES = PodShapes()


def make_node(
    name: str, *, cpu: str = "4", memory: str = "8Gi", pods: str = "110", labels: dict[str, str] | None = None,
    taints: Sequence[dict[str, str]] = (), unschedulable: bool = False, images: dict[str, int] | None = None,
    **allocatable: str,
) -> Stored:  # fmt: skip
    """A Node; further resources as keyword arguments with `_` for what an identifier cannot have."""
    resources = {"cpu": cpu, "memory": memory, "pods": pods} | {
        key.replace("_", "-"): quantity for key, quantity in allocatable.items()
    }
    listed = [{"names": [image], "sizeBytes": size} for image, size in (images or {}).items()]
    spec: dict[str, Any] = {"taints": list(taints)} if taints else {}
    if unschedulable:
        spec["unschedulable"] = True
    return Stored(1, {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": {"kubernetes.io/hostname": name} | (labels or {})},
        "spec": spec, "status": {"allocatable": resources, "images": listed},
    })  # fmt: skip


def make_pod(
    name: str = "web", *, requests: dict[str, str] | None = None, node: str = "", labels: dict[str, str] | None = None,
    priority: int = 0, phase: str = "Pending", revision: int = 1, generation: int = 1, image: str = "nginx",
    metadata: dict[str, Any] | None = None, ports: Sequence[dict[str, Any]] = (), **spec: Any,
) -> Stored:  # fmt: skip
    """A Pod of one container; further fields of the spec as keyword arguments, by their wire names."""
    container: dict[str, Any] = {"name": "c", "image": image, "resources": {"requests": requests or {}}}
    if ports:
        container["ports"] = list(ports)
    full: dict[str, Any] = {"schedulerName": "default-scheduler", "containers": [container], "priority": priority}
    full |= {"nodeName": node} if node else {}
    return Stored(revision, {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "generation": generation,
                     "resourceVersion": str(revision), "labels": labels or {}} | (metadata or {}),
        "spec": full | spec, "status": {"phase": phase},
    })  # fmt: skip


class World:
    """Nodes with Pods on them, and the default plugins to ask about them."""

    def __init__(self, nodes: Sequence[Stored], pods: Sequence[Stored] = (), *, seed: int = 1,
                 plugins: Sequence[Registration] = DEFAULT_PLUGINS) -> None:  # fmt: skip
        self.cache = SchedulerCache()
        self.snapshot = Snapshot()
        self._informers: dict[Resource, Informer] = {}
        handle = Handle(self.snapshot, client=None, informer=self.informer)  # type: ignore[arg-type]  # Nothing here reaches an apiserver.
        self.framework = Framework("default-scheduler", [(row.make(handle), row.weight) for row in plugins])
        self.algorithm = SchedulingAlgorithm(self.snapshot, Random(seed))
        for node in nodes:
            self.cache.set_node(node.view(Node))
        for pod in pods:
            self.place(pod)
        self.refresh()

    def informer(self, resource: Resource) -> Informer:
        """The one informer of a resource."""
        informer = self._informers.get(resource)
        if informer is None:
            informer = self._informers[resource] = Informer(resource)
        return informer

    def know(self, *objects: dict[str, Any]) -> None:
        """Shows the plugins objects of other kinds."""
        by_resource: dict[Resource, list[Stored]] = {}
        for obj in objects:
            by_resource.setdefault(BY_KIND[(obj["apiVersion"], obj["kind"])], []).append(Stored(1, obj))
        for resource, items in by_resource.items():
            self.informer(resource).replace([*self.informer(resource).list(), *items], 1)

    def plugin(self, name: str) -> Any:
        """The plugin called `name`."""
        return next(plugin for plugin in self.framework.plugins if plugin.name == name)

    def place(self, pod: Stored, node: str = "") -> PodInfo:
        """Puts a Pod on its node."""
        info = SHAPES.pod_info(pod)
        self.cache.add_pod(info, node or info.pod.spec.node_name)
        return info

    def place_nowhere(self, pod: Stored) -> PodInfo:
        """A Pod to ask about."""
        return SHAPES.pod_info(pod)

    def refresh(self) -> None:
        """Shows the plugins what changed."""
        self.cache.update_snapshot(self.snapshot)

    def node(self, name: str) -> NodeInfo:
        """A node of the snapshot."""
        info = self.snapshot.get(name)
        assert info is not None
        return info

    def verdict(self, pod: Stored, node: str) -> Status:
        """What the filters say."""
        state, info = CycleState(), SHAPES.pod_info(pod)
        self.framework.run_pre_filter(state, info, self.snapshot)
        return self.framework.run_filters(state, info, self.node(node))

    def weighted(self, pod: Stored, plugin: str) -> dict[str, int] | None:
        """The weighted scores of one plugin over all nodes; None if it skips the Pod."""
        state, info, nodes = CycleState(), SHAPES.pod_info(pod), self.snapshot.nodes
        self.framework.run_pre_filter(state, info, self.snapshot)
        self.framework.run_pre_score(state, info, nodes)
        column = self.framework.run_scores(state, info, nodes).weighted.get(plugin)
        return None if column is None else dict(zip((node.name for node in nodes), column, strict=True))

    def schedule(self, pod: Stored) -> Decision:
        """Decides, without acting upon it."""
        self.refresh()
        return self.algorithm.schedule(self.framework, SHAPES.pod_info(pod))

    def message(self, pod: Stored) -> str:
        """The FailedScheduling text."""
        decision = self.schedule(pod)
        assert decision.diagnosis is not None, f"scheduled to {decision.node}"
        info = SHAPES.pod_info(pod)
        _, status = self.framework.run_post_filters(decision.state, info, self.snapshot, decision.diagnosis)
        decision.diagnosis.post_filter_message = status.message
        return fit_error(len(self.snapshot), decision.diagnosis)


@pytest.fixture(scope="session")
def node() -> Callable[..., Stored]:
    return make_node


@pytest.fixture(scope="session")
def pod() -> Callable[..., Stored]:
    return make_pod


@pytest.fixture(scope="session")
def world() -> type[World]:
    return World


@pytest.fixture(scope="session")
def info() -> Callable[..., PodInfo]:
    """A `PodInfo` made like `pod`."""

    def make(*args: Any, **kwargs: Any) -> PodInfo:
        return SHAPES.pod_info(make_pod(*args, **kwargs))

    return make
