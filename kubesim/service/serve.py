"""The service: one process that simulates a cluster and serves it over HTTPS.

It boots in virtual time, so that a cluster stands in a moment whose nodes took ten seconds, then lets time pass at
the user's speed. Virtual time 0 is put so far before the wall clock's now that the two agree when the boot is over:
kubectl works out ages on its own clock. SIGTERM, and Ctrl-C in the foreground, end it in good order; then the store
is written to the profile's folder, and the next start goes on with it.

The command line runs this as `python -m kubesim.service.serve HOME PROFILE REPORT` (an inherited file
descriptor; see kubesim.service.daemon) or, in the foreground, calls `run_service`.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from kubesim.addons import Addons
from kubesim.cluster import SimCluster
from kubesim.etcd.snapshot import Snapshot, SnapshotError, load, restore, save
from kubesim.kubelet import NodeConfig
from kubesim.scheduler import ConfigurationError, SchedulerConfiguration
from kubesim.scheduler.config_file import read_configuration
from kubesim.service import certificates
from kubesim.service.control import Control, new_node
from kubesim.service.errors import ServiceError
from kubesim.service.frontage import HOST, Frontage
from kubesim.service.history import keep_history_short
from kubesim.service.log import Log
from kubesim.service.profile import Profile, Settings, write_atomically
from kubesim.service.progress import follow_boot
from kubesim.service.signing import served_trust
from kubesim.service.supervisor import Supervisor
from kubesim.sim import SimLoop, Tasks, run
from kubesim.sim.clock import UNIX_EPOCH, wall_now

BOOT_SECONDS = 10  # How long a boot takes in virtual time, however many nodes there are.
TAKE_OVER_SECONDS = 30  # After a restart: until the old controllers' leases are over and the new ones lead.
NANOSECONDS_PER_SECOND = 1_000_000_000

if TYPE_CHECKING:  # Only some clusters play scenarios or are on a bus; the others start without reading these.
    from kubesim.scenario import Loaded
    from kubesim.service.bus import Bus

Tell = Callable[[dict[str, Any]], None]


class Service:
    """One run of a profile's cluster. `tell` hears {"progress": text} and, once it serves, {"ready": …}."""

    def __init__(self, profile: Profile, settings: Settings, tell: Tell, out: TextIO) -> None:
        self._profile = profile
        self._settings = settings
        self._tell = tell
        self._log = Log(out)
        self._ending: asyncio.Future[int] | None = None  # Holds the signal that asked for the end.
        self._booting: asyncio.Task[None] | None = None
        self._scenario = loaded_scenario(settings.scenario)

    async def run(self) -> int:
        """Boots, serves until a signal comes, and ends; the result is the signal."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop), "a simulated cluster lives on a SimLoop"
        self._ending = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, number)
        snapshot = read_state(self._profile)
        cluster = self._make_cluster(snapshot)
        loop.set_exception_handler(Supervisor(cluster.sim, self._log).note)
        self._booting = loop.create_task(boot(cluster, snapshot, self._tell), name="boot")
        try:
            await self._booting
        except asyncio.CancelledError:
            await cluster.stop()
            return self._ending.result()
        loop.pace(self._settings.speed)
        control = await self._make_control(cluster)
        front = await self._serve(cluster, control)
        bus = self._bus(cluster, control)
        async with Tasks("service") as tasks:
            tasks.spawn(keep_history_short(cluster, self._settings.history_bytes), "history")
            if self._scenario is not None and snapshot is None:
                from kubesim.service.player import Player

                tasks.spawn(Player(cluster, self._log).play_first(self._scenario), "scenario")
            ended_by = await self._ending
        self._log.write("service_ends", signal=signal.Signals(ended_by).name)
        loop.pace(1.0)  # Whoever waits for an end waits in real seconds.
        if bus is not None:
            await bus.stop()
        await front.stop()
        write_atomically(self._profile.state_file, await save(cluster.etcd, cluster.sim.clock.unix_ns()))
        await cluster.stop()
        return ended_by

    def _make_cluster(self, snapshot: Snapshot | None) -> SimCluster:
        nodes = self._nodes()
        epoch = wall_now() - timedelta(seconds=BOOT_SECONDS)
        if snapshot is not None:
            kept = UNIX_EPOCH + timedelta(seconds=snapshot.unix_ns // NANOSECONDS_PER_SECOND + 1)
            epoch = max(wall_now() - timedelta(seconds=TAKE_OVER_SECONDS), kept)
        seed = int(epoch.timestamp())  # Another one at every start, or names and uids would come again.
        chosen: dict[str, Any] = {
            "nodes": nodes,
            "without": self._settings.without,
            "epoch": epoch,
            "writes_policy": True,
            "trust": served_trust(self._profile.folder),
        }
        if self._scenario is not None:
            from kubesim.scenario.nodes import cluster_of

            cluster = cluster_of(self._scenario.scenario, seed, self._scenario.folder, **chosen)
        else:
            scheduler = self._scheduler_configuration()
            cluster = SimCluster(seed=seed, behavior=self._settings.behavior, scheduler=scheduler, **chosen)
        cluster.sim.trace.subscribe(self._log.record(cluster.sim.clock))
        self._log.write("service_starts", nodes=len(nodes), seed=seed, restored=snapshot is not None)
        return cluster

    def _nodes(self) -> list[NodeConfig]:
        """The machines: as the scenario describes them, or plain ones."""
        described: dict[str, NodeConfig] = {}
        if self._scenario is not None:
            from kubesim.scenario.nodes import nodes_of

            described = {node.name: node for node in nodes_of(self._scenario.scenario, self._scenario.folder)}
        nodes: list[NodeConfig] = []
        for name in self._settings.nodes:
            runtime = self._settings.container_runtime
            nodes.append(described.get(name) or new_node(name, tuple(nodes), runtime))
        return nodes

    def _scheduler_configuration(self) -> SchedulerConfiguration | None:
        found = None
        if self._settings.scheduler_config:
            try:
                found = read_configuration(Path(self._settings.scheduler_config))
            except ConfigurationError as error:
                raise ServiceError(str(error)) from None
        if self._settings.scheduler_annotations:
            found = msgspec.structs.replace(found or SchedulerConfiguration(), annotates=True)
        return found

    async def _make_control(self, cluster: SimCluster) -> Control:
        addons = Addons(cluster, self._keep_addons)
        await addons.restore(self._settings.addons)
        return Control(cluster, self._keep_nodes, addons)

    def _bus(self, cluster: SimCluster, control: Control) -> Bus | None:
        """The bus, if the profile is on one; it begins at once."""
        if not self._settings.mqtt:
            return None
        from kubesim.bridge.address import parse_address
        from kubesim.service.bus import TOKEN_VARIABLE, Bus
        from kubesim.service.player import Player

        bus = Bus(
            cluster,
            control,
            parse_address(self._settings.mqtt, os.environ),
            self._profile.name,
            commands=self._settings.mqtt_commands,
            token=os.environ.get(TOKEN_VARIABLE),
            play=Player(cluster, self._log).play,
            log=self._log.write,
        )
        bus.start()
        return bus

    async def _serve(self, cluster: SimCluster, control: Control) -> Frontage:
        frontage = Frontage(cluster, control, certificates.server_context(self._profile.folder), self._audit())
        try:
            port = await frontage.start(self._settings.port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise ServiceError(port_in_use(self._settings.port)) from None
        self._settings = msgspec.structs.replace(self._settings, port=port)
        self._profile.save(self._settings)
        self._log.write("service_is_ready", url=f"https://{HOST}:{port}")
        self._tell({"ready": {"port": port, "nodes": len(cluster.nodes)}})
        return frontage

    def _audit(self) -> Callable[[bytes], Any] | None:
        """Where the audit log goes, each line at once."""
        if not self._settings.audit_log:
            return None
        try:
            return open(self._settings.audit_log, "ab", buffering=0).write
        except OSError as error:
            raise ServiceError(
                f"the audit log {self._settings.audit_log} cannot be written ({error.strerror})"
            ) from None

    def _keep_nodes(self, names: tuple[str, ...]) -> None:
        self._settings = msgspec.structs.replace(self._settings, nodes=names)
        self._profile.save(self._settings)

    def _keep_addons(self, names: tuple[str, ...]) -> None:
        self._settings = msgspec.structs.replace(self._settings, addons=names)
        self._profile.save(self._settings)

    def _end(self, number: int) -> None:
        assert self._ending is not None, "signals are heard once the loop runs"
        if not self._ending.done():
            self._ending.set_result(number)
        if self._booting is not None and not self._booting.done():
            self._booting.cancel()


async def boot(cluster: SimCluster, snapshot: Snapshot | None, tell: Tell) -> None:
    """Everything up to the moment in which virtual and real time agree."""
    if snapshot is not None:
        await restore(cluster.etcd, snapshot)
    with follow_boot(cluster, tell):
        await cluster.start()
    wall_ns = (wall_now() - UNIX_EPOCH) // timedelta(microseconds=1) * 1000
    behind_seconds = (wall_ns - cluster.sim.clock.unix_ns()) / NANOSECONDS_PER_SECOND
    taking_over_seconds = TAKE_OVER_SECONDS - cluster.sim.clock.now() if snapshot is not None else 0
    await asyncio.sleep(max(0, behind_seconds, taking_over_seconds))


def loaded_scenario(name: str) -> Loaded | None:
    """The scenario that a cluster is made for."""
    if not name:
        return None
    from kubesim.scenario import ScenarioError, find_scenario, load_scenario

    try:
        return load_scenario(find_scenario(name))
    except ScenarioError as error:
        raise ServiceError(str(error)) from None


def read_state(profile: Profile) -> Snapshot | None:
    """What the last `stop` kept."""
    try:
        return load(profile.state_file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, SnapshotError) as error:
        raise ServiceError(
            f"the state of profile {profile.name} cannot be read ({error}); remove {profile.state_file} "
            "to begin with an empty cluster"
        ) from None


def port_in_use(port: int) -> str:
    """The sentence about it."""
    return f"port {port} is in use by another program; choose another with --port, or 0 for any free one"


def run_service(profile: Profile, settings: Settings, tell: Tell, out: TextIO) -> int:
    """Runs a service in this process until a signal ends it; the result is the signal."""
    return run(lambda: Service(profile, settings, tell, out).run())


def main(arguments: list[str]) -> int:
    """The background process: waits until its certificates are there, then serves."""
    home, name, report = arguments
    profile = Profile(Path(home), name)
    with os.fdopen(int(report), "w") as reports:

        def tell(message: dict[str, Any]) -> None:
            with suppress(BrokenPipeError):  # Whoever started us may not listen any more.
                print(json.dumps(message), file=reports, flush=True)
                if "ready" in message:
                    reports.close()

        if not sys.stdin.readline():
            return 1  # Whoever started us gave up.
        try:
            run_service(profile, profile.settings(), tell, sys.stderr)
        except ServiceError as error:
            tell({"error": str(error)})
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
