"""`kubesim scheduler compare`: one workload, two configurations of the scheduler, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kubesim.cli.completing import scenario_names
from kubesim.cli.service_options import output_option, print_json, print_table

DEFAULT = "default"
Told = dict[str, Any]


@click.group(
    short_help="Compare configurations of the scheduler.", context_settings={"help_option_names": ["-h", "--help"]}
)
def scheduler() -> None:
    """What different configurations make of the same workload.

    \b
    Example:
      kubesim scheduler compare bin-packing-or-spreading default most-allocated.yaml
    """


@scheduler.command()
@click.argument("scenario", metavar="FILE_OR_NAME", shell_complete=scenario_names)
@click.argument("first", metavar="CONFIG")
@click.argument("second", metavar="CONFIG")
@click.option("--seed", type=int, help="Another seed than the scenario's.")
@click.option("--set", "overrides", metavar="K=V", multiple=True, help="Change a field of the scenario.")
@output_option
def compare(scenario: str, first: str, second: str, seed: int | None, overrides: tuple[str, ...], output: str) -> None:
    """Run a scenario with two scheduler configurations: utilisation by node, Pods that wait, how even the spread is.

    A CONFIG is a KubeSchedulerConfiguration file, here or in the scenario's folder, or the word default.

    \b
    Example:
      kubesim scheduler compare bin-packing-or-spreading default most-allocated.yaml
    """
    ends = [_play(scenario, config, seed, overrides) for config in (first, second)]
    if output == "json":
        print_json(ends)
        return
    names = [node["name"] for node in ends[0]["nodes"]]
    rows = [(name, *(cell for end in ends for cell in _cells(end, name))) for name in names]
    print_table(
        ("NODE", *(head for config in (first, second) for head in (f"{Path(config).name}: PODS", "CPU", "MEMORY"))),
        rows,
    )
    for config, end in zip((first, second), ends, strict=True):
        waiting = ", ".join(end["pending"]) or "none"
        click.echo(
            f"{Path(config).name}: Pods that wait: {waiting}; most and fewest Pods on a node differ by {end['skew']}"
        )


def _cells(end: Told, name: str) -> tuple[str, ...]:
    node = next((node for node in end["nodes"] if node["name"] == name), None)
    return ("-", "-", "-") if node is None else (str(node["pods"]), f"{node['cpu']} %", f"{node['memory']} %")


def _play(scenario: str, config: str, seed: int | None, overrides: tuple[str, ...]) -> Told:
    """The end of one run."""
    from kubesim.cluster import SimCluster
    from kubesim.scenario import ScenarioError, find_scenario, load_scenario, run_scenario
    from kubesim.sim import SimulationError
    from kubesim.sim import run as run_on_virtual_time
    from kubesim.waiting import NotReachedError

    clusters: list[SimCluster] = []
    try:
        path = find_scenario(scenario)
        chosen = "" if config == DEFAULT else str(_file(config, path.parent))
        loaded = load_scenario(path, (*overrides, f"cluster.schedulerConfig={chosen!r}"))
        run_on_virtual_time(lambda: run_scenario(loaded, lambda _: None, seed=seed, on_cluster=clusters.append))
    except (ScenarioError, SimulationError, NotReachedError) as error:
        raise click.ClickException(str(error)) from None
    return {"config": config, **_end(clusters[0])}


def _file(config: str, folder: Path) -> Path:
    for path in (Path(config), folder / config):
        if path.is_file():
            return path.absolute()
    raise click.ClickException(f'there is no file "{config}", neither here nor in {folder}; or say {DEFAULT}')


def _end(cluster: Any) -> Told:
    """Utilisation by node, Pods that wait, and the skew."""
    from kubesim.api.resources import NODES, PODS
    from kubesim.api.views import Node, Pod
    from kubesim.scheduler.resources import CPU, MEMORY, add, amounts, pod_requests

    pods = [stored.view(Pod) for stored in cluster.all(PODS)]
    pods = [pod for pod in pods if pod.status.phase not in ("Succeeded", "Failed")]
    nodes = []
    for stored in cluster.all(NODES):
        there = [pod for pod in pods if pod.spec.node_name == stored.name]
        asked: dict[str, int] = {}
        for pod in there:
            add(asked, pod_requests(pod.spec))
        has = amounts(stored.view(Node).status.allocatable)
        shares = {name: 100 * asked.get(name, 0) // has[name] if has.get(name) else 0 for name in (CPU, MEMORY)}
        nodes.append({"name": stored.name, "pods": len(there), **shares})
    counts = [node["pods"] for node in nodes]
    pending = [f"{pod.metadata.namespace}/{pod.metadata.name}" for pod in pods if not pod.spec.node_name]
    return {"nodes": nodes, "pending": pending, "skew": max(counts, default=0) - min(counts, default=0)}
