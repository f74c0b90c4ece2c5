"""The control endpoint: what a running service lets its owner do beside the Kubernetes API, under /kubesim/v1/.

    GET    status                 the clock, the components, the nodes
    GET    clock                  the clock
    POST   pause, resume          time stands still, time goes on
    POST   step   {"seconds": N}  while paused: N virtual seconds, as fast as they go
    POST   speed  {"speed": N}    N virtual seconds per second from here on
    POST   nodes  {"name": …}     one more node; without a name node-N
    POST   nodes/NAME/stop|start  its machine is shut down, or switched on
    POST   nodes/NAME/crash-runtime|start-runtime   its container runtime dies alone, or is started again
    DELETE nodes/NAME             its machine and its Node object
    GET    addons                 all addons, and whether they are on
    POST   addons/NAME/enable|disable
    POST   registry {"publish": IMAGE} …   one change to an image registry, as a scenario's step has it
    GET    attempts               the Pods that the scheduler tried
    POST   explain-schedule {"namespace": …, "pod": …, "attempt": N}   why it went where it went
    POST   proxy/rules  {"node": …, "mode": …, "service": …}     what kube-proxy has made of Services on a node
    POST   trace-packet {"from": …, "to": …, "namespace": …}    the way of one connection

Only members of system:masters may. Everything here but `step` takes no virtual time, so it works while paused.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kubesim.addons import Addons
from kubesim.api.errors import ApiError, BadRequestError, ConflictError, ForbiddenError, NotFoundError
from kubesim.api.resources import NODES
from kubesim.apiserver.authn import MASTERS, User
from kubesim.cluster import CONTROL_PLANE, SimCluster
from kubesim.kubelet import NodeConfig
from kubesim.recording.facts import condition
from kubesim.service.control_images import change_registry
from kubesim.service.control_network import packet_way, proxy_rules
from kubesim.service.scheduling import attempt_number, explain_schedule, list_attempts
from kubesim.sim import Host, Mode, SimLoop, State

PREFIX = "/kubesim/v1/"
NODE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
STEP_SECONDS_MAX = 366 * 24 * 3600
SPEED_MAX = 100_000.0
NODES_MAX = 5000

Body = Mapping[str, Any]
Answer = dict[str, Any]
Action = Callable[[Body], Awaitable[Answer]]


class Control:
    """Acts upon one cluster. `on_nodes` hears the names of the nodes whenever they change."""

    def __init__(
        self,
        cluster: SimCluster,
        on_nodes: Callable[[tuple[str, ...]], None] = lambda _: None,
        addons: Addons | None = None,
    ) -> None:
        loop = cluster.sim.loop
        assert isinstance(loop, SimLoop), "a simulated cluster lives on a SimLoop"
        self._loop = loop
        self._cluster = cluster
        self._on_nodes = on_nodes
        self._addons = addons or Addons(cluster)
        self._steps: list[asyncio.Future[None]] = []  # Those who wait for the end of a step.
        self._actions: dict[tuple[str, str], Action] = {
            ("GET", "status"): self._status,
            ("GET", "clock"): self._clock,
            ("POST", "pause"): self._pause,
            ("POST", "resume"): self._resume,
            ("POST", "step"): self._step,
            ("POST", "speed"): self._speed,
            ("GET", "nodes"): self._list_nodes,
            ("POST", "nodes"): self._add_node,
            ("GET", "addons"): self._list_addons,
            ("GET", "attempts"): self._list_attempts,
            ("POST", "explain-schedule"): self._explain_schedule,
            ("POST", "proxy/rules"): self._proxy_rules,
            ("POST", "registry"): self._change_registry,
            ("POST", "trace-packet"): self._trace_packet,
        }

    async def handle(self, user: User, method: str, path: str, body: Any) -> Answer:
        """Answers one request; `path` begins with PREFIX. Raises ApiError when it refuses."""
        if MASTERS not in user.groups:
            raise ForbiddenError(f'User "{user.name}" cannot {method.lower()} path "{path}"')
        if not isinstance(body, Mapping | None):
            raise BadRequestError("the body is a JSON object")
        name = path.removeprefix(PREFIX).rstrip("/")
        action = self._actions.get((method, name))
        if action is not None:
            return await action(body or {})
        if name.startswith("addons/"):
            return await self._on_addon(method, name)
        return await self._on_node(method, name)

    # -- time -----------------------------------------------------------------------------------------

    async def _clock(self, _: Body) -> Answer:
        clock = self._cluster.sim.clock
        paused = self._loop.mode is Mode.PAUSED
        return {
            "mode": "paused" if paused else "running",
            "speed": self._loop.speed,
            "date": clock.timestamp(),
            "seconds": round(clock.now(), 3),
        }

    async def _pause(self, body: Body) -> Answer:
        self._loop.pause()
        self._end_steps()
        return await self._clock(body)

    async def _resume(self, body: Body) -> Answer:
        self._loop.pace(self._loop.speed)
        self._end_steps()
        return await self._clock(body)

    async def _speed(self, body: Body) -> Answer:
        speed = number(body, "speed", SPEED_MAX)
        if self._loop.mode is Mode.PAUSED:
            self._loop.speed = speed  # Time stands still, and will go on at this speed.
        else:
            self._loop.pace(speed)
        return await self._clock(body)

    async def _step(self, body: Body) -> Answer:
        seconds = number(body, "seconds", STEP_SECONDS_MAX)
        if self._loop.mode is not Mode.PAUSED:
            raise ConflictError("the clock is running; `kubesim pause` stops it, then it can be stepped")
        step_ns = round(seconds * 1e9)
        over = self._loop.create_future()
        self._steps.append(over)
        self._loop.step(step_ns)
        self._loop.call_at_ns(self._loop.now_ns + step_ns, settle, over)
        try:
            await over
        finally:
            self._steps.remove(over)
        return await self._clock(body)

    def _end_steps(self) -> None:
        """Nobody waits for the end of a step that was overtaken."""
        for over in self._steps:
            settle(over)

    # -- nodes ----------------------------------------------------------------------------------------

    async def _list_nodes(self, _: Body) -> Answer:
        return {"nodes": [self._node(node) for node in self._cluster.nodes]}

    async def _add_node(self, body: Body) -> Answer:
        taken = self._cluster.faults.targets()
        name = str(body.get("name") or free_name(taken))
        if not NODE_NAME.fullmatch(name):
            raise BadRequestError(f'"{name}" cannot name a node: use lower case letters, digits and "-"')
        if name in taken:
            raise ConflictError(f'there is a "{name}" already')
        if len(self._cluster.nodes) >= NODES_MAX:
            raise BadRequestError(f"{NODES_MAX} nodes are the most")
        node = new_node(name, self._cluster.nodes)
        self._cluster.add_node(node)
        self._tell_nodes()
        return self._node(node)

    async def _on_node(self, method: str, path: str) -> Answer:
        parts = path.split("/")
        if parts[0] != "nodes" or (method, len(parts)) not in (("POST", 3), ("DELETE", 2)):
            raise NotFoundError(f"there is no {method} {PREFIX}{path}")
        node = next((node for node in self._cluster.nodes if node.name == parts[1]), None)
        if node is None:
            known = ", ".join(node.name for node in self._cluster.nodes) or "none"
            raise NotFoundError(f'there is no node "{parts[1]}"; there is {known}')
        if method == "DELETE":
            return await self._delete_node(node.name)
        if parts[2] == "stop":
            await self._cluster.faults.stop(node.name)
        elif parts[2] == "start":
            self._cluster.faults.restart(node.name)
        elif parts[2] == "crash-runtime":
            self._cluster.faults.crash(f"runtime/{node.name}")
        elif parts[2] == "start-runtime":
            self._cluster.faults.restart(f"runtime/{node.name}")
        else:
            raise NotFoundError(f"a node can be stopped and started, and so can its runtime, not {parts[2]}")
        return self._node(node)

    async def _delete_node(self, name: str) -> Answer:
        """First the machine, or its kubelet would register the Node again."""
        await self._cluster.remove_node(name)
        self._tell_nodes()
        try:
            await self._cluster.client.delete(NODES, name)
        except ApiError as error:
            if not isinstance(error, NotFoundError):
                raise
        return {"name": name, "machine": "deleted"}

    async def _change_registry(self, body: Body) -> Answer:
        return change_registry(self._cluster, body)

    def _tell_nodes(self) -> None:
        self._on_nodes(tuple(node.name for node in self._cluster.nodes))

    def _node(self, node: NodeConfig) -> Answer:
        stored = self._cluster.get(NODES, node.name)
        ready = condition(stored.object, "Ready").get("status", "Unknown") if stored is not None else "Unknown"
        host = self._cluster.faults.hosts[node.name]
        return {"name": node.name, "machine": machine_state(host), "ready": ready, "address": node.internal_ip()}

    # -- addons ---------------------------------------------------------------------------------------

    async def _list_addons(self, _: Body) -> Answer:
        return {"addons": self._addons.all()}

    async def _on_addon(self, method: str, path: str) -> Answer:
        _, name, verb = [*path.split("/", 2), ""][:3]
        if method != "POST" or verb not in ("enable", "disable"):
            raise NotFoundError(f"there is no {method} {PREFIX}{path}")
        return await (self._addons.enable(name) if verb == "enable" else self._addons.disable(name))

    # -- scheduling -----------------------------------------------------------------------------------

    async def _list_attempts(self, _: Body) -> Answer:
        return {"pods": list_attempts(self._cluster)}

    async def _explain_schedule(self, body: Body) -> Answer:
        namespace, name = str(body.get("namespace") or "default"), str(body.get("pod") or "")
        return await explain_schedule(self._cluster, namespace, name, attempt_number(body))

    # -- the network ----------------------------------------------------------------------------------

    async def _proxy_rules(self, body: Body) -> Answer:
        return proxy_rules(self._cluster, body)

    async def _trace_packet(self, body: Body) -> Answer:
        return await packet_way(self._cluster, body)

    # -- everything -----------------------------------------------------------------------------------

    async def _status(self, body: Body) -> Answer:
        host = self._cluster.faults.hosts[CONTROL_PLANE]
        components = [{"name": self._cluster.etcd.name, "state": State.RUNNING.value}]
        components += [{"name": name, "state": process.state.value} for name, process in host.processes.items()]
        nodes = await self._list_nodes(body)
        return {"clock": await self._clock(body), "components": components, **nodes}


def new_node(name: str, others: tuple[NodeConfig, ...], runtime: str = "") -> NodeConfig:
    """A node with addresses that no other has: those of its number, unless somebody has them.

    Its container runtime is that of the others, unless one is given.
    """
    runtime = runtime or (others[0].runtime if others else "containerd")
    node = NodeConfig(name=name, runtime=runtime)
    taken = {other.internal_ip() for other in others}
    if node.number and node.internal_ip() not in taken:
        return node
    number = 1
    while NodeConfig(name=f"node-{number}").internal_ip() in taken:
        number += 1
    numbered = NodeConfig(name=f"node-{number}")
    return NodeConfig(name=name, address=numbered.internal_ip(), pod_cidr=numbered.pod_network(), runtime=runtime)


def free_name(taken: list[str]) -> str:
    """The first node-N that nobody has."""
    number = 1
    while f"node-{number}" in taken:
        number += 1
    return f"node-{number}"


def machine_state(host: Host) -> str:
    """Whether a machine is on, and if not, why."""
    # A dead container runtime alone is no dead machine: the node stays up and says so itself.
    states = [process.state for name, process in host.processes.items() if not name.startswith("runtime/")]
    return next((state.value for state in states if state is not State.RUNNING), State.RUNNING.value)


def number(body: Body, key: str, most: float) -> float:
    """A number above 0 of a body."""
    value = body.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise BadRequestError(f"{key} is a number above 0 and at most {most:g}, not {value}")
    return float(value)


def settle(future: asyncio.Future[None]) -> None:
    """Wakes who waits, if still somebody does."""
    if not future.done():
        future.set_result(None)
