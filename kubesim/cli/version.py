"""`kubesim version`."""

from __future__ import annotations

from importlib import metadata

import click

KUBERNETES_VERSION = "v1.36.2"


@click.command(short_help="Print the version.")
def version() -> None:
    """Print kubesim's version and the Kubernetes version that it emulates.

    \b
    Example:
      kubesim version
    """
    click.echo(f"kubesim {metadata.version('kubesim')} (Kubernetes {KUBERNETES_VERSION})")
