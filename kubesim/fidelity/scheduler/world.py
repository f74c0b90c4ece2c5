"""The cluster of one recording: its objects as an apiserver would serve them, and the scheduler's own components.

Nothing runs here. Cache, snapshot, plugins and algorithm are those of the scheduler; only the informers are filled by
hand instead of by watches.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any, cast

from kubesim.api.defaults import default
from kubesim.api.meta import with_fields
from kubesim.api.resources import BY_KIND, NAMESPACES, PODS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Node
from kubesim.apiserver.registry.label_keys import merge_label_keys
from kubesim.client.client import Client
from kubesim.client.informer import Informer
from kubesim.scheduler.algorithm import Decision, SchedulingAlgorithm
from kubesim.scheduler.cache import SchedulerCache
from kubesim.scheduler.config import Profile
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.pod_info import PodInfo, PodShapes
from kubesim.scheduler.snapshot import Snapshot

# The classes that were there when the recordings were made: name → (value, preemptionPolicy).
PRIORITY_CLASSES = {
    "low": (10, "PreemptLowerPriority"),
    "mid": (100, "PreemptLowerPriority"),
    "high": (1000, "PreemptLowerPriority"),
    "high-never": (1000, "Never"),
}
NAMESPACE_LABELS: dict[str, dict[str, str]] = {"default": {}, "team-a": {"team": "a"}}
CREATED = "2026-01-01T00:00:00Z"


class World:
    """A cluster that Pods can be placed in. `columns` asks for the scheduler's quick form, whatever the size."""

    def __init__(self, objects: Iterable[Object], *, columns: bool = False) -> None:
        self.cache = SchedulerCache()
        self.snapshot = Snapshot()
        self._shapes = PodShapes()
        self._informers: dict[Resource, Informer] = {}
        profile = Profile()
        handle = Handle(self.snapshot, cast("Client", None), self.informer)  # Decisions do not reach an apiserver.
        self.framework = Framework(
            profile.scheduler_name, [(plugin.make(handle), plugin.weight) for plugin in profile.plugins]
        )
        self.algorithm = SchedulingAlgorithm(self.snapshot, Random(0))
        if columns:
            self.algorithm.columns_min_nodes = 0
        self._fill(objects)

    def informer(self, resource: Resource) -> Informer:
        """The one informer of a resource."""
        informer = self._informers.get(resource)
        if informer is None:
            informer = self._informers[resource] = Informer(resource)
        return informer

    def pod(self, obj: Object, node: str = "") -> PodInfo:
        """A Pod as the scheduler sees it, on `node` if given."""
        served = serve(PODS, obj)
        if node:
            served = with_fields(served, {"nodeName": node}, "spec")
        return self._shapes.pod_info(Stored(1, served))

    def decide(self, pod: PodInfo) -> Decision:
        """What the scheduler would do with the Pod; changes nothing."""
        self.cache.update_snapshot(self.snapshot)
        self.algorithm.next_start_index = 0
        return self.algorithm.schedule(self.framework, pod)

    def put(self, pod: PodInfo) -> None:
        """The Pod is on its node from now on."""
        self.cache.add_pod(pod, pod.pod.spec.node_name)

    def remove(self, key: str) -> None:
        """The Pod "namespace/name" left."""
        self.cache.remove_pod(f"uid-{key}")

    def _fill(self, objects: Iterable[Object]) -> None:
        listed: dict[Resource, list[Stored]] = {NAMESPACES: [_namespace(name) for name in NAMESPACE_LABELS]}
        pods = []
        for obj in objects:
            resource = BY_KIND[(obj["apiVersion"], obj["kind"])]
            if resource == PODS:
                pods.append(self.pod(obj))
            else:
                listed.setdefault(resource, []).append(Stored(1, serve(resource, obj)))
        for resource, items in listed.items():
            self.informer(resource).replace(items, 1)
        for node in listed.get(BY_KIND[("v1", "Node")], ()):
            self.cache.set_node(node.view(Node))
        for pod in pods:
            self.put(pod)


def serve(resource: Resource, obj: Object) -> Object:
    """The object as a client would read it: with defaults, identity, and for a Pod its priority and label keys."""
    obj = default(resource, obj)
    metadata = obj["metadata"]
    key = f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]
    made = {"uid": f"uid-{key}", "creationTimestamp": CREATED} | metadata
    obj = {**obj, "metadata": made}
    if resource != PODS:
        return obj
    spec: dict[str, Any] = obj["spec"]
    value, policy = PRIORITY_CLASSES.get(spec.get("priorityClassName", ""), (0, "PreemptLowerPriority"))
    spec = {"priority": value, "preemptionPolicy": policy} | spec
    return {**obj, "spec": merge_label_keys(spec, metadata.get("labels") or {})}


def _namespace(name: str) -> Stored:
    labels = {"kubernetes.io/metadata.name": name} | NAMESPACE_LABELS[name]
    return Stored(1, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
