"""`kubesim trace-packet`: the way of one connection, hop by hop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kubesim.api.errors import ApiError
from kubesim.cli.completing import scenario_names
from kubesim.cli.main import FAILED
from kubesim.cli.service_options import output_option, print_json, profile_options
from kubesim.service.control_client import ask
from kubesim.service.profile import existing


@click.command("trace-packet", short_help="Show how a packet finds a Pod, hop by hop.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("-n", "--namespace", default="default", show_default=True, help="Of Pods and Services without one.")
@click.option(
    "--scenario",
    metavar="FILE_OR_NAME",
    shell_complete=scenario_names,
    help="In a run of this scenario instead of a running cluster.",
)
@click.option("--at", "seconds", metavar="SECONDS", type=click.FloatRange(0), help="When in the run; default: its end.")
@profile_options
@output_option
def trace_packet(
    source: str, target: str, namespace: str, scenario: str | None, seconds: float | None, profile_name: str,
    home: Path, output: str,
) -> int:  # fmt: skip
    """Show how a connection goes: the name, the rules that it meets, the endpoint, the container, the answer.

    FROM is a Pod (NAME or NAMESPACE/NAME), a node, or "outside". TO is a Service, pod/NAME, a node, a DNS name, an
    address or a URL, with :PORT where it matters. Exit code 1 if nobody answers.

    \b
    Example:
      kubesim trace-packet web-7887448d46-znqcz db:5432
      kubesim trace-packet outside node-1:30080
      kubesim trace-packet node-1 web --scenario stale-proxy --at 120
    """
    body: dict[str, object] = {"from": source, "to": target, "namespace": namespace}
    if scenario is not None:
        answer = in_scenario(scenario, seconds, body)
    elif seconds is not None:
        raise click.UsageError("--at needs a --scenario: a running cluster has only its present")
    else:
        answer = ask(existing(home, profile_name), "POST", "trace-packet", body)
    if output == "json":
        print_json(answer)
    else:
        show(answer)
    return 0 if answer["arrived"] else FAILED


def in_scenario(name: str, seconds: float | None, body: dict[str, object]) -> dict[str, Any]:
    """Plays a scenario up to a moment, and traces there."""
    from kubesim.scenario import ScenarioError, find_scenario, load_scenario
    from kubesim.service.trace_in_run import trace_in_run

    try:
        loaded = load_scenario(find_scenario(name))
        until = loaded.scenario.spec.until
        if seconds is not None and seconds > until:
            raise click.UsageError(f"the run of {loaded.scenario.metadata.name} ends at {until:g} s")
        return trace_in_run(loaded, until if seconds is None else seconds, body)
    except (ScenarioError, ApiError) as error:
        raise click.UsageError(str(error)) from None


def show(answer: dict[str, Any]) -> None:
    """One line a hop, the rules below it, the verdict last."""
    width = max(len(hop["at"]) for hop in answer["hops"])
    for number, hop in enumerate(answer["hops"], 1):
        click.echo(f"{number:>2}  {hop['at']:<{width}}  {hop['kind']:<9}  {hop['text']}")
        for line in hop["details"]:
            click.echo(f"    {'':<{width}}  {'':<9}    {line}")
    click.echo()
    click.echo(click.style(answer["verdict"], fg="green" if answer["arrived"] else "red"))
