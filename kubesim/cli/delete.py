"""`kubesim delete`: a cluster and everything that it left."""

from __future__ import annotations

from pathlib import Path

import click

from kubesim.cli.service_options import profile_options
from kubesim.service import daemon, kubeconfig
from kubesim.service.profile import existing


@click.command(short_help="Delete a cluster and its state.")
@profile_options
def delete(profile_name: str, home: Path) -> None:
    """Stop a cluster, remove its folder and its entries in the kubeconfig; everybody else's entries stay.

    \b
    Example:
      kubesim delete -p lesson
    """
    profile = existing(home, profile_name)
    written = profile.readable_settings().kubeconfig
    daemon.stop(profile)
    profile.remove()
    if written:
        kubeconfig.remove(Path(written), profile.name, str(profile.folder))
    click.echo(f'"{profile.name}" is deleted')
