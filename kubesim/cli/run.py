"""`kubesim run`: plays a scenario and tells it."""

from __future__ import annotations

import gzip
import io
import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from kubesim.cli.completing import scenario_names
from kubesim.cli.main import FAILED
from kubesim.cli.timeline import Timeline
from kubesim.cluster import SimCluster
from kubesim.scenario import Loaded, RunResult, ScenarioError, Verdict, find_scenario, load_scenario, run_scenario
from kubesim.sim import Mode, SimLoop, SimulationError
from kubesim.sim import run as run_on_virtual_time
from kubesim.sim.clock import wall_seconds
from kubesim.waiting import NotReachedError

if TYPE_CHECKING:
    from kubesim.bridge.run_bus import RunBus


class SpeedType(click.ParamType[float | None]):
    """`max`, or virtual seconds per real second."""

    name = "max|N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """None stands for max."""
        if value is None or value == "max":
            return None
        try:
            speed = float(str(value))
        except ValueError:
            speed = 0
        if not 0 < speed < math.inf:
            self.fail(f"a speed is max, or a number above 0 of virtual seconds per second, not {value}", param, ctx)
        return speed


@click.command(short_help="Run a scenario and narrate it.")
@click.argument("scenario", metavar="FILE_OR_NAME", shell_complete=scenario_names)
@click.option("--seed", type=int, help="Chance: the same seed is the same run, to the byte.")
@click.option("--speed", type=SpeedType(), default="max", help="Virtual seconds per real second, or max (default).")
@click.option(
    "--trace",
    "trace_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a recording here (.gz: compressed).",
)
@click.option("--mqtt", metavar="URL", help="Tell a bus what happens, for instance mqtt://HOST:1883/classroom.")
@click.option("--set", "overrides", metavar="K=V", multiple=True, help="Change a field, for instance cluster.nodes=5.")
@click.option(
    "--all", "everything", is_flag=True, help="Tell bookkeeping, too (leases, config maps, quiet conditions)."
)
@click.option("--log", "log", type=click.Choice(["text", "json"]), help="Structured logs to standard error.")
@click.option("--quiet", is_flag=True, help="Tell only the verdicts.")
def run(
    scenario: str,
    seed: int | None,
    speed: float | None,
    trace_file: Path | None,
    mqtt: str | None,
    overrides: tuple[str, ...],
    everything: bool,
    log: str | None,
    quiet: bool,
) -> int:
    """Run a scenario and narrate it: one from the library by name, or a file or folder of yours.

    Exit code 0 if every expectation holds, 1 if one does not, 2 if the scenario is no good.

    \b
    Example:
      kubesim run node-failure
      kubesim run node-failure --seed 7 --trace run.jsonl.gz
      kubesim run my-scenario/ --set cluster.nodes=5 --speed 10
    """
    try:
        loaded = load_scenario(find_scenario(scenario), overrides)
    except ScenarioError as error:
        raise click.UsageError(str(error)) from None
    if trace_file is not None:
        write_trace(trace_file, b"")  # Whoever may not write there learns it before the run.
    timeline = Timeline(sys.stdout, quiet=quiet)
    timeline.title(loaded.scenario, loaded.scenario.spec.seed if seed is None else seed)
    started = wall_seconds()
    recording = io.BytesIO() if trace_file else None
    bus = bus_for(mqtt, loaded.scenario.metadata.name)
    replay = command_line(scenario, loaded.scenario.spec.seed if seed is None else seed, overrides)
    try:
        result = play(loaded, timeline, RunOptions(seed, speed, everything, log), Outlets(recording, bus))
    except ScenarioError as error:
        timeline.end_progress()
        raise click.UsageError(str(error)) from None
    except (SimulationError, NotReachedError) as error:
        timeline.end_progress()
        click.echo(f"Error: {error}\nTo see it again: {replay}", err=True)
        return FAILED
    finally:
        if recording is not None and trace_file is not None:
            write_trace(trace_file, recording.getvalue())
        if bus is not None and (lost := bus.close()):
            click.echo(f"Warning: {lost}", err=True)
    timeline.verdicts(result, wall_seconds() - started)
    if not result.ok:
        failed = [entry for entry in result.judged if entry.verdict is Verdict.FAILED]
        timeline.failures(failed, result.last_lines)
        sys.stdout.flush()
        click.echo(f"To see it again: {replay}", err=True)
        return FAILED
    return 0


class RunOptions(NamedTuple):
    """How a scenario is played: None stands for the scenario's own seed, for as fast as possible, for no log."""

    seed: int | None
    speed: float | None
    everything: bool
    log: str | None


class Outlets(NamedTuple):
    """Where a run's recording goes, beside the screen."""

    recording: io.BytesIO | None
    bus: RunBus | None

    def write(self, line: bytes) -> None:
        """One line, to all of them."""
        for outlet in self:
            if outlet is not None:
                outlet.write(line)


def bus_for(url: str | None, name: str) -> RunBus | None:
    """The bus that a run is told to."""
    if not url:
        return None
    from kubesim.cli.bus_options import broker  # Most runs are told to nobody.

    address = broker(url)
    from kubesim.bridge.run_bus import RunBus

    return RunBus(address, name)


def play(loaded: Loaded, timeline: Timeline, options: RunOptions, outlets: Outlets) -> RunResult:
    """Runs it on a virtual loop: as fast as the machine goes, or paced."""

    def begin(cluster: SimCluster) -> None:
        timeline.follow(cluster.sim.clock, loaded.scenario.spec.until)
        if outlets.bus is not None:
            outlets.bus.follow(cluster)
        if options.speed is not None:
            pace_when_booted(cluster, options.speed)
        if options.log is not None:
            from kubesim.cli.logs import log_to  # structlog costs start-up time that only a log is worth.

            log_to(cluster.sim, sys.stderr, as_json=options.log == "json")

    async def main() -> RunResult:
        return await run_scenario(
            loaded,
            timeline.tell,
            seed=options.seed,
            trace_to=outlets if any(outlets) else None,
            everything=options.everything,
            on_cluster=begin,
        )

    return run_on_virtual_time(main)


def pace_when_booted(cluster: SimCluster, speed: float) -> None:
    """Boots as fast as possible, then lets time pass at `speed`."""
    loop = cluster.sim.loop
    assert isinstance(loop, SimLoop)

    def pace() -> None:
        if loop.mode is Mode.VIRTUAL:
            loop.pace(speed)

    cluster.on_booted.append(pace)


def write_trace(path: Path, content: bytes) -> None:
    """Writes the recording; compressed without a date inside, so that equal runs are equal files."""
    try:
        if path.suffix == ".gz":
            content = gzip.compress(content, mtime=0)
        path.write_bytes(content)
    except OSError as error:
        raise click.UsageError(f"{path}: cannot write the trace ({error.strerror or error})") from None


def command_line(scenario: str, seed: int, overrides: tuple[str, ...]) -> str:
    """The exact command that plays the same run again."""
    parts = ["kubesim", "run", scenario, "--seed", str(seed)]
    for override in overrides:
        parts += ["--set", override]
    return shlex.join(parts)
