"""`kubesim compare`: two recordings, or two sets of them, side by side."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubesim.cli.compare_runs import RealRuns, recorded
from kubesim.cli.completing import scenario_names
from kubesim.cli.main import FAILED
from kubesim.cli.service_options import print_json

if TYPE_CHECKING:
    from kubesim.compare.findings import Tolerance
    from kubesim.compare.pair import Rules
    from kubesim.compare.recorded_run import RecordedRun
    from kubesim.compare.runs import Report

AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|%)")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
RUNS_MAX = 50
NEEDS_SCENARIO = ("context", "kubeconfig", "keep", "allowed", "allow_disruption", "skip_impossible")

Command = Callable[..., Any]


class ToleranceType(click.ParamType["Tolerance"]):
    """`2s`, `5%`, or both."""

    name = "2s,5%"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Tolerance:
        """How far times may be apart."""
        from kubesim.compare.findings import Tolerance

        if isinstance(value, Tolerance):
            return value
        amounts = {"seconds": 0.0, "share": 0.0}
        for word in str(value).split(","):
            found = AMOUNT.fullmatch(word.strip())
            if found is None:
                self.fail(f"a tolerance is seconds, a share of the delay, or both (2s,5%), not {value}", param, ctx)
            if found[2] == "%":
                amounts["share"] = float(found[1]) / 100
            else:
                amounts["seconds"] = float(found[1]) * SECONDS[found[2]]
        return Tolerance(**amounts)


def recording_options(command: Command) -> Command:
    """The options about runs that have yet to be made, as one parameter `wish`; None without --scenario."""

    @functools.wraps(command)
    def told(*args: Any, scenario: str | None, **options: Any) -> Any:
        given = {name: options.pop(name) for name in RealRuns._fields if name != "scenario"}
        if scenario is None and any(given[name] for name in NEEDS_SCENARIO):
            raise click.UsageError("--context, --kubeconfig and --keep go with --scenario FILE_OR_NAME")
        return command(*args, wish=RealRuns(scenario=scenario, **given) if scenario else None, **options)

    for decorate in reversed(
        (
            click.option("--scenario", metavar="FILE_OR_NAME", shell_complete=scenario_names,
                         help="Make the runs: A on a real cluster, B simulated."),
            click.option("--context", metavar="NAME", default="", help="With --scenario: where [default: current]."),
            click.option("--kubeconfig", metavar="FILE", type=click.Path(path_type=Path), help="With --scenario."),
            click.option("--runs", type=click.IntRange(1, RUNS_MAX), default=1, show_default=True,
                         help="With --scenario: how many runs on each side."),
            click.option("--keep", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path),
                         help="With --scenario: keep the recordings here."),
            click.option("--driver", default="auto", metavar="NAME", help="As for `kubesim replay`."),
            click.option("--allow-context", "allowed", multiple=True, metavar="NAME", help="As for `kubesim replay`."),
            click.option("--allow-disruption", is_flag=True, help="As for `kubesim replay`."),
            click.option("--skip-impossible", is_flag=True, help="As for `kubesim replay`."),
            click.option("--slack", "slack_seconds", type=click.FloatRange(0), default=0.0, metavar="SECONDS",
                         help="As for `kubesim replay`."),
        )
    ):  # fmt: skip
        told = decorate(told)
    return told


@click.command(short_help="Lay two recordings side by side.")
@click.argument("a", metavar="A", required=False)
@click.argument("b", metavar="B", required=False)
@click.option("-a", "--more-a", "more_a", metavar="A", multiple=True, help="More runs of A: files, folders, patterns.")
@click.option("-b", "--more-b", "more_b", metavar="B", multiple=True, help="More runs of B.")
@click.option(
    "--tolerance",
    type=ToleranceType(),
    default="2s",
    show_default=True,
    help="How far times may be apart, from their cause: seconds, a share, or both.",
)
@click.option("--strict", is_flag=True, help="Also what two runs of one real cluster may differ in (racy entries).")
@click.option("--exact-nodes", is_flag=True, help="Equal nodes do not stand for each other.")
@click.option("--all", "everything", is_flag=True, help="Show also what is the same.")
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with the lives of all objects side by side.",
)
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="json for programs.")
@recording_options
def compare(
    a: str | None,
    b: str | None,
    more_a: tuple[str, ...],
    more_b: tuple[str, ...],
    tolerance: Tolerance,
    wish: RealRuns | None,
    *,
    strict: bool,
    exact_nodes: bool,
    everything: bool,
    report: Path | None,
    output: str,
) -> int:
    """Compare two recordings of one scenario: what happened to which object, in which words and order, and when.

    Clocks and names that chance made are left out: objects are known by owner, template and role. A and B are files
    (*.jsonl, *.jsonl.gz), folders or patterns; of several runs a difference counts that every pair of them shows. Exit
    code 0 if nothing differs, 1 if something does, 2 if a file is no recording.

    \b
    Example:
      kubesim compare real.jsonl.gz run.jsonl.gz --report report.html
      kubesim compare 'minikube/*.jsonl.gz' simulated/ --tolerance 3s,5%
      kubesim compare --scenario scale-up-and-down --context minikube --runs 3
    """
    from kubesim.compare.pair import Rules

    sides = tuple(place for place in (a, *more_a) if place), tuple(place for place in (b, *more_b) if place)
    if wish is not None and any(sides):
        raise click.UsageError("name either recordings or --scenario, not both")
    if wish is None and not all(sides):
        raise click.UsageError("name two recordings: kubesim compare A B")
    if report is not None:
        write_page(report, "")  # Whoever may not write there learns it before the work.
    rules = Rules(tolerance, strict=strict, exact_nodes=exact_nodes)
    if wish is None:
        result = compared(*sides, rules)
    else:
        with recorded(wish) as (real, simulated):
            result = compared((str(real),), (str(simulated),), rules)
    return show(result, everything=everything, report=report, output=output)


def compared(left: tuple[str, ...], right: tuple[str, ...], rules: Rules) -> Report:
    """The report on what lies at these places."""
    from kubesim.compare.recorded_run import RecordingError
    from kubesim.compare.runs import compare_runs

    try:
        return compare_runs(read_all(left), read_all(right), rules)
    except RecordingError as error:
        raise click.ClickException(str(error)) from None


def read_all(places: tuple[str, ...]) -> list[RecordedRun]:
    """The recordings at these places, each of them once."""
    from kubesim.compare.recorded_run import RecordingError, read_run, recordings_in

    paths = list(dict.fromkeys(path for place in places for path in recordings_in(place)))
    if len(paths) > RUNS_MAX:
        raise RecordingError(f"{len(paths)} runs on one side; at most {RUNS_MAX} are compared")
    return [read_run(path) for path in paths]


def show(result: Report, *, everything: bool, report: Path | None, output: str) -> int:
    """The result, in all the forms that were asked for; 1 if anything differs."""
    from kubesim.cli.compare_table import tell
    from kubesim.compare.as_object import as_object

    if report is not None:
        from kubesim.compare.page import page

        write_page(report, page(result))
    if output == "json":
        print_json(as_object(result, everything=everything))
    else:
        tell(result, everything=everything)
        if report is not None:
            click.echo(f"The lives of all objects side by side: {report}")
    return FAILED if result.differences else 0


def write_page(path: Path, text: str) -> None:
    """Writes the report, or says why not."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{path}: cannot write the report ({error.strerror or error})") from None
