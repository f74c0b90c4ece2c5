"""`kubesim pause`, `resume`, `step`, `speed`, `clock`: whoever runs a cluster owns its time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kubesim.cli.service_options import output_option, print_json, profile_options
from kubesim.service.control_client import ask
from kubesim.service.profile import existing


@click.command(short_help="Let a cluster's time stand still.")
@profile_options
def pause(profile_name: str, home: Path) -> None:
    """Let time stand still. kubectl still reads and writes; what needs time waits for `kubesim resume`.

    \b
    Example:
      kubesim pause
    """
    tell(ask(existing(home, profile_name), "POST", "pause"))


@click.command(short_help="Let a paused cluster's time go on.")
@profile_options
def resume(profile_name: str, home: Path) -> None:
    """Let time go on, at the speed that it had.

    \b
    Example:
      kubesim resume
    """
    tell(ask(existing(home, profile_name), "POST", "resume"))


@click.command(short_help="Let a paused cluster's time go on for some seconds.")
@click.argument("seconds", metavar="[N]", type=click.FloatRange(0, min_open=True), default=1.0)
@profile_options
def step(seconds: float, profile_name: str, home: Path) -> None:
    """Let N virtual seconds (default 1) pass in a paused cluster, as fast as they go.

    \b
    Example:
      kubesim pause && kubesim step 30
    """
    tell(ask(existing(home, profile_name), "POST", "step", {"seconds": seconds}, patient=True))


@click.command(short_help="Set how fast a cluster's time goes.")
@click.argument("speed", metavar="N", type=click.FloatRange(0, 100_000, min_open=True))
@profile_options
def speed(speed: float, profile_name: str, home: Path) -> None:
    """Let N virtual seconds pass per second.

    \b
    Example:
      kubesim speed 60
    """
    tell(ask(existing(home, profile_name), "POST", "speed", {"speed": speed}))


@click.command(short_help="Show a cluster's time.")
@profile_options
@output_option
def clock(profile_name: str, home: Path, output: str) -> None:
    """Show a cluster's date, whether its time goes on, and how fast.

    \b
    Example:
      kubesim clock
    """
    now = ask(existing(home, profile_name), "GET", "clock")
    if output == "json":
        print_json(now)
    else:
        tell(now)


def tell(now: dict[str, Any]) -> None:
    """One line about the clock."""
    pace = "paused" if now["mode"] == "paused" else f"{now['speed']:g} virtual seconds per second"
    click.echo(f"{now['date']}  ({pace})")
