"""A controller of one's own: it labels every Pod with the zone of the node that it runs on.

The shape is that of any controller. Informers keep a copy of what it cares about, their handlers put keys into
a work queue, and one worker takes a key and makes things right from the state that it finds: never from the
event, so that it does not matter what was missed while it was away.
"""

from __future__ import annotations

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.resources import NODES, PODS
from kubesim.api.stored import Stored
from kubesim.client.client import Client
from kubesim.client.informer import Informers
from kubesim.client.workqueue import WorkQueue
from kubesim.sim import Simulation, Tasks

ZONE = "topology.kubernetes.io/zone"
BY_NODE = "node"


class ZoneLabeler:
    """Keeps the label `topology.kubernetes.io/zone` of every Pod that was bound equal to that of its node."""

    def __init__(self, sim: Simulation, client: Client) -> None:
        self.client = client
        self.informers = Informers(sim, client)
        self.queue: WorkQueue[str] = WorkQueue(sim, "zone-labeler")
        self.pods = self.informers.of(PODS)
        self.nodes = self.informers.of(NODES)
        self.pods.add_index(BY_NODE, lambda pod: [pod.object["spec"].get("nodeName", "")])
        self.pods.add_handler(on_add=self._changed, on_update=lambda _, new: self._changed(new))
        self.nodes.add_handler(on_add=self._node_changed, on_update=lambda _, new: self._node_changed(new))

    async def run(self) -> None:
        """Works until cancelled."""
        async with Tasks("zone-labeler") as tasks:
            tasks.spawn(self.informers.run(), "informers")
            await self.informers.wait_synced()
            while True:
                key = await self.queue.get()
                try:
                    await self.reconcile(key)
                except (ApiError, TransportError):
                    self.queue.add_rate_limited(key)  # Somebody was faster, or nobody answers: again, later.
                else:
                    self.queue.forget(key)
                finally:
                    self.queue.done(key)

    async def reconcile(self, key: str) -> None:
        """Makes one Pod right."""
        pod = self.pods.get(key)
        if pod is None:
            return  # Deleted.
        node = self.nodes.get(pod.object["spec"].get("nodeName", ""))
        if node is None:
            return  # Not bound yet, or its node is gone: then the Pod will be soon.
        zone = labels_of(node).get(ZONE)
        if labels_of(pod).get(ZONE) == zone:
            return
        patch = {"metadata": {"uid": pod.uid, "labels": {ZONE: zone}}}  # The uid: this Pod, not one of its name.
        try:
            await self.client.merge_patch(PODS, pod.name, patch, pod.namespace)
        except NotFoundError:
            return

    def _changed(self, pod: Stored) -> None:
        self.queue.add(pod.key)

    def _node_changed(self, node: Stored) -> None:
        for pod in self.pods.by_index(BY_NODE, node.name):
            self.queue.add(pod.key)


def labels_of(stored: Stored) -> dict[str, str]:
    """An object's labels."""
    return stored.object["metadata"].get("labels") or {}
