"""A cluster without nodes: a real apiserver, controllers and scheduler, and nothing that runs."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.resources import NODES
from kubesim.cluster import SimCluster

WEB = "create deployment web --image=nginx:1.26 --replicas=2"


class Hands:
    """What a user does with kubectl, and what is there afterwards."""

    def __init__(self, cluster: SimCluster) -> None:
        self.cluster = cluster

    async def kubectl(self, line: str) -> str:
        """Runs one command and lets the controllers work for a second."""
        told = await self.cluster.kubectl.run(line)
        await self.cluster.run_for(1)
        return "\n".join(told)

    async def add_node(self, name: str) -> None:
        """A Node that nobody reports for."""
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        await self.cluster.client.create(NODES, node)

    def object(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
        """An object as the observer last saw it."""
        key = f"{namespace}/{name}" if namespace else name
        return self.cluster.observer.latest[kind][key].object

    def names(self, kind: str, namespace: str = "default") -> list[str]:
        """The names of all objects of a kind that are not on their way out."""
        found = self.cluster.observer.latest.get(kind, {}).values()
        live = [stored for stored in found if not stored.object["metadata"].get("deletionTimestamp")]
        return sorted(stored.name for stored in live if stored.namespace == namespace)


@pytest.fixture
def hands() -> type[Hands]:
    return Hands


@pytest.fixture
def web() -> str:
    """The command that makes the Deployment of most tests."""
    return WEB
