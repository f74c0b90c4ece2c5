"""The node's heartbeat: a Lease in `kube-node-lease`, renewed every 10 s.

When it goes stale for 40 s (50 s with the controller's grace), the node controller calls the node Unknown.
This is by far the most frequent write of an idle cluster, so a renewal is one PUT of a copy of the last answer
that differs in `renewTime`; it is read again only after a conflict.
Upstream: k8s.io/component-helpers/apimachinery/lease/controller.go.
"""

from __future__ import annotations

import asyncio
from random import Random

from kubesim.api.errors import AlreadyExistsError, ApiError, NotFoundError, TransportError
from kubesim.api.meta import with_fields
from kubesim.api.resources import LEASES
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.sim import CAUSES, Simulation

NAMESPACE = "kube-node-lease"
DURATION_SECONDS = 40  # nodeLeaseDurationSeconds
RENEW_SECONDS = DURATION_SECONDS * 0.25
JITTER = 0.04
UPDATE_TRIES_MAX = 5
RETRY_SECONDS_FIRST = 0.2
RETRY_SECONDS_MAX = 7.0


class NodeLease:
    """Keeps one node's Lease fresh. `node` is the Node object: its Lease goes when it goes."""

    def __init__(self, sim: Simulation, client: Client, name: str, random: Random) -> None:
        self._clock = sim.clock
        self._client = client
        self._name = name
        self._random = random
        self._lease: Stored | None = None
        self.node: Stored | None = None

    async def run(self) -> None:
        """Renews until cancelled."""
        CAUSES.set((f"timer kubelet/lease {self._name}",))
        # The machines of a cluster were not switched on in the same instant.
        await self._renew()
        await asyncio.sleep(RENEW_SECONDS * self._random.random())
        while True:
            await self._renew()
            await asyncio.sleep(RENEW_SECONDS * (1 + JITTER * self._random.random()))

    async def _renew(self) -> None:
        """One heartbeat: a few quick tries on the Lease we know, else from the beginning."""
        for _ in range(UPDATE_TRIES_MAX):
            lease = self._lease
            if lease is None:
                break
            try:
                renewed = with_fields(lease.object, {"renewTime": self._clock.micro_timestamp()}, "spec")
                self._lease = await self._client.update(LEASES, renewed)
            except NotFoundError:
                self._lease = None
            except (ApiError, TransportError):
                self._lease = await self._read() or lease
            else:
                return
        if self._lease is None:
            await self._ensure()

    async def _read(self) -> Stored | None:
        try:
            return await self._client.get(LEASES, self._name, NAMESPACE)
        except (ApiError, TransportError):
            return None

    async def _ensure(self) -> None:
        """Reads the Lease, or makes it; tries until one of the two works."""
        delay_seconds = RETRY_SECONDS_FIRST
        while True:
            try:
                self._lease = await self._get_or_create()
                return
            except (ApiError, TransportError):
                await asyncio.sleep(delay_seconds)
                delay_seconds = min(delay_seconds * 2, RETRY_SECONDS_MAX)

    async def _get_or_create(self) -> Stored:
        try:
            lease = await self._client.get(LEASES, self._name, NAMESPACE)
        except NotFoundError:
            try:
                return await self._client.create(LEASES, self._new_lease())
            except AlreadyExistsError:
                lease = await self._client.get(LEASES, self._name, NAMESPACE)
        renewed = with_fields(
            lease.object,
            {"holderIdentity": self._name, "renewTime": self._clock.micro_timestamp()},
            "spec",
        )
        if self.node is not None:
            renewed = with_fields(renewed, {"ownerReferences": [owner(self.node)]}, "metadata")
        return await self._client.update(LEASES, renewed)

    def _new_lease(self) -> Object:
        metadata: Object = {"name": self._name, "namespace": NAMESPACE}
        if self.node is not None:
            metadata["ownerReferences"] = [owner(self.node)]
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": self._name,
                "leaseDurationSeconds": DURATION_SECONDS,
                "renewTime": self._clock.micro_timestamp(),
            },
        }


def owner(node: Stored) -> Object:
    """The reference by which a Lease belongs to its Node: no controller, so nothing waits for it."""
    return {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node.uid}
