"""`kubesim trace-packet`: the way of one connection, hop by hop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kubesim.cli.main import FAILED
from kubesim.cli.service_options import output_option, print_json, profile_options
from kubesim.service.control_client import ask
from kubesim.service.profile import existing


@click.command("trace-packet", short_help="Show how a packet finds a Pod, hop by hop.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("-n", "--namespace", default="default", show_default=True, help="Of Pods and Services without one.")
@profile_options
@output_option
def trace_packet(source: str, target: str, namespace: str, profile_name: str, home: Path, output: str) -> int:
    """Show how a connection goes: the name, the rules that it meets, the endpoint, the container, the answer.

    FROM is a Pod (NAME or NAMESPACE/NAME), a node, or "outside". TO is a Service, pod/NAME, a node, a DNS name, an
    address or a URL, with :PORT where it matters. Exit code 1 if nobody answers.

    \b
    Example:
      kubesim trace-packet web-7887448d46-znqcz db:5432
      kubesim trace-packet outside node-1:30080
    """
    body: dict[str, object] = {"from": source, "to": target, "namespace": namespace}
    answer = ask(existing(home, profile_name), "POST", "trace-packet", body)
    if output == "json":
        print_json(answer)
    else:
        show(answer)
    return 0 if answer["arrived"] else FAILED


def show(answer: dict[str, Any]) -> None:
    """One line a hop, the rules below it, the verdict last."""
    width = max(len(hop["at"]) for hop in answer["hops"])
    for number, hop in enumerate(answer["hops"], 1):
        click.echo(f"{number:>2}  {hop['at']:<{width}}  {hop['kind']:<9}  {hop['text']}")
        for line in hop["details"]:
            click.echo(f"    {'':<{width}}  {'':<9}    {line}")
    click.echo()
    click.echo(click.style(answer["verdict"], fg="green" if answer["arrived"] else "red"))
