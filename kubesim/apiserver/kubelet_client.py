"""The apiserver's way to the kubelets: where a node's kubelet listens, and a call to it over the network.

Upstream: pkg/kubelet/client/kubelet_client.go and the dialers of k8s.io/apimachinery/pkg/util/net.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from kubesim.api.errors import ApiError, not_found
from kubesim.api.kubelet_call import KubeletCall
from kubesim.api.resources import NODES
from kubesim.api.session import Session
from kubesim.api.stored import Stored
from kubesim.sim import Simulation
from kubesim.sim.network import NetworkError

DIAL_SECONDS = 30.0
DEFAULT_PORT = 10250
ADDRESS_TYPES = ("Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP")
PREFERRED = ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS")


class DialError(Exception):
    """The kubelet (or the Pod behind it) was not reached: `dial tcp IP:PORT: connect: connection refused`."""


class KubeletClient:
    """Reaches every kubelet of the cluster; `node` finds Node objects."""

    def __init__(self, sim: Simulation, source: str, node: Callable[[str], Stored | None]) -> None:
        self._network = sim.network
        self._source = source
        self._node = node

    def address(self, node: str) -> str:
        """IP:PORT of a node's kubelet; an ApiError if the Node is not there or has no address."""
        stored = self._node(node)
        if stored is None:
            raise not_found(NODES, node)
        status = stored.object.get("status") or {}
        known = status.get("addresses") or []
        port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port") or DEFAULT_PORT
        for wanted in PREFERRED:
            for entry in known:
                if entry.get("type") == wanted and entry.get("address"):
                    return f"{entry['address']}:{port}"
        shown = " ".join(f"{{{entry.get('type')} {entry.get('address')}}}" for entry in known)
        raise ApiError(f"no preferred addresses found; known addresses: [{shown}]")

    async def call(self, node: str, address: str, call: KubeletCall) -> Session:
        """Calls the kubelet of `node`; DialError if it is not reached, KubeletError if it refuses."""
        network, target = self._network, f"kubelet/{node}"
        if network.refuses(self._source, target):
            raise DialError(f"dial tcp {address}: connect: connection refused")
        deadline = asyncio.timeout(DIAL_SECONDS)
        try:
            async with deadline:
                session = await network.request(self._source, target, call)
        except NetworkError:
            raise DialError(f"dial tcp {address}: connect: connection refused") from None
        except TimeoutError:
            raise DialError(f"dial tcp {address}: i/o timeout") from None
        assert isinstance(session, Session), "a kubelet answers with a session"
        return session


def url(address: str, path: str, query: Mapping[str, object]) -> str:
    """How errors name what was asked for; parameters in order, as Go encodes them."""
    pairs = [(name, value) for name, values in sorted(query.items())
             for value in (values if isinstance(values, list) else [values])]  # fmt: skip
    text = f"https://{address}/{path}"
    return f"{text}?{urlencode(pairs)}" if pairs else text
