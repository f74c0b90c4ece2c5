"""The connection to a broker: a thread with a loop of its own, in wall time.

A simulated cluster's time may run fast, slowly or not at all, while a broker wants its keep-alive every few real
seconds; and a broker that is slow must not slow the cluster. So the two share nothing but the outbox. A broker that
goes away is called again with a back-off of 1 second that doubles up to 30; then everything retained is said again,
and the trace goes on where it was, with what was not acknowledged once more (at least once: `serial` tells repeats).
MQTT 3.1.1, which every broker speaks; the client is aiomqtt (once called asyncio-mqtt).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from threading import Thread
from typing import Any

import aiomqtt

from kubesim.bridge.address import BrokerAddress
from kubesim.bridge.outbox import Outbox
from kubesim.bridge.topics import Message, Topics, encoded
from kubesim.sim.clock import wall_now

BACK_OFF_SECONDS = 1.0
BACK_OFF_SECONDS_MAX = 30.0
KEEP_ALIVE_SECONDS = 15
ANSWER_SECONDS_MAX = 20.0
IN_FLIGHT = 64
TICK_SECONDS = 1.0
SWEEP_SECONDS = 0.3  # How long a broker may be silent after its last retained message.
SILENT = logging.getLogger("kubesim.bridge")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False
SILENT.setLevel(logging.CRITICAL)

Log = Callable[..., None]
Failures = (aiomqtt.MqttError, OSError, TimeoutError)


class NameTakenError(Exception):
    """Another cluster is on the bus under this name."""


class Connection:
    """Carries an outbox to a broker, and commands back.

    `on_command(what, payload)` and `on_tick()` are called in this connection's thread, `log(event, **fields)` too.
    """

    def __init__(
        self,
        address: BrokerAddress,
        topics: Topics,
        outbox: Outbox,
        *,
        takes_commands: bool = False,
        on_command: Callable[[str, bytes], None] = lambda *_: None,
        on_tick: Callable[[], None] = lambda: None,
        log: Log = lambda *_, **__: None,
    ) -> None:
        self._address = address
        self._topics = topics
        self._outbox = outbox
        self._takes_commands = takes_commands
        self._on_command = on_command
        self._on_tick = on_tick
        self._log = log
        self._instance = f"{os.getpid()}-{wall_now():%Y%m%d%H%M%S%f}"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: asyncio.Event | None = None
        self._main: asyncio.Task[None] | None = None
        self._closing = False
        self._told_dropped = 0
        self._last_failure = ""
        self._thread = Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Begins to connect; returns at once."""
        self._thread.start()

    def close(self, drain_seconds: float) -> int:
        """Sends what waits, for `drain_seconds` at most, says goodbye; the result is how many messages are left."""
        self._closing = True
        self._wake()
        self._thread.join(drain_seconds)
        if self._thread.is_alive() and self._loop is not None and self._main is not None:
            with suppress(RuntimeError):  # It has ended meanwhile.
                self._loop.call_soon_threadsafe(self._main.cancel)
            self._thread.join(BACK_OFF_SECONDS)
        return len(self._outbox)

    @property
    def last_failure(self) -> str:
        """Why the broker is not reached at present; "" if it is."""
        return self._last_failure

    # -- the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        with asyncio.Runner() as runner, suppress(asyncio.CancelledError):
            runner.run(self._stay_connected())

    async def _stay_connected(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._news = asyncio.Event()
        self._outbox.wake = self._wake
        back_off = BACK_OFF_SECONDS
        while True:
            try:
                async with self._client() as client:
                    await self._check_name(client)
                    back_off = BACK_OFF_SECONDS
                    self._note_connected()
                    await self._serve(client)
                    return
            except (*Failures, NameTakenError) as error:
                self._note_failure(error, back_off)
            if self._closing:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed(), back_off)
            back_off = min(2 * back_off, BACK_OFF_SECONDS_MAX)

    def _client(self) -> aiomqtt.Client:
        address = self._address
        return aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            identifier=f"kubesim-{self._instance}",
            protocol=aiomqtt.ProtocolVersion.V311,
            tls_context=address.tls_context(),
            keepalive=KEEP_ALIVE_SECONDS,
            timeout=ANSWER_SECONDS_MAX,
            will=aiomqtt.Will(self._topics.bridge, self._standing("offline"), 1, True),
            logger=SILENT,
        )

    async def _serve(self, client: aiomqtt.Client) -> None:
        """One connection, until it breaks (one of `Failures`) or everything is said and we are closing."""
        await self._sweep(client)
        await client.subscribe(self._topics.commands, qos=1)
        self._outbox.say_again()
        helpers = [asyncio.create_task(self._hear(client)), asyncio.create_task(self._tick())]
        helpers[0].add_done_callback(lambda _: self._wake())
        try:
            await self._say(client, "online")
            await self._send(client, helpers[0])
            await self._say(client, "offline")
        finally:
            for helper in helpers:
                helper.cancel()
                with suppress(asyncio.CancelledError, *Failures):
                    await helper

    async def _send(self, client: aiomqtt.Client, hearing: asyncio.Task[None]) -> None:
        assert self._news is not None, "made before the first connection"
        while True:
            if hearing.done():
                hearing.result()
            batch = self._outbox.take(IN_FLIGHT)
            if batch:
                await self._publish(client, batch)
            elif self._closing:
                return
            else:
                await self._news.wait()
            self._news.clear()
            if self._outbox.dropped != self._told_dropped:
                await self._say(client, "online")

    async def _publish(self, client: aiomqtt.Client, batch: list[Message]) -> None:
        """Sends some messages at once, in order; what was not acknowledged goes back."""
        sending = [
            asyncio.create_task(client.publish(topic, payload, qos=qos, retain=retain))
            for topic, payload, qos, retain in batch
        ]
        try:
            results = await asyncio.gather(*sending, return_exceptions=True)
        except asyncio.CancelledError:
            self._outbox.give_back(batch)
            raise
        failed = next((place for place, result in enumerate(results) if isinstance(result, BaseException)), None)
        if failed is not None:
            self._outbox.give_back(batch[failed:])
            error = results[failed]
            assert isinstance(error, BaseException), "it was found as one"
            raise error

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            topic, payload = str(message.topic), message.payload
            if topic.startswith(self._topics.commands.removesuffix("+")) and isinstance(payload, bytes):
                self._on_command(self._topics.command(topic), payload)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._on_tick()

    # -- what the broker still knows --------------------------------------------------------------------

    async def _check_name(self, client: aiomqtt.Client) -> None:
        """Two clusters of one name would write over each other's states."""
        for _, payload in await self._retained(client, (self._topics.bridge,)):
            if b'"state":"online"' in payload and self._instance.encode() not in payload:
                raise NameTakenError(f'another cluster is on the bus as "{self._topics.cluster}"')

    async def _sweep(self, client: aiomqtt.Client) -> None:
        """Clears what an earlier life of this cluster left behind: Pods that are no more."""
        for topic, payload in await self._retained(client, self._topics.states):
            if payload and not self._outbox.knows(topic):
                await client.publish(topic, b"", qos=1, retain=True)

    async def _retained(self, client: aiomqtt.Client, topics: tuple[str, ...]) -> list[tuple[str, bytes]]:
        for topic in topics:
            await client.subscribe(topic, qos=1)
        found = []
        messages = aiter(client.messages)
        while True:
            try:
                message = await asyncio.wait_for(anext(messages), SWEEP_SECONDS)
            except TimeoutError:
                break
            wanted = any(message.topic.matches(topic) for topic in topics)  # Some brokers send others, too.
            if wanted and isinstance(message.payload, bytes):
                found.append((str(message.topic), message.payload))
        for topic in topics:
            await client.unsubscribe(topic)
        return found

    async def _say(self, client: aiomqtt.Client, state: str) -> None:
        self._told_dropped = self._outbox.dropped
        await client.publish(self._topics.bridge, self._standing(state), qos=1, retain=True)

    def _standing(self, state: str) -> bytes:
        fields: dict[str, Any] = {
            "state": state,
            "cluster": self._topics.cluster,
            "kubesim": metadata.version("kubesim"),
            "instance": self._instance,
            "commands": self._takes_commands,
            "dropped": self._outbox.dropped,
        }
        return encoded(fields)

    # -- what is said about it --------------------------------------------------------------------------

    def _note_connected(self) -> None:
        self._last_failure = ""
        self._log("bus_connected", broker=str(self._address), waiting=len(self._outbox), dropped=self._outbox.dropped)

    def _note_failure(self, error: BaseException, back_off: float) -> None:
        text = str(error) or type(error).__name__
        if text != self._last_failure:
            self._last_failure = text
            fields = {"broker": str(self._address), "error": text, "retry_in_seconds": back_off}
            self._log("bus_not_connected", **fields, waiting=len(self._outbox), dropped=self._outbox.dropped)

    def _wake(self) -> None:
        if self._loop is not None and self._news is not None:
            with suppress(RuntimeError):  # The thread has ended.
                self._loop.call_soon_threadsafe(self._news.set)

    async def _closed(self) -> None:
        assert self._news is not None, "made before the first connection"
        while not self._closing:
            await self._news.wait()
            self._news.clear()
