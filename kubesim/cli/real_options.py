"""What `kubesim replay` and `kubesim record` share: options about a cluster of somebody else, and Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from kubesim.cli.context_options import kubeconfig_options
from kubesim.cli.main import INTERRUPTED

if TYPE_CHECKING:
    from kubesim.realcluster.planning import Plan
    from kubesim.realcluster.session import Session
    from kubesim.sim import Simulation

Command = Callable[..., Any]


def real_options(command: Command) -> Command:
    """Adds what is allowed, and how nodes are driven, as one parameter `options`."""
    import functools

    @functools.wraps(command)
    def told(
        *args: Any, driver: str, allowed: tuple[str, ...], allow_disruption: bool, skip_impossible: bool,
        any_version: bool, slack: float, **rest: Any,
    ) -> Any:  # fmt: skip
        from kubesim.realcluster.session import Options

        options = Options(
            driver=driver, allowed_contexts=allowed, allow_disruption=allow_disruption,
            skip_impossible=skip_impossible, any_version=any_version, slack_seconds=slack,
        )  # fmt: skip
        return command(*args, options=options, **rest)

    decorators = (
        click.option("--driver", default="auto", show_default=True, metavar="NAME",
                     help="How nodes are broken: minikube, kind, k3d, kubesim, exec:FILE or none."),
        click.option("--allow-context", "allowed", multiple=True, metavar="NAME",
                     help="A context that may be used though it is not known as one for playing."),
        click.option("--allow-disruption", is_flag=True, help="Allow what concerns the whole cluster."),
        click.option("--skip-impossible", is_flag=True, help="Leave out the steps that the driver cannot take."),
        click.option("--any-version", is_flag=True, help="Work with a cluster of any version."),
        click.option("--slack", type=click.FloatRange(0), default=0.0, metavar="SECONDS",
                     help="How much later everything that is expected may come."),
    )  # fmt: skip
    for decorate in reversed(decorators):
        told = decorate(told)
    return kubeconfig_options(told)


def until_interrupted(main: Callable[[Simulation], Coroutine[Any, Any, int]]) -> int:
    """Runs in wall time; a first Ctrl-C ends it with its clean-up, a second one without."""
    from kubesim.sim.wall import run_in_wall_time

    interrupted: list[int] = []

    async def begin(sim: Simulation) -> int:
        task = asyncio.current_task()
        assert task is not None

        def interrupt(number: int) -> None:
            interrupted.append(number)
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            sim.loop.add_signal_handler(number, interrupt, number)
        try:
            return await main(sim)
        except asyncio.CancelledError:
            if not interrupted:
                raise
            return INTERRUPTED

    return run_in_wall_time(begin)


def tell(text: str) -> None:
    """What goes on beside the scenario."""
    click.echo(text, err=True)


def show_plan(session: Session, plan: Plan, title: str) -> None:
    """What would be done, step by step."""
    import shlex

    click.echo(f"{title}, on context {session.access.context} ({session.access.server}, {session.version.text})")
    click.echo(f"driver {session.driver.name}; everything in a namespace of its own, deleted in the end")
    renamed = [f"{ours} is {theirs}" for ours, theirs in plan.nodes.items() if ours != theirs]
    if renamed:
        click.echo(f"nodes: {', '.join(renamed)}")
    for warning in plan.warnings:
        click.echo(f"warning: {warning}")
    for step in plan.steps:
        lines = [f"kubectl {line}" for line in step.kubectl]
        for act in step.acts:
            lines += [f"{act.operation.text}: {shlex.join(command)}" for command in act.commands]
        lines += [f"impossible: {why}" for why in step.impossible]
        click.echo(f"step {step.number}, {step.when}:")
        for line in lines or ["(says something)"]:
            click.echo(f"  {line}")
    if plan.disrupts and not session.options.allow_disruption:
        click.echo("needs --allow-disruption")
