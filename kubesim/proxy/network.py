"""The network of a whole cluster: its machines' kernels, their routes, and what their kube-proxies hear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubesim.client.client import Client
from kubesim.proxy.config import ProxyConfig
from kubesim.proxy.feed import ServiceFeed
from kubesim.proxy.kernel import Kernel, Resolver
from kubesim.proxy.names_fallback import TableResolver
from kubesim.proxy.outside import Outside
from kubesim.proxy.policy_agent import PolicyAgent
from kubesim.proxy.proxier import KubeProxy
from kubesim.proxy.routes import Routes
from kubesim.sim import Process, Simulation


class PodNetwork:
    """One per cluster; `client` is kube-proxy's, `agent` that of the CNI plugin's agents.

    `resolver` answers questions for names; whoever brings a better one puts it here.
    """

    def __init__(self, sim: Simulation, client: Client, agent: Client, config: ProxyConfig | None = None) -> None:
        self.config = config or ProxyConfig()
        self.routes = Routes()
        self.feed = ServiceFeed(sim, client, self.config)
        self.policies = PolicyAgent(sim, agent)
        self.kernels: dict[str, Kernel] = {}
        self.resolver: Resolver = TableResolver()
        self._sim = sim
        self._client = client
        self.outside = Outside(sim.network, self)
        self._watching: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to watch Services and NetworkPolicies."""
        loop = asyncio.get_running_loop()
        self._watching = [
            loop.create_task(self.feed.run(), name="kube-proxy"),
            loop.create_task(self.policies.run(), name="network-policy"),
        ]

    def stop(self) -> None:
        """Ends."""
        for watching in self._watching:
            watching.cancel()

    def add_machine(self, sim: Simulation, name: str, address: str, pod_cidr: str) -> Callable[[], KubeProxy]:
        """One more machine; the result makes its kube-proxy at every start. `sim` is the world as it sees it."""
        self.routes.add(name, address, pod_cidr)
        kernel = self.kernels[name] = Kernel(sim, name, address, self)
        self._sim.faults.hosts[name].on_power_off.append(kernel.power_off)
        return lambda: KubeProxy(sim, self._client, self.feed, kernel)

    def remove_machine(self, name: str) -> None:
        """A machine is taken away for good."""
        self.routes.remove(name)
        self.kernels.pop(name).detach()

    def proxy_process(self, name: str) -> Process | None:
        """The process of a machine's kube-proxy; None if there is none."""
        host = self._sim.faults.hosts.get(name)
        return host.processes.get(f"kube-proxy/{name}") if host is not None else None
