"""The Pods of each node, and what they need their node to read: kept up to date change by change.

Upstream: the graph of plugin/pkg/auth/authorizer/node, which is filled by informers too.
"""

from __future__ import annotations

from collections.abc import Collection

from kubesim.api.stored import Object, Stored

Reference = tuple[str, str]  # (plural, name)


class NodePod:
    """A Pod on a node. What it refers to is looked up when somebody asks, and again when its spec has changed."""

    __slots__ = ("_references", "stored")

    def __init__(self, stored: Stored, before: NodePod | None) -> None:
        self.stored = stored
        is_same = before is not None and before.stored.object["spec"] is stored.object["spec"]
        self._references: Collection[Reference] | None = before._references if before is not None and is_same else None

    @property
    def references(self) -> Collection[Reference]:
        """All that it needs of its namespace."""
        if self._references is None:
            self._references = references(self.stored.object)
        return self._references


class NodePods:
    """An index of Pods by node."""

    def __init__(self) -> None:
        self._by_node: dict[str, dict[str, NodePod]] = {}
        self._node_of: dict[str, str] = {}

    def set(self, key: str, stored: Stored | None) -> None:
        """A Pod is as it is now, or gone."""
        node = "" if stored is None else (stored.object.get("spec") or {}).get("nodeName", "")
        before = self._node_of.get(key, "")
        if before and before != node:
            pods = self._by_node[before]
            del pods[key], self._node_of[key]
            if not pods:
                del self._by_node[before]
        if stored is not None and node:
            pods = self._by_node.setdefault(node, {})
            pods[key] = NodePod(stored, pods.get(key))
            self._node_of[key] = node

    def of(self, node: str) -> Collection[NodePod]:
        """The Pods of a node."""
        return self._by_node.get(node, {}).values()

    def known(self) -> list[str]:
        """All Pods that have a node."""
        return list(self._node_of)


def references(pod: Object) -> set[Reference]:
    """(plural, name) of everything in its namespace that a Pod needs its node to read."""
    spec: Object = pod.get("spec") or {}
    found = {("serviceaccounts", spec.get("serviceAccountName", ""))}
    found |= {("secrets", entry.get("name", "")) for entry in spec.get("imagePullSecrets") or ()}
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for source in sources:
            if "secret" in source:
                found.add(("secrets", source["secret"].get("secretName") or source["secret"].get("name", "")))
            if "configMap" in source:
                found.add(("configmaps", source["configMap"].get("name", "")))
        if "persistentVolumeClaim" in volume:
            found.add(("persistentvolumeclaims", volume["persistentVolumeClaim"].get("claimName", "")))
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            found |= environment_references(container)
    return found


def environment_references(container: Object) -> set[Reference]:
    """The same of a container's environment."""
    found = set()
    for entry in container.get("envFrom") or ():
        for field, plural in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if field in entry:
                found.add((plural, entry[field].get("name", "")))
    for variable in container.get("env") or ():
        source: Object = variable.get("valueFrom") or {}
        for field, plural in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
            if field in source:
                found.add((plural, source[field].get("name", "")))
    return found
