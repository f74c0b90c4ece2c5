"""What a run has done to the whole cluster, kept where it is found again: in an annotation of its namespace.

It is written before the thing is done. So whoever comes after a crash, from whatever machine, finds the namespace by
its label and in it what must be undone: nodes that were switched off or changed, objects that lie in no namespace.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from kubesim.api.errors import ApiError
from kubesim.api.resources import NAMESPACES, NODES
from kubesim.api.stored import Object
from kubesim.api.wire import Request
from kubesim.client.client import Client
from kubesim.realcluster.drivers import Operation
from kubesim.realcluster.safety import UNDO_ANNOTATION

OF_KUBERNETES = "node.kubernetes.io/"  # Taints that the control plane sets and takes away by itself.


class NodeBefore(msgspec.Struct, frozen=True):
    """A node as it was before the run first touched it."""

    unschedulable: bool = False
    taints: list[Object] = []
    labels: dict[str, str] = {}


class Undo(msgspec.Struct):
    """All that must be undone. Names are the cluster's own."""

    driver: str = "auto"
    operations: list[tuple[str, str, str]] = []
    nodes: dict[str, NodeBefore] = {}
    made: list[tuple[str, str, str]] = []  # (apiVersion, plural, name) of cluster-scoped objects.


class Journal:
    """Keeps `undo` in the namespace's annotation; `client` sees the cluster as it is."""

    def __init__(self, client: Client, namespace: str, driver: str) -> None:
        self._client = client
        self._namespace = namespace
        self.undo = Undo(driver=driver)

    async def about_to_act(self, operation: Operation) -> None:
        """A fault is about to be made."""
        self.undo.operations = [*self.undo.operations, (operation.what, operation.verb, operation.node)]
        await self._write()

    async def about_to_write(self, request: Request) -> None:
        """A request is about to change something that belongs to the whole cluster; its names are the cluster's."""
        resource = request.resource
        if resource == NODES:
            if request.name not in self.undo.nodes:
                self.undo.nodes = {**self.undo.nodes, request.name: await self._before(request.name)}
                await self._write()
        elif request.verb == "create" and not request.subresource:
            name = (request.body or {}).get("metadata", {}).get("name", "")
            self.undo.made = [*self.undo.made, (resource.api_version, resource.plural, name)]
            await self._write()

    async def _before(self, name: str) -> NodeBefore:
        try:
            return node_before((await self._client.get(NODES, name)).object)
        except ApiError:
            return NodeBefore()  # There is none: the request itself will say so.

    async def _write(self) -> None:
        text = msgspec.json.encode(self.undo).decode()
        patch = {"metadata": {"annotations": {UNDO_ANNOTATION: text}}}
        await self._client.merge_patch(NAMESPACES, self._namespace, patch)


def read_undo(namespace: Object) -> Undo:
    """The annotation of a namespace; nothing to undo if it has none, or none that can be read."""
    text = (namespace["metadata"].get("annotations") or {}).get(UNDO_ANNOTATION, "")
    try:
        return msgspec.json.decode(text, type=Undo) if text else Undo()
    except msgspec.MsgspecError:
        return Undo()


def node_before(node: Object) -> NodeBefore:
    """What can be changed about a node by kubectl."""
    metadata, spec = node["metadata"], node.get("spec") or {}
    taints = [taint for taint in spec.get("taints") or () if not taint["key"].startswith(OF_KUBERNETES)]
    return NodeBefore(bool(spec.get("unschedulable")), taints, metadata.get("labels") or {})


def repair_patch(node: Object, before: NodeBefore) -> Object:
    """The merge patch that makes a node what it was; empty if it is. What the control plane sets stays."""
    now = node_before(node)
    spec: Object = {}
    if now.unschedulable != before.unschedulable:
        spec["unschedulable"] = True if before.unschedulable else None
    if shown(now.taints) != shown(before.taints):
        of_kubernetes = [t for t in (node.get("spec") or {}).get("taints") or () if t["key"].startswith(OF_KUBERNETES)]
        spec["taints"] = [*before.taints, *of_kubernetes]
    old, new = before.labels, now.labels
    labels: dict[str, Any] = {key: old.get(key) for key in {**old, **new} if old.get(key) != new.get(key)}
    patch: Object = {"spec": spec} if spec else {}
    return {**patch, "metadata": {"labels": labels}} if labels else patch


def shown(taints: list[Object]) -> list[bytes]:
    """Taints to compare, without the dates of when they were added."""
    return sorted(orjson.dumps({k: v for k, v in taint.items() if k != "timeAdded"}, option=orjson.OPT_SORT_KEYS)
                  for taint in taints)  # fmt: skip
