"""Tells kubelets for how long they may use a Secret or ConfigMap that they have read: longer in a larger cluster.

Each node gets the annotation `node.alpha.kubernetes.io/ttl`, in seconds. The steps overlap, so that a cluster whose
size goes to and fro does not rewrite all its nodes each time.
Upstream: pkg/controller/ttl.
"""

from __future__ import annotations

from typing import NamedTuple

from kubesim.api.errors import NotFoundError
from kubesim.api.resources import NODES
from kubesim.api.stored import Stored
from kubesim.controllers.controller import Controller, ControllerContext

ANNOTATION = "node.alpha.kubernetes.io/ttl"


class Step(NamedTuple):
    """A size of cluster, and its seconds."""

    size_min: int
    size_max: int
    seconds: int


STEPS = (Step(0, 100, 0), Step(90, 500, 15), Step(450, 1000, 30), Step(900, 2000, 60), Step(1800, 10**9, 300))


class TTLController(Controller):
    """The queue holds names of nodes."""

    name = "ttl-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._nodes = self.informers.of(NODES)
        self._count = 0
        self._step = 0
        self._nodes.add_handler(on_add=self._added, on_update=self._updated, on_delete=self._deleted)

    async def reconcile(self, key: str) -> None:
        """Writes the annotation if it is another."""
        node = self._nodes.get(key)
        seconds = str(STEPS[self._step].seconds)
        if node is None or ttl_of(node) == seconds:
            return
        try:
            await self.client.patch(NODES, key, {"metadata": {"annotations": {ANNOTATION: seconds}}})
        except NotFoundError:
            return

    def _added(self, node: Stored) -> None:
        self._count += 1
        if self._count > STEPS[self._step].size_max:
            self._go(self._step + 1)
        self.enqueue(node)

    def _deleted(self, _node: Stored) -> None:
        self._count -= 1
        if self._count < STEPS[self._step].size_min:
            self._go(self._step - 1)

    def _updated(self, _old: Stored, node: Stored) -> None:
        if ttl_of(node) != str(STEPS[self._step].seconds):
            self.enqueue(node)

    def _go(self, step: int) -> None:
        self._step = step
        for node in self._nodes.list():
            self.enqueue(node)


def ttl_of(node: Stored) -> str:
    """The annotation, "" without one."""
    text: str = (node.object["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    return text
