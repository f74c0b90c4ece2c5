"""Listens to everything below a topic, as a program of somebody else would, and prints a line for each message."""

from __future__ import annotations

import asyncio
import json
import sys

import aiomqtt


async def main(port: int, topic: str, username: str, password: str, cafile: str) -> None:
    credentials = {"username": username or None, "password": password or None}
    tls = aiomqtt.TLSParameters(ca_certs=cafile) if cafile else None
    async with aiomqtt.Client("localhost", port, tls_params=tls, **credentials) as client:
        await client.subscribe(topic, qos=1)
        print(json.dumps(["ready", False, ""]), flush=True)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            print(json.dumps([str(message.topic), message.retain, message.payload.decode()]), flush=True)


if __name__ == "__main__":
    port, topic, username, password, cafile = sys.argv[1:]
    asyncio.run(main(int(port), topic, username, password, cafile))
