"""`kubesim status`: how a cluster is, component by component."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kubesim.cli.main import FAILED
from kubesim.cli.service_options import output_option, print_json, print_table, profile_options
from kubesim.service.control_client import ask
from kubesim.service.profile import existing


@click.command(short_help="Show how a cluster is.")
@profile_options
@output_option
def status(profile_name: str, home: Path, output: str) -> int:
    """Show a cluster's components, nodes and clock. Exit code 1 if it is stopped.

    \b
    Example:
      kubesim status --output json
    """
    profile = existing(home, profile_name)
    pid = profile.pid()
    shown: dict[str, Any] = {"profile": profile.name, "status": "Stopped" if pid is None else "Running"}
    if pid is not None:
        shown |= {"pid": pid, "server": f"https://127.0.0.1:{profile.settings().port}"}
        shown |= ask(profile, "GET", "status")
    if output == "json":
        print_json(shown)
    else:
        show(shown)
    return FAILED if pid is None else 0


def show(state: dict[str, Any]) -> None:
    """For people."""
    for key in ("profile", "status", "server", "pid"):
        if key in state:
            click.echo(f"{key + ':':<9}{state[key]}")
    if "clock" not in state:
        return
    clock = state["clock"]
    click.echo(f"{'clock:':<9}{clock['date']}, {clock['mode']}, speed {clock['speed']:g}\n")
    rows = [(component["name"], component["state"]) for component in state["components"]]
    print_table(("COMPONENT", "STATE"), rows)
    if state["nodes"]:
        click.echo()
        show_nodes(state["nodes"])


def show_nodes(nodes: list[dict[str, str]]) -> None:
    """The table of nodes: the machine, and what the control plane believes."""
    rows = [(node["name"], node["machine"], node["ready"], node["address"]) for node in nodes]
    print_table(("NODE", "MACHINE", "READY", "ADDRESS"), rows)
