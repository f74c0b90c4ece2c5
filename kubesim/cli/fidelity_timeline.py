"""`kubesim fidelity timeline`: scenarios that were recorded on a real control plane, played again and compared."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
import orjson

from kubesim.cli.service_options import print_json

if TYPE_CHECKING:
    from kubesim.api.stored import Object
    from kubesim.cluster import SimCluster
    from kubesim.fidelity.timeline import Trial

SEEDS_MAX = 100
SEEDS = re.compile(r"(\d+)(?:-(\d+))?")
JOBS_MAX = 4


def parse_seeds(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """One seed (`3`) or a range of them (`1-8`)."""
    match = SEEDS.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"{value!r} is neither a seed nor a range such as 1-8", context, parameter)
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last < first + SEEDS_MAX:
        raise click.BadParameter(f"{value!r} must go up, over at most {SEEDS_MAX} seeds", context, parameter)
    return tuple(range(first, last + 1))


@click.command("timeline")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--seed", "--seeds", "seeds", metavar="N[-M]", callback=parse_seeds, default="1", show_default=True,
    help="What draws where the recording does not tell; of several seeds the first that agrees counts.",
)  # fmt: skip
@click.option("--in-process", is_flag=True, help="Emulate kubectl instead of starting it: quick, but knows less.")
@click.option("--kubectl", "program", default="kubectl", show_default=True, help="Which kubectl.")
@click.option("--jobs", type=click.IntRange(1, 64), default=None, help="How many side by side [default: one a core].")
@click.option(
    "--keep",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write our own recordings here, under the same names.",
)
@click.option("--verbose", "-v", is_flag=True, help="Show every difference.")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="json for programs.")
def timeline(
    files: tuple[Path, ...],
    seeds: tuple[int, ...],
    *,
    in_process: bool,
    program: str,
    jobs: int | None,
    keep: Path | None,
    verbose: bool,
    output: str,
) -> int:
    """Play the scenario of each recording on a simulated cluster and say which of its changes came out the same.

    The steps run in bash with the kubectl of this machine against an HTTPS endpoint of the cluster. Virtual time
    jumps from step to step, and passes as fast as real time while a command runs. Compared are all recorded changes,
    in words, number, order and time (see docs/recordings.md). Exit code 1 if anything differs.

    \b
    Example:
      kubesim fidelity timeline node-crash.jsonl.gz preemption.jsonl.gz --verbose
      kubesim fidelity timeline recorded/*.jsonl.gz --keep ours/
    """
    from kubesim.fidelity.timeline import TimelineError, read_timeline
    from kubesim.fidelity.timeline.kubectl_program import KubectlMissingError, KubectlProgram

    try:
        for file in files:
            read_timeline(file)
        if not in_process:
            KubectlProgram(program)
    except (TimelineError, KubectlMissingError) as error:
        raise click.ClickException(str(error)) from None
    if keep is not None:
        make_folder(keep, files)
    trials = []
    for trial in played(files, seeds, "" if in_process else program, jobs, keep):
        trials.append(trial)
        if output == "text":
            tell(trial, verbose)
    return summarise(trials, output)


def played(
    files: Sequence[Path], seeds: Sequence[int], program: str, jobs: int | None, keep: Path | None
) -> Iterator[Trial]:
    """Plays all recordings, several at a time, and yields them in their order."""
    workers = min(jobs or min(os.cpu_count() or 1, JOBS_MAX), len(files))
    if program:
        from kubesim.service.certificates import ensure
    with tempfile.TemporaryDirectory(prefix="kubesim-fidelity-") as folder:
        if program:
            ensure(Path(folder))
        if workers == 1:
            for file in files:
                yield play(file, seeds, program, Path(folder), keep)
            return
        with ProcessPoolExecutor(workers) as pool:
            futures = [pool.submit(play, file, seeds, program, Path(folder), keep) for file in files]
            for future in futures:
                yield future.result()


def make_folder(folder: Path, files: Sequence[Path]) -> None:
    """Whoever may not write there learns it before anything is played."""
    if any((folder / file.name).resolve() == file.resolve() for file in files):
        raise click.ClickException(f"{folder} holds the recordings themselves; name another folder for ours")
    if len({file.name for file in files}) < len(files):
        raise click.ClickException("two of the recordings have one name; ours could not be kept apart")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be written ({error.strerror})") from None


def play(file: Path, seeds: Sequence[int], program: str, certificates: Path, keep: Path | None) -> Trial:
    """Plays one recording; our own goes to `keep`, if that is a folder."""
    trial = play_with(file, seeds, program, certificates)
    if keep is not None:
        lines = b"".join(orjson.dumps(line) + b"\n" for line in trial.played)
        (keep / file.name).write_bytes(gzip.compress(lines, mtime=0) if file.suffix == ".gz" else lines)
    return msgspec.structs.replace(trial, played=())


def play_with(file: Path, seeds: Sequence[int], program: str, certificates: Path) -> Trial:
    """Plays one recording: with a kubectl if one is named."""
    from kubesim.fidelity.timeline import best_attempt, read_timeline

    lines: Sequence[Object] = read_timeline(file)
    if not program:
        return best_attempt(lines, seeds)
    from kubesim.fidelity.timeline.bash import real_shell
    from kubesim.fidelity.timeline.kubectl_program import KubectlProgram
    from kubesim.service.scratch import served

    def serve(cluster: SimCluster, kubeconfig: Path, namespace: str) -> AbstractAsyncContextManager[None]:
        return served(cluster, certificates, kubeconfig, namespace)

    return best_attempt(lines, seeds, real_shell(serve, KubectlProgram(program)))


def tell(trial: Trial, verbose: bool) -> None:
    """One recording: a line, and what differs."""
    comparison = trial.comparison
    counts = [f"{comparison.count('agrees')}/{comparison.entries} entries agree"]
    counts += [f"{number} {word}" for word in ("differs", "missing", "extra") if (number := comparison.count(word))]
    counts += [f"{len(comparison.settled)} counters differ"] if comparison.settled else []
    counts += [f"{trial.unplayed} steps not played"] if trial.unplayed else []
    click.echo(f"{'✔' if trial.agrees else '✘'} {trial.name}: {', '.join(counts)} (seed {trial.seed})")
    for note in trial.notes:
        click.echo(f"    note: {note}")
    differences = [each for verdict in comparison.verdicts for each in verdict.differences] + list(comparison.settled)
    for difference in differences if verbose else ():
        click.echo(f"    {difference}")


def summarise(trials: Sequence[Trial], output: str) -> int:
    """The totals; 1 if anything differs."""
    agreeing = sum(trial.agrees for trial in trials)
    entries = sum(trial.comparison.entries for trial in trials)
    agreed = sum(trial.comparison.count("agrees") for trial in trials)
    if output == "json":
        counts = {"timelines": len(trials), "timelinesAgreeing": agreeing, "entries": entries}
        print_json({**counts, "entriesAgreeing": agreed, "results": [as_object(trial) for trial in trials]})
    else:
        click.echo(f"timelines {agreeing}/{len(trials)} entries {agreed}/{entries}")
    return 0 if agreeing == len(trials) else 1


def as_object(trial: Trial) -> dict[str, object]:
    """One recording, for programs."""
    comparison = trial.comparison
    return {
        "name": trial.name,
        "seed": trial.seed,
        "agrees": trial.agrees,
        "entries": {
            "recorded": comparison.entries,
            **{word: comparison.count(word) for word in ("agrees", "differs", "missing", "extra")},
        },
        "unplayedSteps": trial.unplayed,
        "notes": trial.notes,
        "differences": msgspec.to_builtins([each for verdict in comparison.verdicts for each in verdict.differences]),
        "counters": msgspec.to_builtins(comparison.settled),
    }
