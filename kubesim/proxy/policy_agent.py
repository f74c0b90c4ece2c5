"""What a CNI plugin's agent does on every node: lets through what the NetworkPolicies allow, and swallows the rest.

One watch for all nodes, as with Services. Pods and namespaces are only watched once there is a policy: a cluster
without one pays for nothing. Like the agents of Calico or kube-router it enforces within moments; like them it drops,
so whoever is not allowed waits for a time-out. Left out: an agent that is cut off and enforces what it knew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from kubesim.api.resources import NAMESPACES, NETWORK_POLICIES, PODS
from kubesim.api.stored import Stored
from kubesim.client.client import Client
from kubesim.client.informer import Informer, Informers
from kubesim.proxy.network_policy import INGRESS, Attempt, Side, refusal
from kubesim.sim import Simulation


def by_address(stored: Stored) -> tuple[str, ...]:
    """The address of a Pod that lives and has one of its own."""
    obj = stored.object
    status = obj.get("status") or {}
    is_over = status.get("phase") in ("Succeeded", "Failed")
    address = "" if is_over or (obj.get("spec") or {}).get("hostNetwork") else status.get("podIP", "")
    return (address,) if address else ()


class PolicyAgent:
    """The policies of one cluster, and what they say of connections."""

    def __init__(self, sim: Simulation, client: Client) -> None:
        self.informers = Informers(sim, client)
        self._policies = self.informers.of(NETWORK_POLICIES)
        self._pods: Informer | None = None
        self._namespaces: Informer | None = None
        self._policies.add_handler(on_add=lambda _: self._watch_all())

    async def run(self) -> None:
        """Watches until cancelled."""
        await asyncio.sleep(0)
        await self.informers.run()

    def refusal(self, direction: str, source: str, target: str, port: int, protocol: str) -> str:
        """Why a connection does not get through at the sender (Egress) or the receiver (Ingress); "" if it does."""
        if not len(self._policies) or self._pods is None:
            return ""
        attempt = Attempt(self._side(source), self._side(target), port, protocol)
        own = attempt.target if direction == INGRESS else attempt.source
        policies = sorted(self._policies.list(own.namespace), key=lambda stored: stored.name) if own.namespace else []
        return refusal(direction, attempt, [stored.object for stored in policies], self._labels)

    def _watch_all(self) -> None:
        if self._pods is None:
            self._pods = self.informers.of(PODS)
            self._pods.add_index("address", by_address)
            self._namespaces = self.informers.of(NAMESPACES)

    def _side(self, address: str) -> Side:
        assert self._pods is not None, "asked only once there is a policy"
        found = self._pods.by_index("address", address)
        return Side(address, found[0].object if found else None)

    def _labels(self, namespace: str) -> Mapping[str, str]:
        stored = self._namespaces.get(namespace) if self._namespaces is not None else None
        labels: Mapping[str, str] = (stored.object["metadata"].get("labels") or {}) if stored is not None else {}
        return labels
