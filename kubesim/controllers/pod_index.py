"""Pods by the node that they are assigned to: an index that several controllers share."""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.resources import PODS
from kubesim.api.stored import Stored
from kubesim.client.informer import Informer, Informers

NODE_INDEX = "spec.nodeName"


def pods_by_node(informers: Informers) -> Informer:
    """The informer of all Pods, with `NODE_INDEX`."""
    pods = informers.of(PODS)
    if not pods.has_index(NODE_INDEX):
        pods.add_index(NODE_INDEX, node_names)
    return pods


def node_names(pod: Stored) -> Iterable[str]:
    """The name of the Pod's node; Pods without one are found under ""."""
    return (node_name(pod),)


def node_name(pod: Stored) -> str:
    """The name of the Pod's node, or ""."""
    name: str = pod.object["spec"].get("nodeName", "")
    return name
