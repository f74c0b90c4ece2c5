"""Listens to a classroom's bus, in wall time, and calls again a broker that went away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiomqtt

from kubesim.bridge.address import BrokerAddress
from kubesim.bridge.mqtt import BACK_OFF_SECONDS, BACK_OFF_SECONDS_MAX, SILENT
from kubesim.bridge.roster import Roster

Told = Callable[[str], None]


async def listen(address: BrokerAddress, roster: Roster, told: Told) -> None:
    """Feeds a roster for ever; `told` hears why the broker is not reached, and "" once it is."""
    back_off = BACK_OFF_SECONDS
    while True:
        try:
            async with client_of(address) as client:
                for topic in roster.topics:
                    await client.subscribe(topic, qos=0)
                told("")
                back_off = BACK_OFF_SECONDS
                async for message in client.messages:
                    if isinstance(message.payload, bytes):
                        roster.hear(str(message.topic), message.payload)
        except (aiomqtt.MqttError, OSError, TimeoutError) as error:
            told(str(error) or type(error).__name__)
        await asyncio.sleep(back_off)
        back_off = min(2 * back_off, BACK_OFF_SECONDS_MAX)


def client_of(address: BrokerAddress) -> aiomqtt.Client:
    """A client that only listens."""
    return aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        protocol=aiomqtt.ProtocolVersion.V311,
        tls_context=address.tls_context(),
        logger=SILENT,
    )
