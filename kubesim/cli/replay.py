"""`kubesim replay`: a scenario on a cluster of somebody else."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kubesim.cli.completing import scenario_names
from kubesim.cli.main import FAILED
from kubesim.cli.real_options import real_options, show_plan, tell, until_interrupted
from kubesim.cli.run import write_trace
from kubesim.cli.timeline import Timeline
from kubesim.scenario import Loaded, ScenarioError, Verdict, find_scenario, load_scenario
from kubesim.sim.clock import wall_seconds
from kubesim.waiting import NotReachedError

if TYPE_CHECKING:
    from kubesim.client.kubeconfig import Access
    from kubesim.realcluster.session import Options
    from kubesim.sim import Simulation


@click.command(short_help="Run a scenario on a real cluster.")
@click.argument("scenario", metavar="FILE_OR_NAME", shell_complete=scenario_names, required=False)
@real_options
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--force", is_flag=True, help="Also a scenario that is not marked replayable.")
@click.option("--clean-up", is_flag=True, help="Only remove what earlier runs have left behind.")
@click.option(
    "--trace", "trace_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a recording here, too."
)
@click.option("--quiet", is_flag=True, help="Tell only the verdicts.")
def replay(
    scenario: str | None, access: Access, options: Options, dry_run: bool, force: bool, clean_up: bool,
    trace_file: Path | None, quiet: bool,
) -> int:  # fmt: skip
    """Run a scenario on a real cluster: its steps at their times, with its expectations.

    Everything happens in a namespace of the run's own, which is deleted in the end, also after Ctrl-C. Exit code 0 if
    every expectation holds, 1 if one does not, 2 if the scenario or the cluster is no good.

    \b
    Example:
      kubesim replay node-failure --context minikube --dry-run
      kubesim replay node-failure --context minikube --allow-disruption
    """
    if clean_up:
        return until_interrupted(lambda sim: remove_leftovers(sim, access, options))
    if not scenario:
        raise click.UsageError("name a scenario; `kubesim scenarios list` shows those of the library")
    loaded = load(scenario, force=force)
    if trace_file is not None:
        write_trace(trace_file, b"")  # Whoever may not write there learns it before the run.
    return until_interrupted(lambda sim: play(sim, loaded, access, options, trace_file, dry_run=dry_run, quiet=quiet))


def load(scenario: str, *, force: bool) -> Loaded:
    """The scenario; one that makes no sense on a real cluster is refused."""
    try:
        loaded = load_scenario(find_scenario(scenario))
    except ScenarioError as error:
        raise click.UsageError(str(error)) from None
    if not loaded.scenario.spec.replayable and not force:
        raise click.UsageError(
            f"{loaded.path}: this scenario is not marked replayable; --force plays it on a real cluster all the same"
        )
    return loaded


async def remove_leftovers(sim: Simulation, access: Access, options: Options) -> int:
    """`--clean-up`."""
    from kubesim.realcluster.errors import RealClusterError
    from kubesim.realcluster.session import Session

    async with Session(sim, access, options, tell) as session:
        problems = await session.clean_leftovers(everything=True)
    if problems:
        raise RealClusterError("; ".join(problems))
    return 0


async def play(
    sim: Simulation, loaded: Loaded, access: Access, options: Options, trace_file: Path | None, *,
    dry_run: bool, quiet: bool,
) -> int:  # fmt: skip
    """One run."""
    from kubesim.realcluster.errors import RealClusterError
    from kubesim.realcluster.session import Session

    recording = io.BytesIO()
    timeline = Timeline(sys.stdout, quiet=quiet)
    started = wall_seconds()
    async with Session(sim, access, options, tell) as session:
        plan = await session.plan(loaded)
        if dry_run:
            show_plan(session, plan, loaded.scenario.spec.title)
            return 0
        await session.check(plan)
        await session.clean_leftovers()
        for warning in plan.warnings:
            tell(f"warning: {warning}")
        timeline.title(loaded.scenario, None)
        timeline.follow(sim.clock, loaded.scenario.spec.until)
        try:
            result = await session.play(loaded, plan, timeline.tell, trace_to=recording)
        except (ScenarioError, NotReachedError) as error:
            raise RealClusterError(str(error)) from None
        finally:
            timeline.end_progress()
            if trace_file is not None:
                write_trace(trace_file, recording.getvalue())
    timeline.verdicts(result, wall_seconds() - started)
    if not result.ok:
        timeline.failures([entry for entry in result.judged if entry.verdict is Verdict.FAILED], result.last_lines)
        return FAILED
    return 0
