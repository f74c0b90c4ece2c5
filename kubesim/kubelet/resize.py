"""In-place resize: a running Pod asks for other resources, and gets them if the node has room.

More than the node could ever give is Infeasible; more than is free now is Deferred and tried again whenever another
Pod goes or shrinks. Until then the Pod keeps what it has: `spec.resources` is what somebody wants, what the status
shows is what there is. A container is restarted only for a resource whose resizePolicy says RestartContainer.
Upstream: pkg/kubelet/allocation/allocation_manager.go, pkg/kubelet/events/pod_resize.go. Left out: that it takes a
moment (the condition PodResizeInProgress), limits below what is used now, resources of the Pod as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import orjson

from kubesim.api.views import Container as ContainerSpec
from kubesim.api.views import PodSpec
from kubesim.kubelet.admission import Admission
from kubesim.kubelet.pod_actions import resized
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.cri import ContainerRuntime

RESIZABLE = ("cpu", "memory")
INFEASIBLE, DEFERRED = "Infeasible", "Deferred"


class Resizer:
    """Decides about the resizes of one node's Pods, and carries them out."""

    def __init__(self, runtime: ContainerRuntime, admission: Admission, events: PodEvents) -> None:
        self._runtime = runtime
        self._admission = admission
        self._events = events

    def consider(self, pod: PodState, before: PodSpec) -> None:
        """The Pod's object has another specification than `before`."""
        wanted = pod.spec
        if not self._runtime.emits_events or not differs(before, wanted):
            pod.wanted = None
            pod.resize = None
            return
        pending = self._admission.why_not(pod, wanted)
        if pending is None:
            self._allocate(pod, wanted)
            return
        pod.spec, pod.wanted = keeping(before, wanted), wanted
        if pod.resize != pending:
            pod.resize = pending
            reason, message = pending
            self._events.warning(pod, "", f"Resize{reason}", self._words(pod, wanted, f"Pod resize {reason}", message))

    def retry(self, pods: Iterable[PodState]) -> list[PodState]:
        """There is room again: returns the Pods that have got what they wanted."""
        found = []
        for pod in pods:
            if pod.wanted is not None and self._admission.why_not(pod, pod.wanted) is None:
                self._allocate(pod, pod.wanted)
                found.append(pod)
        return found

    def _allocate(self, pod: PodState, wanted: PodSpec) -> None:
        pod.spec, pod.wanted, pod.resize = wanted, None, None
        self._admission.change(pod)
        self._events.normal(pod, "", "ResizeStarted", self._words(pod, wanted, "Pod resize started"))
        for container in self._runtime.pod_status(pod.uid).running():
            named = (each for each in (*wanted.containers, *wanted.init_containers) if each.name == container.name)
            spec = next(named, None)
            if spec is not None and container.spec is not None and not resized(container.spec, spec):
                self._runtime.update_container_resources(container, spec)
        self._events.normal(pod, "", "ResizeCompleted", self._words(pod, wanted, "Pod resize completed"))

    def _words(self, pod: PodState, spec: PodSpec, begin: str, error: str = "") -> str:
        said: dict[str, Any] = {}
        if spec.init_containers:
            said["initContainers"] = [_allocation(each) for each in spec.init_containers]
        said["containers"] = [_allocation(each) for each in spec.containers]
        said["generation"] = pod.generation
        if error:
            said["error"] = error
        return f"{begin}: {orjson.dumps(said).decode()}"


def _allocation(container: ContainerSpec) -> dict[str, Any]:
    resources = container.resources
    parts = () if resources is None else (("limits", resources.limits), ("requests", resources.requests))
    return {"name": container.name, "resources": {name: values for name, values in parts if values}}


def differs(old: PodSpec, new: PodSpec) -> bool:
    """Whether cpu or memory of a container changed."""
    pairs = zip((*old.containers, *old.init_containers), (*new.containers, *new.init_containers), strict=False)
    return any(changed(before, after) for before, after in pairs)


def changed(before: ContainerSpec, after: ContainerSpec) -> list[str]:
    """Which of cpu and memory are other ones."""
    return [name for name in RESIZABLE if _amounts(before, name) != _amounts(after, name)]


def _amounts(container: ContainerSpec, name: str) -> Sequence[str | float | None]:
    resources = container.resources
    if resources is None:
        return (None, None)
    return (resources.requests.get(name), resources.limits.get(name))


def keeping(old: PodSpec, new: PodSpec) -> PodSpec:
    """The new specification with the old resources."""

    def kept(before: Sequence[ContainerSpec], after: Sequence[ContainerSpec]) -> tuple[ContainerSpec, ...]:
        known = {each.name: each.resources for each in before}
        return tuple(msgspec.structs.replace(each, resources=known.get(each.name, each.resources)) for each in after)

    return msgspec.structs.replace(
        new,
        containers=kept(old.containers, new.containers),
        init_containers=kept(old.init_containers, new.init_containers),
    )
