"""`kubesim what-if`: a question to a cluster, answered by a copy of it in virtual time."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kubesim.cli.completing import scenario_names
from kubesim.cli.main import FAILED
from kubesim.cli.record import DurationType
from kubesim.cli.service_options import print_json

if TYPE_CHECKING:
    from kubesim.scenario import Loaded
    from kubesim.what_if import Question

Command = Callable[..., Any]
T = TypeVar("T")
HELP = {"help_option_names": ["-h", "--help"]}
MINUTES = DurationType()


@click.group("what-if", short_help="Ask what would happen.", context_settings=HELP)
def what_if() -> None:
    """Ask what would happen to a cluster: a copy of it in virtual time does it, and tells.

    The cluster is a scenario or an imported folder (--on), a profile that runs (-p), or a live cluster (--context).
    Nothing is done there. Exit code 0 if everything finds its place, 1 if something does not.

    \b
    Example:
      kubesim what-if drain node-2 --on my-cluster
      kubesim what-if fit web.yaml --max -p lesson
    """


def asked_options(command: Command) -> Command:
    """Which cluster is meant, as the parameter `loaded`; and --output."""

    @functools.wraps(command)
    def told(
        *args: Any, on: str | None, profile_name: str | None, context: str | None, kubeconfig: Path | None,
        data_dir: Path | None, seed: int | None, **options: Any,
    ) -> Any:  # fmt: skip
        with meant(on, profile_name, context, kubeconfig, data_dir) as loaded:
            return command(*args, copy=Copy(loaded, seed), **options)

    for decorate in reversed(
        (
            click.option("--on", metavar="FILE_OR_NAME", shell_complete=scenario_names,
                         help="A scenario, or what `kubesim import` made."),
            click.option("-p", "--profile", "profile_name", metavar="PROFILE", help="A cluster of `kubesim start`."),
            click.option("--context", metavar="NAME", help="A live cluster, which is only read."),
            click.option("--kubeconfig", metavar="FILE", type=click.Path(path_type=Path), help="With --context."),
            click.option("--data-dir", metavar="DIR", envvar="KUBESIM_HOME",
                         type=click.Path(file_okay=False, path_type=Path), help="With -p: where profiles are kept."),
            click.option("--seed", type=int, help="Chance: ties between equal nodes fall by it."),
            click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text",
                         help="json for programs."),
        )
    ):  # fmt: skip
        told = decorate(told)
    return told


class Copy:
    """A cluster to ask."""

    def __init__(self, loaded: Loaded, seed: int | None) -> None:
        self._loaded = loaded
        self._seed = seed

    def ask(self, question: Question[T]) -> T:
        """The answer; what cannot be asked ends with exit code 2."""
        from kubesim.scenario import ScenarioError
        from kubesim.sim import SimulationError, run
        from kubesim.waiting import NotReachedError
        from kubesim.what_if import WhatIfError, ask

        try:
            return run(lambda: ask(self._loaded, question, self._seed))
        except (WhatIfError, ScenarioError, NotReachedError, SimulationError) as error:
            raise click.ClickException(str(error)) from None


@contextmanager
def meant(
    on: str | None, profile_name: str | None, context: str | None, kubeconfig: Path | None, data_dir: Path | None
) -> Iterator[Loaded]:
    """The cluster that is meant, as a scenario that makes it."""
    from kubesim.scenario import ScenarioError, find_scenario, load_scenario

    if sum(each is not None for each in (on, profile_name, context)) != 1:
        raise click.UsageError("say which cluster: --on FILE_OR_NAME, -p PROFILE or --context NAME")
    if on is not None:
        try:
            yield load_scenario(find_scenario(on))
        except ScenarioError as error:
            raise click.ClickException(str(error)) from None
        return
    from kubesim.cli.import_cluster import check, live_objects
    from kubesim.importing import ImportingError, assemble, write_scenario

    with tempfile.TemporaryDirectory(prefix="kubesim-what-if-") as name:
        folder = Path(name)
        if profile_name is not None:
            kubeconfig, context = kubeconfig_of(profile_name, data_dir, folder), profile_name
        try:
            path = write_scenario(assemble(live_objects(kubeconfig, context or "", "")), folder / "copy")
        except ImportingError as error:
            raise click.ClickException(str(error)) from None
        check(path)
        yield load_scenario(path)


def kubeconfig_of(profile_name: str, data_dir: Path | None, folder: Path) -> Path:
    """How to reach a profile that runs."""
    from kubesim.cli.start import write_kubeconfig
    from kubesim.service import ServiceError
    from kubesim.service.profile import existing, home_folder

    try:
        profile = existing(home_folder(data_dir), profile_name)
        if profile.pid() is None:
            raise ServiceError(f'"{profile_name}" does not run; `kubesim start -p {profile_name}` starts it')
        path = folder / "kubeconfig"
        write_kubeconfig(profile, profile.settings().port, path)
    except ServiceError as error:
        raise click.ClickException(str(error)) from None
    return path


@what_if.command("drain")
@click.argument("nodes", metavar="NODE…", nargs=-1, required=True)
@click.option("--for", "seconds", type=MINUTES, default="10m", show_default=True, help="How long budgets may refuse.")
@asked_options
def drain(nodes: tuple[str, ...], seconds: float, *, copy: Copy, output: str) -> int:
    """What moves where if these nodes are drained, what a budget blocks, what finds no place.

    \b
    Example:
      kubesim what-if drain node-1 node-2 --on my-cluster
    """
    from kubesim.what_if import drain as question

    return answered(copy.ask(lambda cluster: question(cluster, nodes, seconds)), output)


@what_if.command("crash")
@click.argument("nodes", metavar="NODE…", nargs=-1, required=True)
@click.option("--for", "seconds", type=MINUTES, default="10m", show_default=True, help="How long nobody mends them.")
@asked_options
def crash(nodes: tuple[str, ...], seconds: float, *, copy: Copy, output: str) -> int:
    """What happens if these nodes die and stay dead.

    \b
    Example:
      kubesim what-if crash node-2 --on my-cluster --for 30m
    """
    from kubesim.what_if import crash as question

    return answered(copy.ask(lambda cluster: question(cluster, nodes, seconds)), output)


@what_if.command("scale")
@click.argument("target", metavar="KIND/NAME")
@click.argument("replicas", metavar="N", type=click.IntRange(0))
@click.option("-n", "--namespace", default="default", show_default=True, help="Of the workload.")
@click.option("--for", "seconds", type=MINUTES, default="10m", show_default=True, help="How long it may take.")
@asked_options
def scale(target: str, replicas: int, namespace: str, seconds: float, *, copy: Copy, output: str) -> int:
    """Where the Pods go if a workload gets another size.

    \b
    Example:
      kubesim what-if scale deployment/web 20 --on my-cluster
    """
    from kubesim.what_if import scale as question

    return answered(copy.ask(lambda cluster: question(cluster, target, replicas, namespace, seconds)), output)


@what_if.command("fit")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--replicas", type=click.IntRange(1), help="How many are wanted [default: as the file says].")
@click.option("--max", "as_many", is_flag=True, help="As many as fit.")
@asked_options
def fit(file: Path, replicas: int | None, *, as_many: bool, copy: Copy, output: str) -> int:
    """How many instances of a Pod or workload fit, on which nodes, and what stops the next one.

    \b
    Example:
      kubesim what-if fit web.yaml --max --on my-cluster
    """
    import msgspec

    from kubesim.cli.what_if_table import tell_capacity
    from kubesim.importing import ImportingError, read_objects
    from kubesim.what_if import fit as question

    if as_many and replicas is not None:
        raise click.UsageError("say either --replicas or --max")
    try:
        objects = read_objects([file])
    except ImportingError as error:
        raise click.ClickException(str(error)) from None
    found = copy.ask(lambda cluster: question(cluster, objects, replicas, as_many=as_many))
    if output == "json":
        print_json([{**msgspec.to_builtins(each), "ok": each.ok} for each in found])
    else:
        for each in found:
            tell_capacity(each)
    return 0 if all(each.ok for each in found) else FAILED


def answered(answer: Any, output: str) -> int:
    """The answer, as it is wanted; 1 if something found no place."""
    import msgspec

    from kubesim.cli.what_if_table import tell

    if output == "json":
        print_json({**msgspec.to_builtins(answer), "seconds": answer.seconds, "ok": answer.ok})
    else:
        tell(answer)
    return 0 if answer.ok else FAILED
