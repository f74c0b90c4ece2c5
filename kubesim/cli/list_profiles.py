"""`kubesim list`: the clusters there are."""

from __future__ import annotations

from pathlib import Path

import click

from kubesim.cli.service_options import data_dir_option, output_option, print_json, print_table
from kubesim.service.profile import all_profiles


@click.command("list", short_help="List the clusters.")
@data_dir_option
@output_option
def list_profiles(home: Path, output: str) -> None:
    """List the clusters, running or stopped.

    \b
    Example:
      kubesim list --output json
    """
    rows = []
    for profile in all_profiles(home):
        settings, pid = profile.readable_settings(), profile.pid()
        server = f"https://127.0.0.1:{settings.port}" if pid is not None else ""
        state = "Stopped" if pid is None else "Running"
        rows.append({"name": profile.name, "status": state, "nodes": len(settings.nodes), "server": server})
    if output == "json":
        print_json(rows)
    elif rows:
        cells = [(str(row["name"]), str(row["status"]), str(row["nodes"]), str(row["server"])) for row in rows]
        print_table(("PROFILE", "STATUS", "NODES", "SERVER"), cells)
    else:
        click.echo("There are no clusters yet; `kubesim start` makes one.", err=True)
