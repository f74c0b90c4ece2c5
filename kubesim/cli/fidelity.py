"""`kubesim fidelity`: recordings of a real control plane, played again and counted."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from kubesim.cli.fidelity_timeline import timeline
from kubesim.cli.service_options import print_json
from kubesim.fidelity.kubectl import (
    Case,
    CaseResult,
    Player,
    PlayerError,
    TranscriptError,
    compare_case,
    read_transcripts,
)
from kubesim.fidelity.kubectl.transcripts import Answer
from kubesim.service import ServiceError

if TYPE_CHECKING:
    from kubesim.fidelity.scheduler import StepResult

PROFILE = "fidelity"
VALUE_LENGTH_MAX = 60


@click.group(
    short_help="Play recordings of a real cluster, count what agrees.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def fidelity() -> None:
    """Play recordings of a real control plane and count what agrees.

    \b
    Example:
      kubesim fidelity kubectl transcripts.json
      kubesim fidelity scheduler recordings.jsonl.gz
      kubesim fidelity timeline node-crash.jsonl.gz
    """


fidelity.add_command(timeline)


@fidelity.command("kubectl")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--only", metavar="REGEX", default="", help="Only the cases whose id matches.")
@click.option("--kubeconfig", metavar="PATH", type=click.Path(path_type=Path), help="Play on this cluster instead.")
@click.option("--kubectl", "program", default="kubectl", show_default=True, help="Which kubectl.")
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="How many cases side by side.")
@click.option("--verbose", "-v", is_flag=True, help="Show each difference line by line.")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="json for programs.")
def kubectl(
    file: Path, only: str, kubeconfig: Path | None, program: str, jobs: int, *, verbose: bool, output: str
) -> int:
    """Play kubectl transcripts and say how many commands and cases are answered as the real cluster answered them.

    The commands of FILE run in bash, with the kubectl of this machine, against a fresh cluster of three hollow
    nodes (or the one of --kubeconfig). Exit code 1 if anything differs.

    \b
    Example:
      kubesim fidelity kubectl transcripts.json --only '^quota' --verbose
    """
    try:
        transcripts = read_transcripts(file, only)
        results: list[CaseResult] = []
        with cluster(kubeconfig) as path, Player(path, program) as player:

            def done(case: Case, answers: list[Answer]) -> None:
                result = compare_case(case, answers, recorded_nodes=transcripts.meta.nodes, nodes=player.nodes)
                results.append(result)
                if output == "text":
                    tell(result, verbose)

            player.play(transcripts.cases, jobs, done)
    except (TranscriptError, PlayerError, ServiceError) as error:
        raise click.ClickException(str(error)) from None
    return summarise(results, output)


@fidelity.command("scheduler")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="How many differences to show."
)
@click.option("--verbose", "-v", is_flag=True, help="Show all differences, in full.")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="json for programs.")
def scheduler(files: tuple[Path, ...], limit: int, *, verbose: bool, output: str) -> int:
    """Decide recorded placements of a real kube-scheduler again and say how much agrees.

    Compared are the node (any with the highest total is right), every plugin's score of every feasible node, the
    text of FailedScheduling, and whom preemption chose. Exit code 1 if anything differs.

    \b
    Example:
      kubesim fidelity scheduler recordings.jsonl.gz --verbose
    """
    from kubesim.fidelity.scheduler import RecordingError, play, read_recordings, totals

    try:
        recordings = [recording for file in files for recording in read_recordings(file)]
    except RecordingError as error:
        raise click.ClickException(str(error)) from None
    results = [result for recording in recordings for result in play(recording)]
    counts = totals(results)
    differing = [result for result in results if result.differences]
    if output == "json":
        numbers = {kind: {"agreed": agreed, "compared": compared} for kind, (agreed, compared) in counts.items()}
        print_json({**numbers, "differences": msgspec.to_builtins(differing)})
    else:
        tell_placements(differing, sys.maxsize if verbose else limit, verbose)
        click.echo(" ".join(f"{kind} {agreed}/{compared}" for kind, (agreed, compared) in counts.items()))
    return 1 if differing else 0


def tell_placements(differing: Sequence[StepResult], limit: int, verbose: bool) -> None:
    """The first differences, a line each; in full two more, with both values."""
    shown = 0
    for result in differing:
        for difference in result.differences:
            if shown == limit:
                click.echo(f"… {sum(len(result.differences) for result in differing) - shown} more (--verbose)")
                return
            shown += 1
            head = f"✘ seed {result.seed} {result.pod}: {difference.kind}: {difference.what}"
            if verbose:
                click.echo(f"{head}\n    real  {difference.real}\n    ours  {difference.ours}")
            else:
                click.echo(f"{head}: real {shorten(difference.real)}, ours {shorten(difference.ours)}")


def shorten(text: str) -> str:
    """So much of a text that two fit on a line."""
    return text if len(text) <= VALUE_LENGTH_MAX else text[: VALUE_LENGTH_MAX - 1] + "…"


@contextmanager
def cluster(kubeconfig: Path | None) -> Iterator[Path]:
    """The kubeconfig of the cluster to play on: one that is there, or one of our own for as long as this takes."""
    if kubeconfig is not None:
        yield kubeconfig
        return
    from kubesim.cli.start import prepare, write_kubeconfig
    from kubesim.service import daemon
    from kubesim.service.profile import Profile, Settings

    with tempfile.TemporaryDirectory(prefix="kubesim-fidelity-") as folder:
        profile = Profile(Path(folder), PROFILE)
        settings = Settings(behavior="hollow")
        lock = profile.lock()
        assert lock is not None, "nobody else knows this folder"
        profile.save(settings)
        ready = daemon.launch(profile, lock, lambda: prepare(profile), lambda _: None)
        try:
            path = Path(folder) / "kubeconfig"
            write_kubeconfig(profile, ready["port"], path)
            yield path
        finally:
            daemon.stop(profile)


def tell(result: CaseResult, verbose: bool) -> None:
    """One case that differs."""
    if not result.differences:
        return
    first = result.differences[0]
    counts = f"{len(result.differences)}/{result.commands} commands differ"
    click.echo(f"✘ {result.id} [{result.group}]: {counts}; first: {first.cmd[:90]!r} ({', '.join(first.fields)})")
    for difference in result.differences if verbose else ():
        click.echo(f"  $ {difference.cmd}")
        for line in difference.lines:
            click.echo(f"    {line}")


def summarise(results: list[CaseResult], output: str) -> int:
    """The totals; 1 if anything differs."""
    commands, identical = sum(result.commands for result in results), sum(result.identical for result in results)
    cases = sum(not result.differences for result in results)
    if output == "json":
        counts = {"cases": len(results), "casesIdentical": cases, "commands": commands, "commandsIdentical": identical}
        print_json({**counts, "results": msgspec.to_builtins(results)})
    else:
        click.echo(f"cases {cases}/{len(results)} commands {identical}/{commands}")
    return 0 if identical == commands else 1
