"""The connection against a real broker (amqtt), in wall time: sockets know no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from socket import socket
from typing import Any

import aiomqtt
import orjson
import pytest
from amqtt.broker import Broker

from kubesim.bridge.address import BrokerAddress
from kubesim.bridge.listening import listen
from kubesim.bridge.mqtt import Connection
from kubesim.bridge.outbox import Outbox
from kubesim.bridge.roster import Roster
from kubesim.bridge.topics import Message, Topics

SECONDS = 15.0
TOPICS = Topics("room/", "ada")


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def broker(port: int, **plugins: Any) -> AsyncIterator[Broker]:
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": plugins or {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    running = Broker(config)
    await running.start()
    try:
        yield running
    finally:
        await running.shutdown()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():  # noqa: ASYNC110 (what is waited for happens on the other side of a socket)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def heard(port: int) -> AsyncIterator[list[tuple[str, bytes]]]:
    """Everything that a listener of the cluster's topics hears."""
    found: list[tuple[str, bytes]] = []
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("room/kubesim/ada/#", qos=1)

        async def hear() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                found.append((str(message.topic), message.payload))

        hearing = asyncio.create_task(hear())
        yield found
        hearing.cancel()


def line(number: int) -> Message:
    return TOPICS.trace(orjson.dumps({"t": number, "kind": "Pod"}), number)


def numbers(found: list[tuple[str, bytes]]) -> list[int]:
    return [orjson.loads(payload)["serial"] for topic, payload in found if topic == "room/kubesim/ada/trace/Pod"]


def in_wall_time(main: Callable[[int], Awaitable[None]]) -> None:
    async def run() -> None:
        await main(free_port())

    with asyncio.Runner() as runner:
        runner.run(run())


async def closed(connection: Connection) -> int:
    return await asyncio.get_running_loop().run_in_executor(None, connection.close, SECONDS)


def test_every_line_arrives_in_its_order_and_goodbye_is_said() -> None:
    """Teaches: what is told over the bus is the recording, line by line."""

    async def main(port: int) -> None:
        async with broker(port), heard(port) as found:
            outbox = Outbox()
            connection = Connection(BrokerAddress("127.0.0.1", port, "room/"), TOPICS, outbox)
            connection.start()
            for number in range(200):
                outbox.put(line(number))
            assert await closed(connection) == 0
            await until(lambda: len(numbers(found)) == 200)
            assert numbers(found) == list(range(200))
            states = [orjson.loads(payload)["state"] for topic, payload in found if topic == TOPICS.bridge]
            assert states == ["online", "offline"]

    in_wall_time(main)


def test_a_broker_that_is_started_again_loses_no_line_that_waited() -> None:
    """Teaches: lines wait for a broker that is away, and every state is said again to one that forgot it."""

    async def main(port: int) -> None:
        outbox, log = Outbox(), []
        address = BrokerAddress("127.0.0.1", port, "room/")
        connection = Connection(address, TOPICS, outbox, log=lambda event, **_: log.append(event))
        node = Message("room/kubesim/ada/nodes/node-1/status", b'{"schema":1,"ready":"True"}', 1, True)
        async with broker(port), heard(port) as found:
            connection.start()
            outbox.put(node)
            outbox.put(line(1))
            await until(lambda: numbers(found) == [1])
        for number in (2, 3, 4):
            outbox.put(line(number))
        await until(lambda: log[-1] == "bus_not_connected")
        async with broker(port), heard(port) as found:
            await until(lambda: numbers(found)[-3:] == [2, 3, 4])
            await until(lambda: (node.topic, node.payload) in found)
            assert outbox.dropped == 0
            await closed(connection)
        assert log.count("bus_connected") == 2

    in_wall_time(main)


def test_a_command_comes_in_and_a_second_cluster_of_one_name_stays_out() -> None:
    """Teaches: two clusters that wrote over each other's states would help nobody."""

    async def main(port: int) -> None:
        commands: list[tuple[str, bytes]] = []
        failures: list[str] = []
        address = BrokerAddress("127.0.0.1", port, "room/")
        async with broker(port), heard(port) as found:
            first = Connection(
                address, TOPICS, Outbox(), takes_commands=True, on_command=lambda *told: commands.append(told)
            )
            first.start()
            await until(lambda: any(topic == TOPICS.bridge for topic, _ in found))
            async with aiomqtt.Client("127.0.0.1", port) as student:
                await student.publish("room/kubesim/ada/cmd/fault", b'{"crash":"node-1"}', qos=1)
            await until(lambda: commands == [("fault", b'{"crash":"node-1"}')])
            second = Connection(
                address, TOPICS, Outbox(), log=lambda event, **fields: failures.append(str(fields.get("error")))
            )
            second.start()
            await until(lambda: failures == ['another cluster is on the bus as "ada"'])
            await closed(second)
            await closed(first)

    in_wall_time(main)


def test_a_screen_that_comes_late_sees_what_is() -> None:
    """Teaches: retained messages are why a screen may be switched on at any time."""

    async def main(port: int) -> None:
        address, roster = BrokerAddress("127.0.0.1", port, "room/"), Roster("room/")
        outbox = Outbox()
        outbox.put(Message("room/kubesim/ada/nodes/node-1/status", b'{"schema":1,"ready":"Unknown"}', 1, True))
        async with broker(port):
            connection = Connection(address, TOPICS, outbox)
            connection.start()
            listening = asyncio.create_task(listen(address, roster, lambda _: None))
            await until(lambda: bool(roster.rows()) and roster.rows()[0]["nodesDown"] == ["node-1"])
            assert roster.rows()[0]["cluster"] == "ada"
            listening.cancel()
            await closed(connection)

    in_wall_time(main)


def test_a_connection_that_never_was_ends_when_it_is_asked_to() -> None:
    """Teaches: the cluster never waits for a broker, not even at its end."""
    outbox = Outbox()
    outbox.put(line(1))
    connection = Connection(BrokerAddress("127.0.0.1", free_port(), "room/"), TOPICS, outbox)
    connection.start()
    assert connection.close(SECONDS) == 1
    assert connection.last_failure == "[Errno 111] Connection refused"


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:amqtt", "ignore::DeprecationWarning:transitions")
