"""Addresses for the Pods of one node, as the CNI plugin `host-local` gives them: one after another."""

from __future__ import annotations

from ipaddress import IPv4Network

RESERVED = 2  # The network itself and the bridge.


class PodNetwork:
    """The address pool of a node's Pod CIDR; it goes round before it gives an address again."""

    def __init__(self, cidr: str) -> None:
        network = IPv4Network(cidr)
        self._first = int(network.network_address)
        self._prefix = f"{network.network_address}".rpartition(".")[0]
        self._size = network.num_addresses
        self._small = self._size <= 256  # Then only the last byte changes.
        self._next = RESERVED
        self._taken: dict[str, None] = {}

    def allocate(self) -> str:
        """A free address."""
        for _ in range(self._size):
            number = self._next
            self._next = number + 1 if number + 2 < self._size else RESERVED  # The last one is for broadcast.
            address = self._address(number)
            if address not in self._taken:
                self._taken[address] = None
                return address
        raise AssertionError("a node has no more Pods than addresses")

    def release(self, address: str) -> None:
        """Gives an address back; "" (a Pod on the host's network) is fine."""
        self._taken.pop(address, None)

    def release_all(self) -> None:
        """The machine lost its power."""
        self._taken.clear()

    def _address(self, number: int) -> str:
        value = self._first + number
        if self._small:
            return f"{self._prefix}.{value & 255}"
        return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"
