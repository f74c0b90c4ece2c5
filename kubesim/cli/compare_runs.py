"""`kubesim compare --scenario`: the runs themselves, on a real cluster and simulated, as recordings in a folder."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from kubesim.cli.main import FAILED

if TYPE_CHECKING:
    from kubesim.scenario import Loaded

REAL, SIMULATED = "real", "simulated"


class RealRuns(NamedTuple):
    """What to play, where, how often, and what is allowed there."""

    scenario: str
    kubeconfig: Path | None
    context: str
    runs: int
    driver: str
    allowed: tuple[str, ...]
    allow_disruption: bool
    skip_impossible: bool
    slack_seconds: float
    keep: Path | None


@contextmanager
def recorded(wish: RealRuns) -> Iterator[tuple[Path, Path]]:
    """Plays all runs; the folders with the recordings of the real ones, and of the simulated ones.

    Without `keep` they are gone afterwards.
    """
    with contextlib.ExitStack() as stack:
        folder = wish.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kubesim-compare-")))
        real, simulated = folder / REAL, folder / SIMULATED
        try:
            for each in (real, simulated):
                each.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.UsageError(f"{folder}: cannot be written ({error.strerror})") from None
        if old := sorted((*real.glob("*.jsonl*"), *simulated.glob("*.jsonl*"))):
            raise click.UsageError(f"{old[0]}: there is a recording already; name an empty folder")
        loaded = loaded_for(wish)
        for number in range(1, wish.runs + 1):
            simulate(loaded, loaded.scenario.spec.seed + number - 1, simulated / f"{number}.jsonl.gz")
        for number in range(1, wish.runs + 1):
            click.echo(f"run {number} of {wish.runs} on context {wish.context or '(current)'}", err=True)
            play(wish, loaded, real / f"{number}.jsonl.gz")
        yield real, simulated


def loaded_for(wish: RealRuns) -> Loaded:
    """The scenario; one that makes no sense on a real cluster is refused."""
    from kubesim.cli.replay import load

    return load(wish.scenario, force=False)


def simulate(loaded: Loaded, seed: int, file: Path) -> None:
    """One run in virtual time, told to nobody."""
    from kubesim.cli.run import write_trace
    from kubesim.scenario import ScenarioError, run_scenario
    from kubesim.sim import run
    from kubesim.waiting import NotReachedError

    recording = io.BytesIO()
    try:
        run(lambda: run_scenario(loaded, lambda _: None, seed=seed, trace_to=recording))
    except (ScenarioError, NotReachedError) as error:
        raise click.ClickException(f"the simulated run: {error}") from None
    write_trace(file, recording.getvalue())


def play(wish: RealRuns, loaded: Loaded, file: Path) -> None:
    """One run on the real cluster."""
    from kubesim.cli import replay
    from kubesim.cli.main import INTERRUPTED
    from kubesim.cli.real_options import until_interrupted
    from kubesim.client.kubeconfig import KubeconfigError, access_of, load
    from kubesim.realcluster.errors import RealClusterError
    from kubesim.realcluster.session import Options

    options = Options(
        driver=wish.driver, allowed_contexts=wish.allowed, allow_disruption=wish.allow_disruption,
        skip_impossible=wish.skip_impossible, slack_seconds=wish.slack_seconds,
    )  # fmt: skip
    try:
        access = access_of(load(wish.kubeconfig), wish.context)
        with contextlib.redirect_stdout(io.StringIO()):  # The comparison is what is told.
            code = until_interrupted(
                lambda sim: replay.play(sim, loaded, access, options, file, dry_run=False, quiet=True)
            )
    except (KubeconfigError, RealClusterError) as error:
        raise click.ClickException(str(error)) from None
    if code == INTERRUPTED:
        raise click.Abort
    if code == FAILED:
        click.echo("(an expectation did not hold on the real cluster)", err=True)
