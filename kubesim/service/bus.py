"""The bus of a served cluster: it is told over MQTT, and may be commanded.

    cmd/fault     {"id": "1", "crash": "node-2"}        a fault, written as in a scenario's step
    cmd/clock     {"id": "2", "do": "step", "seconds": 60}    pause, resume, step, speed
    cmd/scenario  {"id": "3", "name": "node-failure"}   takes the steps of a scenario on this cluster

Every command is answered at answers/ID. Commands are off unless the cluster was started with --mqtt-commands; with
KUBESIM_MQTT_TOKEN set, each must carry it as `token`, since a classroom's broker often knows no passwords.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from kubesim.api.errors import ApiError
from kubesim.apiserver.authn import MASTERS, User
from kubesim.bridge.address import BrokerAddress
from kubesim.bridge.mqtt import Connection
from kubesim.bridge.outbox import Outbox
from kubesim.bridge.publisher import Publisher, from_thread
from kubesim.bridge.topics import Fields, Topics
from kubesim.cluster import SimCluster
from kubesim.recording import RecordingWriter
from kubesim.scenario import Loaded, ScenarioError, find_scenario, load_scenario
from kubesim.scenario.faults import inject
from kubesim.scenario.schema import Fault
from kubesim.service.control import PREFIX, Control
from kubesim.sim import SimulationError, Tasks, UnknownTargetError
from kubesim.waiting import NotReachedError

TOKEN_VARIABLE = "KUBESIM_MQTT_TOKEN"
COMMAND_BYTES_MAX = 64 << 10
BUS = User("kubesim-bus", groups=(MASTERS,))
DRAIN_SECONDS = 3.0

Body = Mapping[str, Any]
Play = Callable[[Loaded], Awaitable[Fields]]


class CommandError(Exception):
    """A command is refused; the message is the answer."""


class Bus:
    """Publishes a cluster and carries out commands. `token` is None where none is asked for."""

    def __init__(
        self,
        cluster: SimCluster,
        control: Control,
        address: BrokerAddress,
        name: str,
        *,
        commands: bool,
        token: str | None,
        play: Play,
        log: Callable[..., None],
    ) -> None:
        self._cluster = cluster
        self._control = control
        self._commands = commands
        self._token = token
        self._play = play
        self._tasks = Tasks("bus")
        self._topics = Topics(address.prefix, name)
        self._outbox = Outbox()
        self._publisher = Publisher(cluster, self._topics, self._outbox)
        self._connection = Connection(
            address,
            self._topics,
            self._outbox,
            takes_commands=commands,
            on_command=lambda what, payload: from_thread(cluster, self._command, what, payload),
            on_tick=lambda: from_thread(cluster, self._publisher.tick),
            log=lambda event, **fields: from_thread(cluster, lambda: log(event, **fields)),
        )

    def start(self) -> None:
        """Begins to publish; whether the broker is there or not."""
        meta = {"cluster": self._topics.cluster, "server": "v1.36.2", "start": self._cluster.sim.clock.timestamp()}
        self._publisher.start()
        writer = RecordingWriter(self._publisher, self._cluster.sim.trace, meta)
        self._cluster.observer.listen(writer.change)
        self._connection.start()

    async def stop(self) -> None:
        """Says what is left to say, within a few seconds, and goodbye."""
        await self._tasks.stop()
        self._connection.close(DRAIN_SECONDS)

    # -- commands ---------------------------------------------------------------------------------------

    def _command(self, what: str, payload: bytes) -> None:
        self._tasks.spawn(self._answer(what, payload), f"command {what}")

    async def _answer(self, what: str, payload: bytes) -> None:
        id_ = ""
        try:
            body = body_of(payload)
            id_ = str(body.get("id", ""))
            self._check(body)
            answer = {"ok": True, **await self._carry_out(what, body)}
        except (CommandError, ScenarioError, ApiError, UnknownTargetError) as error:
            answer = {"ok": False, "error": str(error)}
        if id_:
            self._outbox.put(self._topics.answer(id_, {"command": what, **answer}))

    def _check(self, body: Body) -> None:
        if not self._commands:
            raise CommandError("commands are off; `kubesim start --mqtt-commands` allows them")
        if self._token is not None and not hmac.compare_digest(str(body.get("token", "")), self._token):
            raise CommandError("the command's token is wrong")

    async def _carry_out(self, what: str, body: Body) -> Fields:
        given = {key: value for key, value in body.items() if key not in ("id", "token")}
        if what == "fault":
            await inject(self._cluster, fault_of(given))
            self._publisher.tick()
            return {}
        if what == "clock":
            answer = await self._clock(given)
            self._publisher.tick()
            return answer
        if what == "scenario":
            return await self._scenario(given)
        raise CommandError(f'there is no command "{what}"; there is fault, clock and scenario')

    async def _clock(self, body: Body) -> Fields:
        verb = body.get("do")
        if verb not in ("pause", "resume", "step", "speed"):
            raise CommandError('a clock can "do" pause, resume, step (with "seconds") or speed (with "speed")')
        return await self._control.handle(BUS, "POST", f"{PREFIX}{verb}", body)

    async def _scenario(self, body: Body) -> Fields:
        name = str(body.get("name", ""))
        if "/" in name or "." in name:
            raise CommandError("a scenario is named as `kubesim scenarios list` does; files are not read for the bus")
        loaded = load_scenario(find_scenario(name))
        try:
            return await self._play(loaded)
        except (NotReachedError, SimulationError) as error:
            raise CommandError(str(error)) from None


def body_of(payload: bytes) -> Body:
    """What a command says; CommandError if it is no JSON object."""
    if len(payload) > COMMAND_BYTES_MAX:
        raise CommandError(f"a command has at most {COMMAND_BYTES_MAX} bytes")
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise CommandError(f"a command is a JSON object: {error}") from None
    if not isinstance(body, dict):
        raise CommandError("a command is a JSON object")
    return body


def fault_of(given: Fields) -> Fault:
    """The fault that a command describes; CommandError names the field that is wrong."""
    try:
        return Fault.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise CommandError(f'a fault has no "{where}"; it is written as in a scenario\'s step') from None
        what = str(first["msg"]).removeprefix("Value error, ")
        raise CommandError(f"{where}: {what}" if where else what) from None
