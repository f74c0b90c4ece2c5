"""What runs in the processes of a simulated cluster."""

from __future__ import annotations

from typing import Protocol

from kubesim.client.informer import Informers


class Component(Protocol):
    """What runs in a process: a scheduler, a controller manager, a kubelet."""

    informers: Informers

    async def run(self) -> None:
        """Works until cancelled."""
        ...


def nanoseconds(seconds: float) -> int:
    """The unit in which the loop counts."""
    return round(seconds * 1e9)
