"""Pools of things of which each may be handed out once: cluster addresses and node ports.

Upstream draws at random from the upper part of a range, so that the lower part stays free for those who want
a certain one; so do we, from the simulation's chance. What is in use is kept in memory and learnt anew from
the Services at start. Upstream: pkg/registry/core/service/{ipallocator,portallocator}.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from random import Random

DRAWS_MAX = 64


class PoolError(Exception):
    """Cannot be handed out; the message says why, as upstream words it."""


class Pool:
    """Numbers from `first` to `last`, each with at most one holder. Draws come from `first_drawn` on."""

    def __init__(self, first: int, last: int, first_drawn: int, random: Random) -> None:
        self.first, self.last = first, last
        self._first_drawn = first_drawn
        self._random = random
        self._used: dict[int, None] = {}

    def draw(self) -> int:
        """Any free number."""
        for _ in range(DRAWS_MAX):
            number = self._random.randint(self._first_drawn, self.last)
            if number not in self._used:
                self._used[number] = None
                return number
        for number in range(self.last, self.first - 1, -1):  # Nearly full: the upper part first, then the rest.
            if number not in self._used:
                self._used[number] = None
                return number
        raise PoolError("range is full")

    def take(self, number: int) -> None:
        """This number."""
        if number in self._used:
            raise PoolError("provided {} is already allocated")
        self._used[number] = None

    def give_back(self, number: int) -> None:
        """It is free again."""
        self._used.pop(number, None)


class AddressPool:
    """The addresses of Services."""

    def __init__(self, network: IPv4Network, random: Random) -> None:
        self.network = network
        first = int(network.network_address) + 1
        last = int(network.broadcast_address) - 1
        size = last - first
        static = min(max(16, size // 16), 256)  # Upstream: between 16 and 256 addresses are left for the static band.
        self._pool = Pool(first, last, min(first + static, last), random)

    def draw(self) -> str:
        """Any free address."""
        return str(IPv4Address(self._pool.draw()))

    def take(self, address: str) -> None:
        """This address; PoolError if it is taken or none of ours."""
        try:
            number = int(IPv4Address(address))
        except ValueError:
            raise PoolError(f"failed to allocate IP {address}: the provided IP is not valid") from None
        if not self._pool.first <= number <= self._pool.last:
            raise PoolError(f"failed to allocate IP {address}: the provided network does not match the current range")
        try:
            self._pool.take(number)
        except PoolError:
            raise PoolError(f"failed to allocate IP {address}: provided IP is already allocated") from None

    def give_back(self, address: str) -> None:
        """It is free again."""
        self._pool.give_back(int(IPv4Address(address)))
