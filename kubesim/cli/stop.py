"""`kubesim stop`: ends a cluster and keeps its state."""

from __future__ import annotations

from pathlib import Path

import click

from kubesim.cli.service_options import profile_options
from kubesim.service import daemon
from kubesim.service.profile import existing


@click.command(short_help="Stop a cluster; its state is kept.")
@profile_options
def stop(profile_name: str, home: Path) -> None:
    """Stop a cluster. Its objects are kept in the profile's folder, and `kubesim start` goes on with them.

    What runs on its nodes ends, as when machines are switched off: containers start anew. Older revisions of objects
    are not kept.

    \b
    Example:
      kubesim stop
    """
    profile = existing(home, profile_name)
    stopped = daemon.stop(profile)
    click.echo(f'"{profile.name}" has stopped' if stopped else f'Profile "{profile.name}" was not running.')
