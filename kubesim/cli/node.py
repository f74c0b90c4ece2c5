"""`kubesim node`: the machines of a cluster."""

from __future__ import annotations

from pathlib import Path

import click

from kubesim.cli.service_options import output_option, print_json, profile_options
from kubesim.cli.status import show_nodes
from kubesim.service.control_client import ask
from kubesim.service.profile import existing


@click.group(
    short_help="List, add, stop, start and delete nodes.", context_settings={"help_option_names": ["-h", "--help"]}
)
def node() -> None:
    """The machines of a cluster.

    \b
    Example:
      kubesim node list
      kubesim node stop node-2
    """


@node.command("list")
@profile_options
@output_option
def list_(profile_name: str, home: Path, output: str) -> None:
    """List the nodes: whether the machine is on, and whether the control plane believes so.

    \b
    Example:
      kubesim node list --output json
    """
    nodes = ask(existing(home, profile_name), "GET", "nodes")["nodes"]
    if output == "json":
        print_json(nodes)
    elif nodes:
        show_nodes(nodes)
    else:
        click.echo("There are no nodes; `kubesim node add` adds one.", err=True)


@node.command("add")
@click.argument("name", required=False, default="")
@profile_options
def add(name: str, profile_name: str, home: Path) -> None:
    """Add a machine; without a name the next node-N.

    \b
    Example:
      kubesim node add
    """
    added = ask(existing(home, profile_name), "POST", "nodes", {"name": name})
    click.echo(f"node {added['name']} is added")


@node.command("stop")
@click.argument("name")
@profile_options
def stop(name: str, profile_name: str, home: Path) -> None:
    """Shut a machine down. The control plane notices when its heartbeats are missed.

    \b
    Example:
      kubesim node stop node-2
    """
    ask(existing(home, profile_name), "POST", f"nodes/{name}/stop")
    click.echo(f"node {name} is stopped")


@node.command("start")
@click.argument("name")
@profile_options
def start(name: str, profile_name: str, home: Path) -> None:
    """Switch a machine on.

    \b
    Example:
      kubesim node start node-2
    """
    ask(existing(home, profile_name), "POST", f"nodes/{name}/start")
    click.echo(f"node {name} is started")


@node.command("crash-runtime")
@click.argument("name")
@profile_options
def crash_runtime(name: str, profile_name: str, home: Path) -> None:
    """Kill the container runtime of a machine. Its containers go on (docker's do not); nothing can be started.

    
    Example:
      kubesim node crash-runtime node-2
    """
    ask(existing(home, profile_name), "POST", f"nodes/{name}/crash-runtime")
    click.echo(f"the container runtime of node {name} is dead")


@node.command("start-runtime")
@click.argument("name")
@profile_options
def start_runtime(name: str, profile_name: str, home: Path) -> None:
    """Start the container runtime of a machine again.

    
    Example:
      kubesim node start-runtime node-2
    """
    ask(existing(home, profile_name), "POST", f"nodes/{name}/start-runtime")
    click.echo(f"the container runtime of node {name} runs")


@node.command("delete")
@click.argument("name")
@profile_options
def delete(name: str, profile_name: str, home: Path) -> None:
    """Take a machine away, with its Node object. Nothing is drained before.

    \b
    Example:
      kubesim node delete node-3
    """
    ask(existing(home, profile_name), "DELETE", f"nodes/{name}")
    click.echo(f"node {name} is deleted")
