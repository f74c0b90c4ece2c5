"""`kubesim logs`: what the service of a cluster said."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import click

from kubesim.cli.service_options import profile_options
from kubesim.service.daemon import last_lines
from kubesim.service.profile import existing

POLL_SECONDS = 0.25


@click.command(short_help="Show what the service of a cluster said.")
@profile_options
@click.option("--follow", "-f", is_flag=True, help="Go on as more is said, until Ctrl-C.")
@click.option("--lines", "-n", type=click.IntRange(min=0), default=50, show_default=True, help="How many, at most.")
def logs(profile_name: str, home: Path, follow: bool, lines: int) -> None:
    """Show what the service of a cluster said: its start and end, faults, failures.

    \b
    Example:
      kubesim logs -f
    """
    path = existing(home, profile_name).log_file
    if not path.exists():
        return
    position = path.stat().st_size
    if lines and (text := last_lines(path, lines)):
        click.echo(text)
    while follow:
        Event().wait(POLL_SECONDS)
        size = path.stat().st_size if path.exists() else 0
        if size < position:
            position = 0  # It began anew.
        with path.open("rb") as file:
            file.seek(position)
            more = file.read()
        position += len(more)
        click.echo(more.decode(errors="replace"), nl=False)
