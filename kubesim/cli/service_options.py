"""What the commands about a background service share: which profile is meant, and how its troubles are told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from kubesim.service import ServiceError
from kubesim.service.profile import DEFAULT_NAME, home_folder

Command = Callable[..., Any]


def data_dir_option(command: Command) -> Command:
    """Adds --data-dir as the parameter `home`, and turns a ServiceError into exit code 2."""

    @functools.wraps(command)
    def told(*args: Any, data_dir: Path | None, **options: Any) -> Any:
        try:
            return command(*args, home=home_folder(data_dir), **options)
        except ServiceError as error:
            raise click.ClickException(str(error)) from None

    option = click.option(
        "--data-dir",
        metavar="DIR",
        envvar="KUBESIM_HOME",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where profiles are kept [$KUBESIM_HOME; default: ~/.local/state/kubesim].",
    )
    return option(told)


def profile_options(command: Command) -> Command:
    """Adds -p as the parameter `profile_name`, and --data-dir."""
    option = click.option(
        "-p",
        "--profile",
        "profile_name",
        metavar="PROFILE",
        envvar="KUBESIM_PROFILE",
        default=DEFAULT_NAME,
        show_default=True,
        help="Which cluster is meant.",
    )
    return option(data_dir_option(command))


def output_option(command: Command) -> Command:
    """Adds --output."""
    option = click.option(
        "--output", "-o", type=click.Choice(["text", "json"]), default="text", help="json for programs."
    )
    return option(command)


def print_json(value: object) -> None:
    """For programs."""
    import orjson

    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Columns as kubectl prints them."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    for row in (heads, *rows):
        click.echo("   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
