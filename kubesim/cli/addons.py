"""`kubesim addons`: what a cluster can have besides Kubernetes itself."""

from __future__ import annotations

from pathlib import Path

import click

from kubesim.cli.service_options import output_option, print_json, profile_options
from kubesim.service.control_client import ask
from kubesim.service.profile import existing


@click.group(short_help="List, enable and disable addons.", context_settings={"help_option_names": ["-h", "--help"]})
def addons() -> None:
    """What a cluster can have besides Kubernetes itself. All are off at first.

    \b
    Example:
      kubesim addons list
      kubesim addons enable metrics-server
    """


@addons.command("list")
@profile_options
@output_option
def list_(profile_name: str, home: Path, output: str) -> None:
    """List the addons, and whether they are enabled.

    \b
    Example:
      kubesim addons list --output json
    """
    found = ask(existing(home, profile_name), "GET", "addons")["addons"]
    if output == "json":
        print_json(found)
        return
    width = max(len(addon["name"]) for addon in found)
    for addon in found:
        state = "enabled" if addon["enabled"] else "disabled"
        click.echo(f"{addon['name']:<{width}}  {state:<8}  {addon['purpose']}")


@addons.command("enable")
@click.argument("name")
@profile_options
def enable(name: str, profile_name: str, home: Path) -> None:
    """Enable an addon: its objects are created, and it begins to work.

    \b
    Example:
      kubesim addons enable metrics-server
    """
    ask(existing(home, profile_name), "POST", f"addons/{name}/enable")
    click.echo(f"addon {name} is enabled")


@addons.command("disable")
@click.argument("name")
@profile_options
def disable(name: str, profile_name: str, home: Path) -> None:
    """Disable an addon: its objects are deleted.

    \b
    Example:
      kubesim addons disable metrics-server
    """
    ask(existing(home, profile_name), "POST", f"addons/{name}/disable")
    click.echo(f"addon {name} is disabled")
