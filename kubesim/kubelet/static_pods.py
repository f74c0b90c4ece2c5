"""Static Pods: manifests in a folder of the node, which its kubelet runs whether there is an apiserver or not.

So that others see them, the kubelet makes a mirror Pod in the API, named NAME-NODE, and keeps it: one that somebody
deletes is there again at once, while the containers run on. The Pod's own uid is a hash of its manifest; the mirror
has another one, and shows the Pod's status.
Upstream: pkg/kubelet/config/{file,common}.go, pkg/kubelet/pod/mirror_client.go, tryReconcileMirrorPods. Left out:
manifests that change or go while the kubelet runs, manifests by HTTP.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import orjson

from kubesim.api.errors import AlreadyExistsError, ApiError, TransportError
from kubesim.api.resources import PODS
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod
from kubesim.client.client import Client
from kubesim.kubelet.eviction.ranking import MIRROR, STATIC_SOURCE, qos_class
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.pod_workers import PodWorkers
from kubesim.kubelet.status_manager import StatusManager
from kubesim.sim import Simulation, Tasks

HASH, SEEN = "kubernetes.io/config.hash", "kubernetes.io/config.seen"
RETRY_SECONDS = 10.0
TOLERATES_ALL = {"operator": "Exists", "effect": "NoExecute"}


class StaticPods:
    """The static Pods of one node, and their mirrors."""

    def __init__(
        self, sim: Simulation, client: Client, tasks: Tasks, node: NodeConfig, workers: PodWorkers,
        statuses: StatusManager, node_uid: Callable[[], str],
    ) -> None:  # fmt: skip
        self._sim = sim
        self._client = client
        self._tasks = tasks
        self._node = node
        self._workers = workers
        self._statuses = statuses
        self._node_uid = node_uid
        self._pods: dict[str, PodState] = {}  # By namespace and name.

    def start(self) -> None:
        """Runs what lies in the folder."""
        for manifest in self._node.configuration.static_pods:
            pod = static_pod(manifest, self._node.name, self._sim.clock.timestamp())
            self._pods[pod.key] = self._workers.add_static(pod)

    def make_mirrors(self) -> None:
        """The apiserver's Pods are known: those that are not among them are made."""
        for pod in self._pods.values():
            if pod.mirror is None:
                self._tasks.spawn(self._make(pod), f"mirror {pod.stored.key}")

    def takes(self, stored: Stored) -> bool:
        """Whether a Pod of the API is a mirror, and so not to be run."""
        return MIRROR in (stored.object["metadata"].get("annotations") or {})

    def see(self, mirror: Stored) -> None:
        """A mirror as it is now; one that shall go, or that is not of our Pod, goes at once."""
        pod = self._pods.get(mirror.key)
        annotations = mirror.object["metadata"]["annotations"]
        if pod is None or annotations[MIRROR] != pod.uid or "deletionTimestamp" in mirror.object["metadata"]:
            self._tasks.spawn(self._delete(mirror), f"mirror {mirror.key}")
            return
        is_new = pod.mirror is None or pod.mirror.uid != mirror.uid
        pod.mirror = mirror
        if is_new:
            self._statuses.know_mirror(pod)

    def gone(self, mirror: Stored) -> None:
        """A mirror was deleted: there is another one at once."""
        pod = self._pods.get(mirror.key)
        if pod is not None:
            pod.mirror = None
            self._tasks.spawn(self._make(pod), f"mirror {mirror.key}")

    async def _delete(self, mirror: Stored) -> None:
        with suppress(ApiError, TransportError):  # It is gone, or the next look at it tries again.
            await self._client.delete(PODS, mirror.name, mirror.namespace, grace_period_seconds=0, uid=mirror.uid)

    async def _make(self, pod: PodState) -> None:
        """Tries until it is there."""
        while pod.mirror is None:
            try:
                await self._client.create(PODS, mirror_of(pod.stored.object, self._node.name, self._node_uid()))
                return
            except AlreadyExistsError:
                return
            except (ApiError, TransportError) as error:
                self._sim.trace.emit("mirror_pod_failed", pod=pod.stored.key, error=str(error))
                await asyncio.sleep(RETRY_SECONDS)


def static_pod(manifest: Mapping[str, Any], node: str, now: str) -> Stored:
    """The Pod that a manifest stands for on a node."""
    metadata, spec = manifest["metadata"], manifest["spec"]
    uid = hashlib.md5(orjson.dumps([node, manifest], option=orjson.OPT_SORT_KEYS), usedforsecurity=False).hexdigest()
    annotations = {**(metadata.get("annotations") or {}), HASH: uid, SEEN: now, STATIC_SOURCE: "file"}
    obj: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **metadata,
            "name": f"{metadata['name']}-{node}",
            "namespace": metadata.get("namespace", "default"),
            "uid": uid,
            "annotations": annotations,
        },
        "spec": {**spec, "nodeName": node, "tolerations": [*(spec.get("tolerations") or ()), TOLERATES_ALL]},
        "status": {"phase": "Pending"},
    }
    obj["status"]["qosClass"] = qos_class(Stored(0, obj).view(Pod).spec)
    return Stored(0, obj)


def mirror_of(pod: Object, node: str, node_uid: str) -> Object:
    """What of it the API shows."""
    metadata = {name: value for name, value in pod["metadata"].items() if name != "uid"}
    owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": node_uid, "controller": True}
    annotations = {**metadata["annotations"], MIRROR: metadata["annotations"][HASH]}
    head = {"apiVersion": "v1", "kind": "Pod"}
    return {
        **head,
        "metadata": {**metadata, "annotations": annotations, "ownerReferences": [owner]},
        "spec": pod["spec"],
    }
