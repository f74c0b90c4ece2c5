"""`kubesim record`: what happens on a cluster of somebody else, as a recording."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from kubesim.cli import replay
from kubesim.cli.completing import scenario_names
from kubesim.cli.main import FAILED
from kubesim.cli.real_options import real_options, tell, until_interrupted
from kubesim.cli.run import write_trace

if TYPE_CHECKING:
    from kubesim.client.kubeconfig import Access
    from kubesim.realcluster.attaching import Attached
    from kubesim.realcluster.session import Options
    from kubesim.sim import Simulation


class DurationType(click.ParamType[float]):
    """`90`, `90s`, `1m30s`."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Refuses what is none."""
        from kubesim.scenario.values import parse_duration

        try:
            return parse_duration(f"{value}s" if str(value).isdecimal() else str(value))
        except ValueError:
            self.fail(f'"{value}" is no duration; write 90s or 5m', param, ctx)


@click.command(short_help="Record what happens on a real cluster.")
@real_options
@click.option(
    "--scenario", metavar="FILE_OR_NAME", shell_complete=scenario_names, help="Play this scenario, and record it."
)
@click.option("--attach", "attaches", is_flag=True, help="Record what happens in a namespace, and touch nothing.")
@click.option("-n", "--namespace", default="", metavar="NAME", help="With --attach: which [default: the context's].")
@click.option("--for", "seconds", type=DurationType(), help="With --attach: how long [default: until Ctrl-C].")
@click.option(
    "--draft", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path),
    help="With --attach: write a draft of a scenario here.",
)  # fmt: skip
@click.option(
    "-o", "--output", "file", required=True, type=click.Path(dir_okay=False, path_type=Path),
    help="The recording (.gz: compressed).",
)  # fmt: skip
def record(
    access: Access, options: Options, scenario: str | None, attaches: bool, namespace: str, seconds: float | None,
    draft: Path | None, file: Path,
) -> int:  # fmt: skip
    """Record what happens on a real cluster: a scenario that is played there, or whatever happens in a namespace.

    The recording has the format of `kubesim run --trace` and can be compared with one of it. With --attach nothing is
    touched, so any context will do; from what somebody did a scenario is drafted.

    \b
    Example:
      kubesim record --context minikube --scenario scale-up-and-down -o real.jsonl.gz
      kubesim record --context minikube --attach -n shop --draft shop/ -o shop.jsonl.gz
    """
    if attaches == bool(scenario):
        raise click.UsageError("say either --scenario FILE_OR_NAME or --attach")
    if not attaches and (namespace or seconds is not None or draft is not None):
        raise click.UsageError("-n, --for and --draft go with --attach; a scenario has a namespace of its own")
    write_trace(file, b"")  # Whoever may not write there learns it before anything happens.
    if attaches:
        return attach(access, options, namespace or access.namespace, seconds, file, draft)
    loaded = replay.load(scenario or "", force=False)
    code = until_interrupted(lambda sim: replay.play(sim, loaded, access, options, file, dry_run=False, quiet=True))
    return 0 if code == FAILED else code  # It was recorded; what was expected is the business of replay.


def attach(
    access: Access, options: Options, namespace: str, seconds: float | None, file: Path, draft_folder: Path | None
) -> int:
    """Records a namespace; Ctrl-C is the usual end."""
    from kubesim.realcluster.attaching import attach as attach_to
    from kubesim.realcluster.drafting import draft
    from kubesim.sim.wall import run_in_wall_time

    async def main(sim: Simulation) -> Attached:
        ending = sim.loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM):
            sim.loop.add_signal_handler(number, end, ending)
        return await attach_to(sim, access, namespace, tell, ending, seconds=seconds, any_version=options.any_version)

    attached = run_in_wall_time(main)
    drafted = draft(scenario_name(namespace), attached.lines)
    write_trace(file, b"".join(orjson.dumps(line) + b"\n" for line in drafted.lines))
    click.echo(f"{file}: {len(drafted.lines)} lines", file=sys.stdout)
    if draft_folder is not None:
        try:
            path = drafted.write(draft_folder)
        except OSError as error:
            raise click.ClickException(f"{draft_folder} cannot be written ({error.strerror})") from None
        click.echo(f"{path}: a draft with {len(drafted.scenario['spec']['steps'])} steps; read it, then run it")
    return 0


def end(ending: asyncio.Future[None]) -> None:
    """It is enough."""
    if not ending.done():
        ending.set_result(None)


def scenario_name(namespace: str) -> str:
    """What the draft is called."""
    return namespace.strip("-") or "recorded"
