"""A lamp that blinks while a node is not ready. Needs aiomqtt, and a cluster that was started with --mqtt.

    python examples/mqtt/lamp.py localhost 1883 classroom/kubesim/kubesim

Here the lamp is the terminal; put the two lines that switch yours into `shine`.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiomqtt

BLINK_SECONDS = 0.5


def shine(on: bool, dark_nodes: list[str]) -> None:
    """Switches the lamp."""
    lamp = "\x1b[41m  \x1b[0m" if on else "  "
    print(f"\r{lamp} {'not ready: ' + ', '.join(dark_nodes) if dark_nodes else 'all nodes are ready'}\x1b[K", end="")


async def blink(ready: dict[str, str]) -> None:
    """On and off while there is a node that is not ready."""
    on = False
    while True:
        dark_nodes = sorted(name for name, value in ready.items() if value != "True")
        on = bool(dark_nodes) and not on
        shine(on, dark_nodes)
        await asyncio.sleep(BLINK_SECONDS)


async def main(host: str, port: int, cluster: str) -> None:
    """Listens to the states of the nodes: they are retained, so the lamp is right from the first moment."""
    ready: dict[str, str] = {}
    blinking = asyncio.create_task(blink(ready))
    async with aiomqtt.Client(host, port) as client:
        await client.subscribe(f"{cluster}/nodes/+/status", qos=1)
        async for message in client.messages:
            name = message.topic.value.split("/")[-2]
            if message.payload:
                ready[name] = json.loads(message.payload)["ready"]
            else:
                ready.pop(name, None)  # The node is gone.
    blinking.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
