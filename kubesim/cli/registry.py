"""`kubesim registry`: publish images, and break the registries that a cluster pulls from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from kubesim.cli.service_options import profile_options
from kubesim.service import ServiceError
from kubesim.service.control_client import ask
from kubesim.service.profile import existing


@click.group(
    short_help="Publish images, break registries.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def registry() -> None:
    """Where images come from. Everything exists and is public until it is said otherwise.

    \b
    Example:
      kubesim registry publish example.com/shop:2
      kubesim registry down docker.io
    """


def tell(home: Path, profile_name: str, change: dict[str, Any]) -> None:
    """Does it and says what was done."""
    click.echo(ask(existing(home, profile_name), "POST", "registry", change)["done"])


@registry.command()
@click.argument("image")
@click.option("--size", help="How big it is, as a quantity (default 10 MB).")
@click.option("--behavior", metavar="JSON", help="What its containers do; see docs/scenarios.md, ContainerBehavior.")
@profile_options
def publish(image: str, size: str | None, behavior: str | None, profile_name: str, home: Path) -> None:
    """Build and push an image: its tag is there from now on, with a new digest if it was before.

    \b
    Example:
      kubesim registry publish example.com/shop:2 --behavior '{"exitCode": 1, "runsFor": "5s"}'
    """
    change: dict[str, Any] = {"publish": image}
    if size is not None:
        change["size"] = size
    if behavior is not None:
        try:
            change["behavior"] = msgspec.json.decode(behavior)
        except msgspec.DecodeError as error:
            raise ServiceError(f"--behavior is no JSON: {error}") from None
    tell(home, profile_name, change)


@registry.command()
@click.argument("name")
@profile_options
def delete(name: str, profile_name: str, home: Path) -> None:
    """Take away a tag, a repository or all images of a registry; nodes that have them keep them.

    \b
    Example:
      kubesim registry delete nginx:1.29
    """
    tell(home, profile_name, {"delete": name})


@registry.command()
@click.argument("name")
@click.option(
    "--how",
    type=click.Choice(["refused", "timeout", "no-such-host", "unavailable"]),
    default="refused",
    show_default=True,
    help="How that shows.",
)
@profile_options
def down(name: str, how: str, profile_name: str, home: Path) -> None:
    """Nobody reaches a registry.

    \b
    Example:
      kubesim registry down docker.io --how timeout
    """
    tell(home, profile_name, {"down": name, "how": how})


@registry.command()
@click.argument("name")
@profile_options
def up(name: str, profile_name: str, home: Path) -> None:
    """It works again, at full speed and without a limit.

    \b
    Example:
      kubesim registry up docker.io
    """
    tell(home, profile_name, {"up": name})


@registry.command()
@click.argument("name")
@click.option("--speed", default="1M", show_default=True, help="Bytes a second, as a quantity.")
@profile_options
def slow(name: str, speed: str, profile_name: str, home: Path) -> None:
    """It sends no faster than this.

    \b
    Example:
      kubesim registry slow docker.io --speed 500k
    """
    tell(home, profile_name, {"slow": name, "speed": speed})


@registry.command()
@click.argument("name")
@click.option("--pulls", type=click.IntRange(0), default=100, show_default=True, help="How many.")
@click.option("--window", default="6h", show_default=True, help="In how long.")
@profile_options
def limit(name: str, pulls: int, window: str, profile_name: str, home: Path) -> None:
    """It gives only so many images in a window to those who are not logged in: 429 toomanyrequests.

    \b
    Example:
      kubesim registry limit docker.io --pulls 5 --window 10m
    """
    tell(home, profile_name, {"limit": name, "pulls": pulls, "window": window})


@registry.command()
@click.argument("name")
@click.option("--username", required=True, help="Who may.")
@click.option("--password", required=True, help="With which password.")
@profile_options
def private(name: str, username: str, password: str, profile_name: str, home: Path) -> None:
    """A registry, or a path in it, is for one user only; Pods need an imagePullSecret.

    \b
    Example:
      kubesim registry private registry.example.com --username team --password wombat
    """
    tell(home, profile_name, {"private": name, "username": username, "password": password})
