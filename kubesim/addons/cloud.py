"""A cloud for one cluster: machines that boot when they are asked for, and go when they are given back.

The cloud's own controller deletes the Node of a machine that is gone, as a cloud-controller-manager does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from kubesim.addons.cluster_autoscaler import GROUP_LABEL, NodeGroup
from kubesim.api.errors import NotFoundError
from kubesim.api.resources import NODES
from kubesim.api.stored import Stored
from kubesim.api.wire import ClientCertificate
from kubesim.cluster import SimCluster
from kubesim.kubelet import NodeConfig
from kubesim.sim import Tasks

NAME = "cloud-controller-manager"


class SimCloud:
    """The machines of the node group of one cluster."""

    def __init__(self, cluster: SimCluster) -> None:
        self._cluster = cluster
        self._machines: dict[str, None] = {}
        self._number = 0
        self._tasks = Tasks("cloud")
        self._client = cluster.client_for(NAME, ClientCertificate(NAME, ("system:masters",)))

    def machines(self) -> Sequence[str]:
        """The names of those that were asked for and not given back."""
        return list(self._machines)

    def template(self, group: NodeGroup) -> Stored:
        """The Node that a fresh machine will be."""
        config = self._config(group, f"{group.name}-new")
        return Stored(0, {
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": config.name, "labels": config.all_labels()},
            "spec": {}, "status": {"allocatable": config.allocatable_resources()},
        })  # fmt: skip

    def add(self, group: NodeGroup) -> None:
        """One more machine; it boots."""
        self._number += 1
        name = f"{group.name}-{self._number}"
        self._machines[name] = None
        self._tasks.spawn(self._boot(self._config(group, name), group.boot_seconds), name)

    async def remove(self, name: str) -> None:
        """Gives a machine back, and its Node with it."""
        self._machines.pop(name, None)
        if name in self._cluster.faults.hosts:
            await self._cluster.remove_node(name)
        with suppress(NotFoundError):
            await self._client.delete(NODES, name)

    async def _boot(self, config: NodeConfig, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if config.name in self._machines:
            self._cluster.add_node(config)

    def _config(self, group: NodeGroup, name: str) -> NodeConfig:
        capacity = {"cpu": group.cpu, "ephemeral-storage": "61255492Ki", "memory": group.memory, "pods": group.pods}
        number = len(self._cluster.nodes) + self._number
        return NodeConfig(
            name=name, capacity=capacity, labels={GROUP_LABEL: group.name},
            address=f"192.168.{50 + number // 250}.{number % 250 + 2}",
        )  # fmt: skip
