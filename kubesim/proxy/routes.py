"""Where addresses are: which node has which network of Pods, as a CNI plugin (kindnet, flannel host-gw) lays routes.

Every node's kernel has a route to every other node's Pod CIDR by that node's address. The real plugins learn them from
the Nodes; here they are known as soon as the machine is there. Left out: overlays, the plugin's own Pods.
"""

from __future__ import annotations

from kubesim.proxy.packet import number_of

OUTSIDE_ADDRESS = "203.0.113.10"  # Of a client on the internet.


class Routes:
    """The machines of a cluster and their networks."""

    def __init__(self) -> None:
        self._address_of: dict[str, str] = {}
        self._node_at: dict[str, str] = {}
        self._networks: dict[int, dict[int, str]] = {}  # Length of the prefix → its bits → node.
        self._cidr_of: dict[str, str] = {}
        self.apiserver = ("192.0.2.1", 6443)  # Where it listens, as its own Endpoints say.

    def add(self, node: str, address: str, pod_cidr: str) -> None:
        """A machine is there."""
        self._address_of[node] = address
        self._node_at.setdefault(address, node)
        self._cidr_of[node] = pod_cidr
        length, bits = _prefix(pod_cidr)
        self._networks.setdefault(length, {})[bits] = node

    def remove(self, node: str) -> None:
        """A machine is taken away."""
        address = self._address_of.pop(node, "")
        if self._node_at.get(address) == node:
            del self._node_at[address]
        length, bits = _prefix(self._cidr_of.pop(node, "0.0.0.0/32"))
        if self._networks.get(length, {}).get(bits) == node:
            del self._networks[length][bits]

    def nodes(self) -> list[str]:
        """All machines, in the order in which they came."""
        return list(self._address_of)

    def address_of(self, node: str) -> str:
        """A machine's own address; "" if there is no such machine."""
        return self._address_of.get(node, "")

    def machine_at(self, address: str) -> str:
        """Whose own address this is; "" if nobody's."""
        return self._node_at.get(address, "")

    def node_of(self, address: str) -> str:
        """The machine that packets to this address go to: its own, or that of a Pod of its network; "" if none."""
        if node := self._node_at.get(address):
            return node
        number = number_of(address)
        for length in sorted(self._networks, reverse=True):
            if number >= 0 and (node := self._networks[length].get(number >> (32 - length))):
                return node
        return ""


def _prefix(cidr: str) -> tuple[int, int]:
    network, _, length = cidr.partition("/")
    bits = int(length or "32")
    return bits, number_of(network) >> (32 - bits)
