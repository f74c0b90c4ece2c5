"""`kubesim component`: one of our components on any apiserver."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubesim.cli.context_options import kubeconfig_options
from kubesim.cli.main import INTERRUPTED
from kubesim.service import ServiceError

if TYPE_CHECKING:
    from kubesim.api.tokens import Trust
    from kubesim.api.wire import Transport
    from kubesim.client.client import Client
    from kubesim.client.kubeconfig import Access
    from kubesim.kubelet import NodeConfig
    from kubesim.realcluster.told import Tell
    from kubesim.scheduler import SchedulerConfiguration
    from kubesim.service.component import Install, Look
    from kubesim.sim import Host, Simulation

HELP = {"help_option_names": ["-h", "--help"]}

Command = Callable[..., Any]


@click.group(short_help="Run one of our components on any apiserver.", context_settings=HELP)
def component() -> None:
    """One of our components on any apiserver, a real one included.

    It logs what it does to standard error, asks again when the apiserver goes away, and ends with Ctrl-C. Where a
    component of the same name leads already, it waits for its turn.

    \b
    Example:
      kubesim start --without scheduler
      kubesim component scheduler
    """


def process_options(command: Command) -> Command:
    """What every component has."""
    version = click.option("--any-version", is_flag=True, help="Work with an apiserver of any version.")
    return kubeconfig_options(version(command))


def elected_options(command: Command) -> Command:
    """What components have of which only one may work."""
    elect = click.option(
        "--leader-elect/--no-leader-elect", default=True, show_default=True, help="Compete for the Lease first."
    )
    return process_options(elect(command))


@component.command("scheduler")
@elected_options
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="A KubeSchedulerConfiguration.")
def scheduler(access: Access, any_version: bool, leader_elect: bool, config: Path | None) -> int:
    """Gives every Pod without a node one, as kube-scheduler.

    \b
    Example:
      kubesim component scheduler --kubeconfig admin.conf --config scheduler.yaml
    """
    from kubesim.realcluster import components

    configuration = read(config) if config is not None else None

    def install(sim: Simulation, host: Host, transport: Transport, _: Tell) -> None:
        make = components.scheduler(sim, transport, configuration, leader_elect=leader_elect, host=socket.gethostname())
        host.add("scheduler", lambda: make().run())

    return run("scheduler", access, install, any_version=any_version)


@component.command("controller-manager")
@elected_options
@click.option(
    "--controllers", default="*", show_default=True, metavar="LIST", help="`*` all, `foo` one, `-foo` not it."
)
@click.option("--allocate-node-cidrs", "allocates", is_flag=True, help="Give every node a Pod network.")
@click.option(
    "--service-account-private-key-file", "key_file", metavar="FILE", type=click.Path(path_type=Path),
    help="Signs the tokens in Secrets; without it nobody makes them.",
)  # fmt: skip
@click.option(
    "--root-ca-file", "authority_file", metavar="FILE", type=click.Path(path_type=Path),
    help="What Pods are to trust [default: the kubeconfig's authority].",
)  # fmt: skip
def controller_manager(
    access: Access, any_version: bool, leader_elect: bool, controllers: str, allocates: bool, key_file: Path | None,
    authority_file: Path | None,
) -> int:  # fmt: skip
    """Runs the controllers, as kube-controller-manager. Certificates are signed only by one that has the keys: none.

    \b
    Example:
      kubesim component controller-manager --controllers '*,-nodelifecycle'
    """
    from kubesim.realcluster import components

    authority = access.authority if authority_file is None else content(authority_file)
    chosen = components.chosen_controllers(
        controllers, signs_tokens=key_file is not None, knows_authority=bool(authority), allocates=allocates
    )
    trust = trust_of(key_file, authority)

    def install(sim: Simulation, host: Host, transport: Transport, _: Tell) -> None:
        make = components.controller_manager(
            sim, transport, chosen, trust=trust, leader_elect=leader_elect, host=socket.gethostname()
        )
        host.add("controller-manager", lambda: make().run())

    return run("controller-manager", access, install, any_version=any_version)


@component.command("kubelet")
@process_options
@click.option(
    "--node-name",
    "names",
    multiple=True,
    metavar="NAME",
    help="The node [default: this machine's name]; may be repeated.",
)
@click.option("--node-ip", default="", metavar="ADDRESS", help="The node's address [default: 192.168.49.N].")
@click.option(
    "--pod-cidr", default="", metavar="CIDR", help="Where its Pods' addresses are from [default: 10.244.N.0/24]."
)
@click.option("--node-labels", default="", metavar="KEY=VALUE,…", help="Labels of the node.")
@click.option(
    "--register-with-taints", "taints", default="", metavar="KEY=VALUE:EFFECT,…", help="Taints of a new node."
)
@click.option("--capacity", default="", metavar="NAME=AMOUNT,…", help="What the machine has, say cpu=4,memory=8Gi.")
@click.option(
    "--behavior",
    type=click.Choice(["plausible", "hollow"]),
    default="plausible",
    show_default=True,
    help="How containers behave.",
)
def kubelet(access: Access, any_version: bool, names: tuple[str, ...], behavior: str, **node: str) -> int:
    """Makes Pods run on a simulated machine, as kubelet: its containers are simulated too.

    On a real cluster, taint the node: what is placed there does nothing. Logs and exec are not served.

    \b
    Example:
      kubesim component kubelet --node-name node-4 --register-with-taints kubesim.dev/simulated=true:NoSchedule
    """
    from kubesim.realcluster import components

    configs = [configuration_of(name, node) for name in names or (socket.gethostname().lower(),)]

    def install(sim: Simulation, host: Host, transport: Transport, _: Tell) -> None:
        for config in configs:
            machine = components.Node(sim, transport, config, behavior)
            host.add(f"containerd/{config.name}", machine.runtime.run)
            host.add(f"kubelet/{config.name}", machine.run_kubelet, shutdown=machine.shutdown)

    async def look(client: Client) -> None:
        await components.refuse_real_nodes(client, [config.name for config in configs])

    return run("kubelet", access, install, any_version=any_version, look=look)


@component.command("proxy")
@process_options
@click.option("--node-name", "name", default="", metavar="NAME", help="The node [default: this machine's name].")
@click.option("--node-ip", default="", metavar="ADDRESS", help="The node's address [default: 192.168.49.N].")
@click.option("--proxy-mode", "mode", type=click.Choice(["iptables", "ipvs", "nftables"]), default="iptables",
              show_default=True, help="Which rules it makes.")  # fmt: skip
@click.option("--cluster-cidr", default="10.244.0.0/16", show_default=True, metavar="CIDR", help="Where Pods are.")
@click.option("--rules", "file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the rules here whenever they change, as the node's own tools print them.")  # fmt: skip
def proxy(access: Access, any_version: bool, name: str, node_ip: str, mode: str, cluster_cidr: str,
          file: Path | None) -> int:  # fmt: skip
    """Makes rules of Services on a simulated machine, as kube-proxy: no packet of this machine meets them.

    \b
    Example:
      kubesim component proxy --node-name node-1 --proxy-mode nftables --rules rules.nft
    """
    from kubesim.kubelet import NodeConfig
    from kubesim.proxy import ProxyConfig
    from kubesim.realcluster import components

    if file is not None:
        check_writable(file)
    node = NodeConfig(name or socket.gethostname().lower(), address=node_ip)
    config = ProxyConfig(mode=mode, cluster_cidr=cluster_cidr)

    def install(sim: Simulation, host: Host, transport: Transport, tell: Tell) -> None:
        sim.add_host(node.name, node.internal_ip())
        host.add("proxy", lambda: components.Proxy(sim, transport, node, config, tell, file).run())

    return run("proxy", access, install, any_version=any_version)


def check_writable(file: Path) -> None:
    """Whoever may not write there learns it before anything runs."""
    try:
        file.touch()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written ({error.strerror})") from None


def run(name: str, access: Access, install: Install, *, any_version: bool, look: Look | None = None) -> int:
    """Runs a component until a signal ends it. `look` may refuse once it knows the cluster."""
    from kubesim.service.component import ComponentProcess
    from kubesim.sim.wall import run_in_wall_time

    process = ComponentProcess(name, access, install, sys.stderr, any_version=any_version, look=look)
    ended_by = run_in_wall_time(process.run)
    return INTERRUPTED if ended_by == signal.SIGINT else 0


def read(config: Path) -> SchedulerConfiguration:
    """The scheduler's configuration; what is wrong with it is said before anything starts."""
    from kubesim.scheduler import ConfigurationError
    from kubesim.scheduler.config_file import read_configuration

    try:
        return read_configuration(config)
    except ConfigurationError as error:
        raise click.ClickException("\n".join(error.problems)) from None


def trust_of(key_file: Path | None, authority: bytes) -> Trust:
    """What the controllers sign with."""
    from kubesim.realcluster.components import trust_without_key
    from kubesim.service.signing import key_pair_trust

    text = authority.decode(errors="replace")
    if key_file is None:
        return trust_without_key(text)
    try:
        return key_pair_trust(key_file, text)
    except ServiceError as error:
        raise click.ClickException(str(error)) from None


def content(file: Path) -> bytes:
    """What is in a file."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read ({error.strerror})") from None


def configuration_of(name: str, node: dict[str, str]) -> NodeConfig:
    """What a machine of that name is."""
    from kubesim.kubelet import NodeConfig
    from kubesim.realcluster.components import taint_of

    changes: dict[str, Any] = {"address": node["node_ip"], "pod_cidr": node["pod_cidr"]}
    changes["labels"] = pairs(node["node_labels"], "--node-labels")
    changes["taints"] = tuple(taint_of(text) for text in words(node["taints"]))
    if capacity := pairs(node["capacity"], "--capacity"):
        changes["capacity"] = {**NodeConfig(name).capacity, **capacity}
    return NodeConfig(name, **changes)


def pairs(text: str, option: str) -> dict[str, str]:
    """`a=1,b=2`."""
    found = [word.partition("=") for word in words(text)]
    for key, sign, _ in found:
        if not key or not sign:
            raise click.UsageError(f'{option}: "{key}" has no value; write KEY=VALUE')
    return {key: value for key, _, value in found}


def words(text: str) -> list[str]:
    """Words with commas between them."""
    return [word.strip() for word in text.split(",") if word.strip()]
