"""One of our components on an apiserver of somebody else: the composition root of `kubesim component`.

In a simulated cluster `kubesim.cluster` builds the same classes; all that differs is the transport behind their
clients. A kubelet brings the simulated container runtime with it: its Pods run, and nothing really does.
Upstream: cmd/kube-scheduler, cmd/kube-controller-manager, cmd/kubelet, cmd/kube-proxy (and cmd/kubemark, which is
likewise hollow).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.resources import NODES
from kubesim.api.schema import Schema
from kubesim.api.tokens import KeyedSigner, Trust
from kubesim.api.wire import Transport
from kubesim.apiserver.admission.type_checking import PolicyTypeChecker
from kubesim.client.client import Client
from kubesim.controllers import ControllerManager
from kubesim.controllers.controller import Controller
from kubesim.controllers.manager import ALL_CONTROLLERS, ALLOCATING_CONTROLLERS
from kubesim.controllers.root_ca_publisher import RootCACertificatePublisher
from kubesim.controllers.tokens import TokensController
from kubesim.kubelet import Kubelet, NodeConfig, make_runtime
from kubesim.proxy import PodNetwork, ProxyConfig
from kubesim.realcluster.errors import RealClusterError
from kubesim.realcluster.told import Tell
from kubesim.scheduler import Scheduler, SchedulerConfiguration
from kubesim.sim import Simulation, Tasks

SCHEDULER, CONTROLLER_MANAGER, KUBELET, PROXY = "kube-scheduler", "kube-controller-manager", "kubelet", "kube-proxy"
SIMULATED_KERNEL = "-kubesim"  # How the kernel version of a simulated machine ends.
# Other names of controllers: upstream's own where ours is its service account's, and those that it had before 1.28.
ALIASES = {
    "daemonset-controller": "daemon-set-controller",
    "endpoints-controller": "endpoint-controller",
    "endpointslice-mirroring-controller": "endpointslicemirroring-controller",
    "persistentvolume-binder-controller": "persistent-volume-binder",
    "clusterrole-aggregation": "clusterrole-aggregation-controller",
    "cronjob": "cronjob-controller",
    "csrsigning": "certificatesigningrequest-signing-controller",
    "daemonset": "daemon-set-controller",
    "deployment": "deployment-controller",
    "disruption": "disruption-controller",
    "endpoint": "endpoint-controller",
    "endpointslice": "endpointslice-controller",
    "endpointslicemirroring": "endpointslicemirroring-controller",
    "garbagecollector": "garbage-collector-controller",
    "horizontalpodautoscaling": "horizontal-pod-autoscaler-controller",
    "job": "job-controller",
    "namespace": "namespace-controller",
    "nodelifecycle": "node-lifecycle-controller",
    "persistentvolume-binder": "persistent-volume-binder",
    "podgc": "pod-garbage-collector-controller",
    "pv-protection": "persistentvolume-protection-controller",
    "pvc-protection": "persistentvolumeclaim-protection-controller",
    "replicaset": "replicaset-controller",
    "replicationcontroller": "replicationcontroller-controller",
    "resourcequota": "resourcequota-controller",
    "root-ca-cert-publisher": "root-ca-certificate-publisher-controller",
    "serviceaccount": "serviceaccount-controller",
    "serviceaccount-token": "serviceaccount-token-controller",
    "statefulset": "statefulset-controller",
    "ttl-after-finished": "ttl-after-finished-controller",
}


class Component(Protocol):
    """What runs until it is cancelled."""

    async def run(self) -> None:
        """Works."""
        ...


Make = Callable[[], Component]  # A fresh one at every start.


def scheduler(
    sim: Simulation,
    transport: Transport,
    configuration: SchedulerConfiguration | None,
    *,
    leader_elect: bool,
    host: str,
) -> Make:
    """A kube-scheduler."""
    base = configuration or SchedulerConfiguration()
    elects = base.leader_elect and leader_elect
    config = msgspec.structs.replace(base, leader_elect=elects, host=host, releases_lease=True)
    client = Client(transport, SCHEDULER, field_manager=SCHEDULER)
    return lambda: Scheduler(sim, client, config=config)


def controller_manager(
    sim: Simulation, transport: Transport, controllers: Sequence[type[Controller]], *,
    trust: Trust, leader_elect: bool, host: str,
) -> Make:  # fmt: skip
    """A kube-controller-manager. All its controllers speak as the kubeconfig's user, told apart by user agent."""
    checker = PolicyTypeChecker(Schema.load())

    def client_for(name: str) -> Client:
        agent = f"{CONTROLLER_MANAGER}/{name}" if name else CONTROLLER_MANAGER
        return Client(transport, agent, field_manager=CONTROLLER_MANAGER)

    return lambda: ControllerManager(
        sim, client_for, controllers=controllers, leader_elect=leader_elect, releases_lease=True, host=host,
        trust=trust, check_policy=checker.warnings,
    )  # fmt: skip


class Node:
    """Kubelet and container runtime of one simulated machine; the runtime outlives its kubelet."""

    def __init__(self, sim: Simulation, transport: Transport, node: NodeConfig, behavior: str) -> None:
        self.runtime = make_runtime(sim, node, behavior)
        self._client = Client(transport, f"{KUBELET}/{node.name}", field_manager=KUBELET)
        self._sim = sim
        self._node = node
        self._kubelet: Kubelet | None = None

    async def run_kubelet(self) -> None:
        """A fresh kubelet, which finds its containers as they are."""
        self._kubelet = Kubelet(self._sim, self._client, self._node, runtime=self.runtime)
        await self._kubelet.run()

    async def shutdown(self) -> None:
        """The kubelet may write the events that it still has."""
        if self._kubelet is not None:
            await self._kubelet.shutdown()


class Proxy:
    """kube-proxy of one simulated machine. What it makes of Services is told, and written to a file if one is given."""

    def __init__(
        self,
        sim: Simulation,
        transport: Transport,
        node: NodeConfig,
        config: ProxyConfig,
        tell: Tell,
        file: Path | None,
    ) -> None:
        client = Client(transport, f"{PROXY}/{node.name}", field_manager=PROXY)
        self._network = PodNetwork(sim, client, client, config)  # Policies are no business of kube-proxy.
        self._make = self._network.add_machine(sim, node.name, node.internal_ip(), node.pod_network())
        self._kernel = self._network.kernels[node.name]
        self._seconds = config.min_sync_seconds
        self._tell = tell
        self._file = file

    async def run(self) -> None:
        """Watches, and keeps the machine's rules up to date."""
        async with Tasks(PROXY) as tasks:
            tasks.spawn(self._network.feed.run(), "watches")
            tasks.spawn(self._make().run(), "proxier")
            await self._network.feed.wait_synced()
            written: list[str] = []
            while True:
                rules = list(self._kernel.rules().text())
                if rules != written:
                    written = rules
                    self._write(rules)
                await asyncio.sleep(self._seconds)

    def _write(self, rules: list[str]) -> None:
        self._tell("rules_synced", node=self._kernel.name, mode=self._network.config.mode, lines=len(rules))
        if self._file is not None:
            new = self._file.with_name(f".{self._file.name}.new")
            new.write_text("\n".join(rules) + "\n", encoding="utf-8")
            new.replace(self._file)


async def refuse_real_nodes(client: Client, names: Sequence[str]) -> None:
    """A simulated kubelet must not speak for a machine that is there: its Pods would be given up."""
    for name in names:
        try:
            node = (await client.get(NODES, name)).object
        except NotFoundError:
            continue
        except (ApiError, TransportError) as error:
            raise RealClusterError(f'whether there is a node "{name}" cannot be known: {error}') from None
        kernel = ((node.get("status") or {}).get("nodeInfo") or {}).get("kernelVersion", "")
        if not kernel.endswith(SIMULATED_KERNEL):
            raise RealClusterError(
                f'"{name}" is a node that somebody else runs (kernel {kernel}); choose another --node-name'
            )


def chosen_controllers(
    text: str, *, signs_tokens: bool, knows_authority: bool = True, allocates: bool = False
) -> tuple[type[Controller], ...]:
    """The controllers of `--controllers`: `*` is all, `foo` enables, `-foo` disables.

    Without a key to sign with there are no tokens to make, so that controller is left out, as upstream; who does not
    know the cluster's authority does not publish it; and nodes get Pod networks only with --allocate-node-cidrs.
    """
    kinds: Sequence[type[Controller]] = ALLOCATING_CONTROLLERS if allocates else ALL_CONTROLLERS
    names = {kind.name: kind for kind in kinds}
    enabled, disabled = set[str](), set[str]()
    for word in filter(None, map(str.strip, text.split(","))):
        name = ALIASES.get(word.removeprefix("-"), word.removeprefix("-"))
        if name != "*" and name not in names:
            raise RealClusterError(f'"{name}" is not in the list of known controllers: {", ".join(sorted(names))}')
        (disabled if word.startswith("-") else enabled).add(name)
    chosen = [kind for name, kind in names.items() if name in enabled or ("*" in enabled and name not in disabled)]
    lacking = {TokensController: not signs_tokens, RootCACertificatePublisher: not knows_authority}
    return tuple(kind for kind in chosen if not lacking.get(kind))


def trust_without_key(authority: str) -> Trust:
    """What a controller manager has that was given no keys: the cluster's authority, for everybody to know."""
    return Trust(KeyedSigner(b""), authority)


def taint_of(text: str) -> dict[str, str]:
    """`key=value:effect`, as --register-with-taints of a kubelet has it."""
    found = re.fullmatch(r"([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)", text)
    if found is None:
        raise RealClusterError(
            f'"{text}" is no taint; write key=value:effect, effect NoSchedule, PreferNoSchedule or NoExecute'
        )
    taint = {"key": found[1], "effect": found[3]}
    return {**taint, "value": found[2]} if found[2] else taint
