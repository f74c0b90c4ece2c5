"""`kubesim import`: a simulated cluster from a real one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kubesim.cli.main import INTERRUPTED

if TYPE_CHECKING:
    from kubesim.api.stored import Object
    from kubesim.client.kubeconfig import Access


@click.command("import", short_help="Make a simulated cluster from a real one.")
@click.argument("files", metavar="[FILE…]", nargs=-1, type=click.Path(path_type=Path))
@click.option("--context", metavar="NAME", help="Read the live cluster of this context; nothing is written there.")
@click.option(
    "--kubeconfig", metavar="FILE", type=click.Path(path_type=Path), help="The kubeconfig [default: kubectl's]."
)
@click.option(
    "-n", "--namespace", default="", metavar="NAME", help="With --context: only this namespace [default: all]."
)
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the scenario goes.",
)
@click.option("--start", "starts", is_flag=True, help="Start it as a cluster that is served, too.")
@click.option("-p", "--profile", "profile_name", metavar="PROFILE", default="", help="With --start: how it is called.")
def import_cluster(
    files: tuple[Path, ...], context: str | None, kubeconfig: Path | None, namespace: str, folder: Path | None, *,
    starts: bool, profile_name: str,
) -> int:  # fmt: skip
    """Make a simulated cluster from a real one: its nodes, its workloads, its Pods where they run.

    Read from files, as `kubectl get … -A -o yaml` prints them, or from a live cluster. The result is a scenario, which
    can be run, started, and asked (`kubesim what-if`). Secrets are never read: where one is referred to, an empty one
    stands in.

    \b
    Example:
      kubectl get nodes,pods,deploy,rs,sts,ds,svc,pdb,pvc,pv -A -o yaml > cluster.yaml
      kubesim import cluster.yaml -o my-cluster
      kubesim import --context prod -o my-cluster && kubesim what-if drain node-3 --on my-cluster
    """
    from kubesim.importing import ImportingError, assemble, read_objects, write_scenario
    from kubesim.service.profile import DEFAULT_NAME, home_folder

    if bool(files) == (context is not None):
        raise click.UsageError("name files, or a live cluster with --context")
    if folder is None and not starts:
        raise click.UsageError("say where the scenario goes with -o FOLDER, or --start it")
    if profile_name and not starts:
        raise click.UsageError("-p goes with --start")
    if folder is None:
        folder = home_folder(None) / "imported" / (profile_name or DEFAULT_NAME)  # A later start reads it again.
    try:
        world = assemble(read_objects(files) if files else live_objects(kubeconfig, context or "", namespace))
        path = write_scenario(world, folder)
    except ImportingError as error:
        raise click.ClickException(str(error)) from None
    check(path)
    counts = ", ".join(f"{len(objects)} in {name}" for name, objects in world.stages.items())
    click.echo(f"{path}: {len(world.nodes)} nodes; {counts or 'no objects'}")
    for note in world.notes:
        click.echo(f"  {note}")
    return start(path, profile_name) if starts else 0


def check(path: Path) -> None:
    """What was written can be run; if not, that is said now."""
    from kubesim.scenario import ScenarioError, load_scenario

    try:
        load_scenario(path)
    except ScenarioError as error:
        raise click.ClickException(f"the cluster was imported, but it cannot be run: {error}") from None


def live_objects(kubeconfig: Path | None, context: str, namespace: str) -> list[Object]:
    """What the cluster of a context holds."""
    from kubesim.client.kubeconfig import KubeconfigError, access_of, load

    try:
        return objects_of(access_of(load(kubeconfig), context), namespace)
    except KubeconfigError as error:
        raise click.ClickException(str(error)) from None


def objects_of(access: Access, namespace: str = "") -> list[Object]:
    """What a live cluster holds; it is only read."""
    from kubesim.cli.real_options import tell, until_interrupted
    from kubesim.client.client import Client
    from kubesim.client.http import HttpTransport
    from kubesim.importing import fetch
    from kubesim.realcluster.connecting import greet
    from kubesim.realcluster.errors import RealClusterError
    from kubesim.sim import Simulation

    found: list[Object] = []

    async def read(_: Simulation) -> int:
        transport = HttpTransport(access)
        try:
            await greet(transport)
            found.extend(await fetch(Client(transport, "kubesim-import"), namespace, tell))
        finally:
            await transport.close()
        return 0

    try:
        if until_interrupted(read) == INTERRUPTED:
            raise click.Abort
    except RealClusterError as error:
        raise click.ClickException(str(error)) from None
    return found


def start(path: Path, profile_name: str) -> int:
    """`kubesim start --scenario`."""
    from kubesim.cli.start import start as command

    arguments = ["--scenario", str(path)] + (["-p", profile_name] if profile_name else [])
    code = command.main(arguments, standalone_mode=False)
    return code if isinstance(code, int) else 0
