"""`kubesim classroom`: a teacher's screen, all students' clusters at a glance."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from kubesim.cli.bus_options import broker
from kubesim.cli.service_options import output_option, print_json, print_table

if TYPE_CHECKING:
    from rich.table import Table

    from kubesim.bridge.address import BrokerAddress
    from kubesim.bridge.roster import Roster

SETTLE_SECONDS = 1.5  # Until what a broker holds has arrived.
REFRESH_SECONDS = 0.5
HEADS = ("CLUSTER", "BUS", "NODES", "PODS", "DATE", "SPEED", "TROUBLE")


@click.command(short_help="Watch all clusters of a classroom on an MQTT bus.")
@click.argument("url", metavar="URL")
@click.option("--once", is_flag=True, help="Print the table once and end; so it is where there is no terminal.")
@click.option("--page", is_flag=True, help="Serve a page for a projector instead, at http://127.0.0.1:PORT.")
@click.option("--port", type=click.IntRange(0, 65535), default=8088, show_default=True, help="For --page; 0: any.")
@output_option
def classroom(url: str, once: bool, page: bool, port: int, output: str) -> None:
    """Watch all clusters that were started with --mqtt at the same URL.

    A row says whether the cluster is on the bus, how many nodes and Pods are ready, what time it is there, and what
    is wrong. `--output json` prints the rows once, for programs.

    \b
    Example:
      kubesim classroom mqtt://broker:1883/classroom
      kubesim classroom mqtt://broker:1883/classroom --page
    """
    from kubesim.bridge.roster import Roster

    address = broker(url)
    roster = Roster(address.prefix)
    with asyncio.Runner() as runner:
        if page:
            runner.run(show_page(address, roster, port))
        elif once or output == "json" or not sys.stdout.isatty():
            runner.run(gather(address, roster))
            print_json(roster.rows()) if output == "json" else print_table(HEADS, [cells(row) for row in roster.rows()])
        else:
            runner.run(show_table(address, roster))


async def gather(address: BrokerAddress, roster: Roster) -> None:
    """Listens until what the broker holds has arrived; a ClickException if it is not reached."""
    from kubesim.bridge.listening import listen

    failures: list[str] = [""]
    listening = asyncio.create_task(listen(address, roster, failures.append))
    await asyncio.sleep(SETTLE_SECONDS)
    listening.cancel()
    if failures[-1]:
        raise click.UsageError(f"the broker {address} is not reached: {failures[-1]}")


async def show_table(address: BrokerAddress, roster: Roster) -> None:
    """The table on the terminal, until Ctrl-C."""
    from rich.live import Live

    from kubesim.bridge.listening import listen

    state = [f"connecting to {address} …"]
    listening = asyncio.create_task(listen(address, roster, lambda failure: state.__setitem__(0, failure)))
    try:
        with Live(screen=True, auto_refresh=False) as live:
            while True:
                live.update(table_of(roster, f"{address}  {state[0]}"), refresh=True)
                await asyncio.sleep(REFRESH_SECONDS)
    finally:
        listening.cancel()


async def show_page(address: BrokerAddress, roster: Roster, port: int) -> None:
    """The page, until Ctrl-C."""
    from kubesim.bridge.page import serve_page

    try:
        await serve_page(address, roster, port, click.echo)
    except OSError as error:
        raise click.UsageError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from None


def table_of(roster: Roster, caption: str) -> Table:
    """The rows as a table for a terminal; what is wrong is red."""
    from rich.table import Table
    from rich.text import Text

    table = Table(*HEADS, caption=caption)
    for row in roster.rows():
        *plain, trouble = cells(row)
        style = "" if row["online"] else "dim"
        table.add_row(*(Text(cell) for cell in plain), Text(trouble, style="bold red"), style=style)
    return table


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """One row, as text."""
    speed = "paused" if row["mode"] == "paused" else f"{row['speed']:g}x"
    return (
        row["cluster"],
        "on" if row["online"] else "off",
        f"{row['nodesReady']}/{row['nodes']}",
        f"{row['podsReady']}/{row['pods']}",
        row["date"] or "-",
        speed,
        trouble_of(row),
    )


def trouble_of(row: dict[str, Any]) -> str:
    """What is wrong with a cluster, in a few words."""
    told = []
    if row["nodesDown"]:
        told.append(f"not ready: {', '.join(row['nodesDown'])}")
    if row["componentsDown"]:
        told.append(f"down: {', '.join(row['componentsDown'])}")
    if row["dropped"]:
        told.append(f"{row['dropped']} messages dropped")
    if row["otherSchema"]:
        told.append("another version of kubesim")
    return "; ".join(told) or "-"
