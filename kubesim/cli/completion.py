"""`kubesim completion`: the script that teaches a shell our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(short_help="Print a shell's completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for bash, zsh or fish.

    \b
    Example:
      source <(kubesim completion bash)
    """
    from kubesim.cli.main import kubesim

    completer = get_completion_class(shell)
    assert completer is not None, "click knows all three shells"
    click.echo(completer(kubesim, {}, "kubesim", "_KUBESIM_COMPLETE").source())
