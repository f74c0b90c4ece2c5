"""`kubesim fidelity`: recordings of a real control plane, played again and counted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

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

PROFILE = "fidelity"


@click.group(
    short_help="Play recordings of a real control plane and count what agrees.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def fidelity() -> None:
    """Play recordings of a real control plane and count what agrees.

    \b
    Example:
      kubesim fidelity kubectl transcripts.json
    """


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
