"""The composition root: the only place that builds all the parts and connects them.

    async with SimCluster(nodes=3, seed=7) as cluster:
        await cluster.kubectl.run("create deployment web --image=nginx --replicas=3")
        await cluster.run_until(lambda: cluster.count(PODS, phase="Running") == 3)
        cluster.faults.crash("node-2")
        await cluster.run_for(400)

The control plane stands on one host (etcd-0, apiserver, controller-manager, scheduler), every node on one of
its own (kubelet/NAME and its container runtime). Components meet only through the apiserver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kubesim.api.resources import NODES, Resource
from kubesim.api.session import Session
from kubesim.api.stored import Object, Stored
from kubesim.api.tokens import Trust, virtual_trust
from kubesim.api.wire import ClientCertificate, Options, Request, Response, WatchStream
from kubesim.apiserver import ApiServer
from kubesim.apiserver.admission.type_checking import PolicyTypeChecker
from kubesim.client.client import Client, ListResult
from kubesim.client.in_process import InProcessTransport
from kubesim.client.informer import Informer, Selection
from kubesim.client.kubectl import Kubectl
from kubesim.components import Component
from kubesim.controllers import ALL_CONTROLLERS, ALLOCATING_CONTROLLERS, ControllerManager
from kubesim.etcd import Member
from kubesim.kubelet import (
    ContainerRuntime,
    Kubelet,
    NodeConfig,
    PodPorts,
    Profile,
    default_nodes,
    make_registries,
    make_runtime,
)
from kubesim.proxy import PodNetwork, ProxyConfig
from kubesim.recording.change import Observer
from kubesim.recording.facts import condition
from kubesim.scheduler import Scheduler, SchedulerConfiguration
from kubesim.sim import Chance, Host, Process, Simulation
from kubesim.sim.clock import VIRTUAL_EPOCH
from kubesim.waiting import STALLED_SECONDS, Waiting

CONTROL_PLANE = "control-plane"
BOOT_SECONDS_MAX = 120
# Controllers that act in the name of another one's account, as upstream.
SHARED_ACCOUNTS = {"taint-eviction-controller": "node-controller"}
MANAGERS_OWN = ("tokens-controller",)  # Acts as the controller manager itself.
ADMIN = ClientCertificate("kubernetes-admin", ("system:masters",))


class SimCluster:
    """A whole simulated cluster in this process, on the running `SimLoop`.

    `nodes` is how many there are (named node-1 …) or their configurations. `behavior` is "plausible"
    (containers take time, kubelets tell events) or "hollow" (what recordings of real control planes were
    made with). `without` names components to leave out: "scheduler", "controller-manager", "proxy"; `scheduler`
    is how the scheduler is configured (default: as kube-scheduler without a file). `epoch` is the date
    that virtual time 0 stands for. `writes_policy`: the bootstrap roles are objects that can be read and changed.
    `trust` is what tokens and certificates are signed with, `proxy` how every kube-proxy is configured. `chance` is
    what draws instead of the seed's streams.
    """

    def __init__(
        self,
        nodes: int | Sequence[NodeConfig] = 3,
        *,
        seed: int = 0,
        behavior: str | Profile = "plausible",
        without: Sequence[str] = (),
        scheduler: SchedulerConfiguration | None = None,
        folder: Path | None = None,
        epoch: datetime = VIRTUAL_EPOCH,
        writes_policy: bool = False,
        trust: Trust | None = None,
        chance: Chance | None = None,
        proxy: ProxyConfig | None = None,
    ) -> None:
        self.sim = Simulation(seed, epoch=epoch, chance=chance)
        self.faults = self.sim.faults
        self._behavior = behavior
        self._without = tuple(without)
        self._writes_policy = writes_policy
        self.trust = trust or virtual_trust(seed)
        self.scheduler_configuration = scheduler or SchedulerConfiguration()
        self.registries = make_registries(behavior)  # What images there are, and what is wrong with them.
        self._components: dict[str, Component] = {}  # Endpoint -> what runs there now.
        proxies = self.client_for("kube-proxy", ClientCertificate("system:kube-proxy"))
        self.pod_network = PodNetwork(self.sim, proxies, self.client_for("network-policy", ADMIN), proxy)
        self.runtimes: dict[str, ContainerRuntime] = {}  # By node.
        self.nodes = default_nodes(nodes) if isinstance(nodes, int) else tuple(nodes)
        self.etcd = Member(self.sim)
        self._apiserver: ApiServer | None = None
        self._build_control_plane(without)
        for node in self.nodes:
            self._build_node(node)
        self.client = self.client_for("kubectl", ADMIN)
        self.kubectl = Kubectl(self.client, folder)
        self.observer = Observer(self.sim, self.client_for("observer", ADMIN))
        self._observing: asyncio.Task[None] | None = None
        self.on_booted: list[Callable[[], None]] = []  # Called once, when `start` is done.
        self.on_apiserver: list[Callable[[ApiServer], None]] = []  # Called whenever one has started.
        self._waiting = Waiting(self.sim, self.observer)

    # -- life -----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Boots everything and returns once all nodes are Ready, at a full ten seconds of virtual time."""
        for host in self.faults.hosts.values():
            host.start()
        self._observing = asyncio.get_running_loop().create_task(self.observer.run(), name="observer")
        self.pod_network.start()
        await self.observer.wait_synced()
        if self.nodes:
            await self.run_until(self._is_booted, timeout_seconds=BOOT_SECONDS_MAX, what="all nodes to be Ready")
        await asyncio.sleep(-self.sim.clock.now() % 10)
        for booted in self.on_booted:
            booted()

    async def stop(self) -> None:
        """Ends every component, nodes first."""
        self.sim.network.end()
        self.pod_network.stop()
        for host in reversed(self.faults.hosts.values()):
            for process in reversed(host.processes.values()):
                process.crash()
        if self._observing is not None:
            self._observing.cancel()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- nodes ----------------------------------------------------------------------------------------

    def add_node(self, node: NodeConfig) -> None:
        """One more machine, switched on: its kubelet registers it."""
        assert node.name not in self.faults.hosts, "a machine has a name of its own"
        self._build_node(node)
        self.nodes = (*self.nodes, node)
        self.faults.hosts[node.name].start()

    async def remove_node(self, name: str) -> None:
        """Takes a machine away for good; its Node object is another matter (`kubectl delete node`)."""
        host = self.faults.hosts[name]
        await host.stop()
        for endpoint in (*host.processes, name):
            self._components.pop(endpoint, None)
            self.sim.network.detach(endpoint)
            self.sim.network.bring_up(endpoint)  # What is not there is not down either.
        self.pod_network.remove_machine(name)
        del self.faults.hosts[name]
        self.nodes = tuple(node for node in self.nodes if node.name != name)

    # -- time -----------------------------------------------------------------------------------------

    async def run_for(self, seconds: float) -> None:
        """Lets `seconds` of virtual time pass."""
        await asyncio.sleep(seconds)

    async def run_until(
        self,
        holds: Callable[[], bool],
        *,
        timeout_seconds: float = 600,
        stalled_seconds: float = STALLED_SECONDS,
        what: str = "the condition",
    ) -> None:
        """Lets time pass until `holds()`, asked after every change; NotReachedError after `timeout_seconds`.

        StalledError if for `stalled_seconds` nothing but heartbeats was written: it would never come true.
        """
        limits = {"timeout_seconds": timeout_seconds, "stalled_seconds": stalled_seconds}
        await self._waiting.run_until(holds, what=what, **limits)

    async def settle(self, quiet_seconds: float = 30, *, timeout_seconds: float = 3600) -> None:
        """Lets time pass until nothing but heartbeats was written for `quiet_seconds`."""
        await self._waiting.settle(quiet_seconds, timeout_seconds=timeout_seconds)

    # -- looking --------------------------------------------------------------------------------------

    async def apply(self, manifest: Object, namespace: str = "") -> str:
        """`kubectl apply` of one object."""
        return await self.kubectl.apply(manifest, namespace)

    def get(self, resource: Resource, key: str) -> Stored | None:
        """The object as the observer last saw it; `key` is "namespace/name" or "name"."""
        return self.observer.latest.get(resource.kind, {}).get(key)

    def all(self, resource: Resource) -> list[Stored]:
        """All objects of a kind, sorted by key."""
        return [stored for _, stored in sorted(self.observer.latest.get(resource.kind, {}).items())]

    async def at(self, revision: int, resource: Resource, namespace: str = "") -> ListResult:
        """All objects of a kind as they were at a past revision."""
        options = Options(resource_version=str(revision), resource_version_match="Exact")
        return await self.client.list(resource, namespace, options)

    def live_informers(self) -> list[tuple[str, Selection, Informer]]:
        """Every cache of every running component: whose it is, what it selects, and the cache."""
        running = [name for host in self.faults.hosts.values() for name, p in host.processes.items() if p.is_running]
        components = [(name, self._components[name]) for name in running if name in self._components]
        return [
            (name, selection, informer)
            for name, component in components
            for selection, informer in component.informers.all()
        ]

    def client_for(self, name: str, credential: ClientCertificate, *, field_manager: str = "") -> Client:
        """A client of its own for a component or a test; `name` is its user agent and its endpoint."""
        transport = InProcessTransport(self.sim, self, source=name)
        return Client(transport, name, credential, field_manager=field_manager)

    def add(self, name: str, make: Callable[[Client], Component], *, host: str = CONTROL_PLANE) -> None:
        """Installs a component of yours as a process on `host` and starts it; `make` builds a fresh one at every start.

        It can be crashed, cut off and restarted by its name, and its caches are checked like those of our own.
        """
        machine = self.faults.hosts[host]
        self._install(machine, name, lambda: make(self.client_for(name, ADMIN)))
        machine.processes[name].start()

    def running(self, name: str) -> Component | None:
        """What runs in the process `name` now; None if it does not run."""
        process = self.faults.find(name)
        return self._components.get(name) if isinstance(process, Process) and process.is_running else None

    async def remove(self, name: str) -> None:
        """Takes away what `add` has installed."""
        process = self.faults.find(name)
        assert isinstance(process, Process), "a machine is taken away by remove_node"
        await process.stop()
        del process.host.processes[name]
        self._components.pop(name, None)
        self.sim.network.detach(name)
        self.sim.network.bring_up(name)

    # -- what the in-process transports reach -----------------------------------------------------------

    def handle(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Passes a request to the apiserver that runs now."""
        return self._running().handle(request)

    def watch(self, request: Request) -> Coroutine[Any, Any, WatchStream]:
        """Passes a watch to the apiserver that runs now."""
        return self._running().watch(request)

    def connect(self, request: Request) -> Coroutine[Any, Any, Session]:
        """Passes a connection to the apiserver that runs now."""
        return self._running().connect(request)

    @property
    def apiserver(self) -> ApiServer | None:
        """The apiserver that runs now, for what stands in front of it; None before the first start."""
        return self._apiserver

    # -- building -------------------------------------------------------------------------------------

    def _running(self) -> ApiServer:
        assert self._apiserver is not None, "the apiserver is started before anything talks to it"
        return self._apiserver

    def _check_policy(self, policy: Object) -> list[Object]:
        """The apiserver's knowledge of expressions, lent to a controller."""
        return PolicyTypeChecker(self._running().schema).warnings(policy)

    def _build_control_plane(self, without: Sequence[str]) -> None:
        host = self.sim.add_host(CONTROL_PLANE, "192.168.49.2")
        sim = self.sim.on(host)
        host.add("apiserver", self._run_apiserver)
        # A hollow cluster is one whose control plane was started by hand: it allocates no Pod networks.
        is_hollow = getattr(self._behavior, "name", self._behavior) == "hollow"
        kinds = ALL_CONTROLLERS if is_hollow else ALLOCATING_CONTROLLERS
        if "controller-manager" not in without:
            self._install(
                host,
                "controller-manager",
                lambda: ControllerManager(
                    sim, self._controller_client, controllers=kinds, trust=self.trust, check_policy=self._check_policy
                ),
            )
        if "scheduler" not in without:
            scheduler = ClientCertificate("system:kube-scheduler")
            self._install(
                host,
                "scheduler",
                lambda: Scheduler(
                    sim,
                    self.client_for("scheduler", scheduler, field_manager="kube-scheduler"),
                    config=self.scheduler_configuration,
                ),
            )

    async def _run_apiserver(self) -> None:
        sim = self.sim.on(self.faults.hosts[CONTROL_PLANE])
        server = ApiServer(sim, self.etcd, writes_policy=self._writes_policy, trust=self.trust)
        await server.start()
        self._apiserver = server
        for told in self.on_apiserver:
            told(server)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await server.stop()

    def _controller_client(self, name: str) -> Client:
        """A client for one controller's service account, or with no name for the controller manager itself."""
        credential = ClientCertificate("system:kube-controller-manager")
        if name and name not in MANAGERS_OWN:
            credential = ClientCertificate(f"system:serviceaccount:kube-system:{SHARED_ACCOUNTS.get(name, name)}")
        transport = InProcessTransport(self.sim, self, source="controller-manager")
        return Client(transport, name or "controller-manager", credential, field_manager="kube-controller-manager")

    def _build_node(self, node: NodeConfig) -> None:
        host = self.sim.add_host(node.name, node.internal_ip())
        sim = self.sim.on(host)
        endpoint = f"kubelet/{node.name}"
        credential = ClientCertificate(f"system:node:{node.name}", ("system:nodes",))

        runtime = make_runtime(sim, node, self._behavior, self.registries)  # It outlives its kubelet.
        self.runtimes[node.name] = runtime
        host.add(f"runtime/{node.name}", runtime.run)
        host.on_power_off.append(runtime.power_off)
        host.on_shutdown.append(lambda: self._shut_down_node(host, endpoint))
        PodPorts(sim, runtime, node.name, node.internal_ip())
        self._install(
            host, endpoint, lambda: Kubelet(sim, self.client_for(endpoint, credential), node, runtime=runtime)
        )
        proxy = self.pod_network.add_machine(sim, node.name, node.internal_ip(), node.pod_network())
        if "proxy" not in self._without:
            self._install(host, f"kube-proxy/{node.name}", proxy)

    async def _shut_down_node(self, host: Host, endpoint: str) -> None:
        """A machine is told to shut down: its kubelet may hold that up to end its Pods first."""
        kubelet = self._components.get(endpoint)
        if host.processes[endpoint].is_running and isinstance(kubelet, Kubelet):
            await kubelet.shut_down_node()

    def _install(self, host: Host, name: str, make: Callable[[], Component]) -> None:
        """A process that makes a fresh component at every start."""

        def main() -> Coroutine[Any, Any, None]:
            component = self._components[name] = make()
            return component.run()

        host.add(name, main)

    def _is_booted(self) -> bool:
        nodes = self.observer.latest.get(NODES.kind, {})
        return len(nodes) == len(self.nodes) and all(
            condition(node.object, "Ready").get("status") == "True" for node in nodes.values()
        )
