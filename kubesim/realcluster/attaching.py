"""Recording what happens in a living namespace, without touching anything: a watch for as long as somebody wants.

The namespace is seen as `default`, so that the recording compares with that of a scenario. Nothing is written, so any
context will do. Contents of Secrets are never read: they are not among the kinds of a recording.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable

import msgspec

from kubesim.api.errors import ApiError
from kubesim.api.resources import NAMESPACES, NODES
from kubesim.api.stored import Object
from kubesim.client.client import Client
from kubesim.client.http import HttpTransport
from kubesim.client.kubeconfig import Access
from kubesim.realcluster.connecting import greet, skew_warning
from kubesim.realcluster.errors import RealClusterError
from kubesim.realcluster.own_time import adopt
from kubesim.realcluster.permissions import LOOKING, check
from kubesim.realcluster.stage import USER_AGENT, RealStage
from kubesim.recording import Change, RecordingWriter, decode_lines
from kubesim.sim import Simulation, Tasks

NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")  # What a scenario can call a node.

Tell = Callable[[str], None]


class Attached:
    """What was seen: the lines of a recording."""

    def __init__(self, namespace: str, server: str) -> None:
        self.namespace = namespace
        self.server = server
        self.out = io.BytesIO()

    @property
    def lines(self) -> list[Object]:
        """All lines, decoded."""
        return list(decode_lines(self.out.getvalue().splitlines()))


async def attach(
    sim: Simulation, access: Access, namespace: str, tell: Tell, ending: asyncio.Future[None], *,
    seconds: float | None, any_version: bool,
) -> Attached:  # fmt: skip
    """Records until `ending` is done, or for some of the cluster's seconds."""
    transport = HttpTransport(access)
    try:
        version = await greet(transport)
        if warning := skew_warning(version, any_version=any_version):
            tell(f"warning: {warning}")
        await adopt(sim, transport)
        client = Client(transport, USER_AGENT)
        await check(client, access, LOOKING)
        nodes = await names_of_nodes(client, namespace, access)
        attached = Attached(namespace, version.text)
        stage = RealStage(sim, transport, nodes, namespace, "", may_disrupt=False, read_only=True)
        async with Tasks("attached") as tasks:
            tasks.spawn(stage.observer.run(), "observer")
            await stage.observer.wait_synced()
            tell(f'recording namespace "{namespace}" of context "{access.context}"; Ctrl-C ends it')
            await record(sim, stage, attached, ending, seconds)
    finally:
        await transport.close()
    return attached


async def record(
    sim: Simulation, stage: RealStage, attached: Attached, ending: asyncio.Future[None], seconds: float | None
) -> None:
    """From now on, until it is enough."""
    origin_ns = sim.clock.now_ns()
    about = {"name": attached.namespace, "about": f"recorded in namespace {attached.namespace}"}
    meta = {"scenario": about, "server": attached.server, "start": sim.clock.timestamp()}
    writer = RecordingWriter(attached.out, sim.trace, meta)

    def write(change: Change) -> None:
        writer.change(msgspec.structs.replace(change, time_ns=max(0, change.time_ns - origin_ns)))

    for change in stage.observer.initial():
        write(change)
    unsubscribe = stage.observer.listen(write)
    try:
        async with asyncio.timeout(seconds):
            await asyncio.shield(ending)
    except TimeoutError:
        pass  # The time that was asked for is over.
    finally:
        unsubscribe()
    stage.observer.flush()
    writer.line(sim.clock.now_ns() - origin_ns, {"end": True})


async def names_of_nodes(client: Client, namespace: str, access: Access) -> dict[str, str]:
    """The cluster's names by those of a scenario: the same, unless a scenario could not say them."""
    try:
        await client.get(NAMESPACES, namespace)
        nodes = sorted(node.name for node in (await client.list(NODES)).items)
    except ApiError as error:
        raise RealClusterError(f'context "{access.context}": {error.message}') from None
    if all(NODE_NAME.fullmatch(name) for name in nodes):
        return {name: name for name in nodes}
    return {f"node-{number}": name for number, name in enumerate(nodes, 1)}
