"""`kubesim explain-schedule`: why a Pod went where it went, or nowhere."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import click

from kubesim.cli.completing import scenario_names
from kubesim.cli.service_options import output_option, print_json, profile_options
from kubesim.service import ServiceError

Told = dict[str, Any]


@click.command("explain-schedule", short_help="Say why a Pod went where it went, or nowhere.")
@click.argument("pod", required=False)
@click.option("-n", "--namespace", help="The Pod's namespace [default: default; without a POD: all].")
@profile_options
@click.option(
    "--trace", "trace_file", type=click.Path(dir_okay=False, path_type=Path), help="Ask a recording of `run --trace`."
)
@click.option(
    "--scenario", metavar="FILE_OR_NAME", shell_complete=scenario_names, help="Run a scenario, and ask about that run."
)
@click.option("--seed", type=int, help="With --scenario: another seed than the scenario's.")
@click.option("--set", "overrides", metavar="K=V", multiple=True, help="With --scenario: change a field.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="Only the Nth attempt.")
@output_option
def explain_schedule(
    pod: str | None,
    namespace: str | None,
    profile_name: str,
    home: Path,
    trace_file: Path | None,
    scenario: str | None,
    seed: int | None,
    overrides: tuple[str, ...],
    attempt: int | None,
    output: str,
) -> None:
    """Say why a Pod went where it went, or nowhere: every node, every plugin, every attempt.

    Nodes that are out come with the reason in numbers; the others with the points of every score plugin, normalised
    and times its weight (the raw score in brackets). Without a POD it lists the Pods that were tried. The cluster that
    is asked is the running one of the profile, or that of a recording or of a scenario. docs/scheduling.md tells how
    to read the table.

    \b
    Example:
      kubesim explain-schedule web-7887448d46-9b5gw
      kubesim explain-schedule --scenario pending-for-lack-of-cpu
      kubesim explain-schedule web-0 --trace run.jsonl.gz --attempt 2 --output json
    """
    if trace_file is not None and scenario is not None:
        raise click.UsageError("ask a recording (--trace) or a scenario (--scenario), not both")
    if scenario is None and (seed is not None or overrides):
        raise click.UsageError("--seed and --set go with --scenario")
    if trace_file is None and scenario is None:
        answer = _of_cluster(home, profile_name, namespace or "default", pod, attempt)
    else:
        lines = _read(trace_file) if trace_file is not None else _run(str(scenario), seed, overrides)
        answer = _of_lines(lines, str(trace_file or scenario), namespace or "default", pod, attempt)
    if pod is None and namespace is not None:
        answer = {"pods": [one for one in answer["pods"] if one["pod"].startswith(f"{namespace}/")]}
    if output == "json":
        print_json(answer["pods"] if pod is None else answer)
        return
    from kubesim.cli.scheduling_table import pods_in_lines, story_in_lines

    if pod is None:
        told = pods_in_lines(answer["pods"]) if answer["pods"] else [_nothing_tried(namespace)]
    else:
        told = story_in_lines(answer)
    click.echo("\n".join(told))


def _of_cluster(home: Path, profile_name: str, namespace: str, pod: str | None, attempt: int | None) -> Told:
    from kubesim.service.control_client import ask
    from kubesim.service.profile import existing

    profile = existing(home, profile_name)
    if pod is None:
        return ask(profile, "GET", "attempts")
    body: dict[str, object] = {"namespace": namespace, "pod": pod}
    if attempt is not None:
        body["attempt"] = attempt
    return _checked(ask(profile, "POST", "explain-schedule", body), pod)


def _of_lines(lines: list[Told], where: str, namespace: str, pod: str | None, attempt: int | None) -> Told:
    from kubesim.recording import AttemptsOfRecording

    attempts = AttemptsOfRecording(lines)
    if pod is None:
        return {"pods": attempts.pods()}
    key = f"{namespace}/{pod}"
    if not attempts.knows(key):
        known = [name for name in attempts.all_pods() if name.startswith(f"{namespace}/")]
        hint = f"; there is {_few([name.partition('/')[2] for name in known])}" if known else ""
        raise ServiceError(f'{where} shows no Pod "{pod}" in the namespace "{namespace}"{hint}')
    if not len(attempts):
        raise ServiceError(f"{where} holds no attempts of the scheduler's; `kubesim run NAME --trace FILE` writes them")
    story = attempts.story(key)
    tried = [one["attempt"] for one in story["attempts"]]
    if attempt is not None and tried and attempt not in tried:
        raise ServiceError(f'the Pod "{pod}" has no attempt {attempt}; the last is {max(tried)}')
    return _checked(attempts.story(key, attempt), pod)


def _checked(story: Told, pod: str) -> Told:
    """The story, if there is one to tell."""
    if story["attempts"]:
        return story
    if story.get("gates"):
        raise ServiceError(
            f'the Pod "{pod}" is not tried yet: it waits at its scheduling gates ({", ".join(story["gates"])}) until '
            "somebody removes them from spec.schedulingGates"
        )
    if story["node"]:
        raise ServiceError(f'the Pod "{pod}" is on {story["node"]}, but it was not this scheduler that put it there')
    raise ServiceError(f'the Pod "{pod}" was not tried yet by any scheduler here; it asks for "{story["scheduler"]}"')


def _nothing_tried(namespace: str | None) -> str:
    return "No Pod was tried." if namespace is None else f'No Pod was tried in the namespace "{namespace}".'


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def _read(path: Path) -> list[Told]:
    """The lines of a recording."""
    from kubesim.recording import read_recording

    try:
        return list(read_recording(path))
    except OSError as error:
        raise ServiceError(f"{path} cannot be read ({error.strerror or error})") from None
    except (ValueError, EOFError) as error:
        raise ServiceError(f"{path} is no recording ({error})") from None


def _run(scenario: str, seed: int | None, overrides: tuple[str, ...]) -> list[Told]:
    """Plays a scenario without telling it; the lines of its recording."""
    from kubesim.recording import decode_lines
    from kubesim.scenario import ScenarioError, find_scenario, load_scenario, run_scenario
    from kubesim.sim import SimulationError
    from kubesim.sim import run as run_on_virtual_time
    from kubesim.waiting import NotReachedError

    recording = io.BytesIO()
    try:
        loaded = load_scenario(find_scenario(scenario), overrides)
        run_on_virtual_time(lambda: run_scenario(loaded, lambda _: None, seed=seed, trace_to=recording))
    except (ScenarioError, SimulationError, NotReachedError) as error:
        raise ServiceError(str(error)) from None
    return list(decode_lines(recording.getvalue().splitlines()))
