"""The command line: reads arguments, calls, renders. Everything heavy is imported by the command that needs it.

Exit codes: 0 fine, 1 an expectation does not hold or something differs, 2 bad input, 3 a bug of ours, 130
interrupted.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

COMMANDS = {
    "run": "kubesim.cli.run:run",
    "scenarios": "kubesim.cli.scenarios:scenarios",
    "explain-schedule": "kubesim.cli.explain_schedule:explain_schedule",
    "scheduler": "kubesim.cli.scheduler:scheduler",
    "start": "kubesim.cli.start:start",
    "status": "kubesim.cli.status:status",
    "stop": "kubesim.cli.stop:stop",
    "delete": "kubesim.cli.delete:delete",
    "list": "kubesim.cli.list_profiles:list_profiles",
    "logs": "kubesim.cli.service_logs:logs",
    "node": "kubesim.cli.node:node",
    "registry": "kubesim.cli.registry:registry",
    "addons": "kubesim.cli.addons:addons",
    "pause": "kubesim.cli.clock:pause",
    "resume": "kubesim.cli.clock:resume",
    "step": "kubesim.cli.clock:step",
    "speed": "kubesim.cli.clock:speed",
    "clock": "kubesim.cli.clock:clock",
    "proxy": "kubesim.cli.proxy:proxy",
    "trace-packet": "kubesim.cli.trace_packet:trace_packet",
    "compare": "kubesim.cli.compare:compare",
    "import": "kubesim.cli.import_cluster:import_cluster",
    "what-if": "kubesim.cli.what_if:what_if",
    "component": "kubesim.cli.component:component",
    "replay": "kubesim.cli.replay:replay",
    "record": "kubesim.cli.record:record",
    "fidelity": "kubesim.cli.fidelity:fidelity",
    "classroom": "kubesim.cli.classroom:classroom",
    "version": "kubesim.cli.version:version",
    "completion": "kubesim.cli.completion:completion",
}
FAILED, BAD_INPUT, OUR_BUG, INTERRUPTED = 1, 2, 3, 130


class Commands(click.Group):
    """A group that imports a command only when it is used, so that `kubesim version` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Imports the command."""
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Names the nearest command for a misspelt one."""
        if args and args[0] not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else "; `kubesim --help` lists what there is"
            ctx.fail(f'there is no command "{args[0]}"{hint}')
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command. That the reader of its output (less, head) went away is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # What is still held goes nowhere.
            return 0


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def kubesim() -> None:
    """A Kubernetes control plane in one process, on a clock that you own.

    \b
    Example:
      kubesim run node-failure
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The `kubesim` program."""
    # Hardly anything that is made while modules are imported dies: to look for cycles in it costs a tenth of the
    # start. A simulation turns it on again (sim.run); what does not simulate is over before it would matter.
    gc.disable()
    try:
        code: Any = kubesim.main(args=arguments, prog_name="kubesim", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(BAD_INPUT)
    except click.ClickException as error:
        sys.stdout.flush()  # The story first, then what became of it, also through a pipe.
        click.echo(f"Error: {error.format_message()}", err=True)
        sys.exit(BAD_INPUT)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\ninterrupted", err=True)
        sys.exit(INTERRUPTED)
    except Exception as error:
        click.echo(f"Error: this is a bug in kubesim: {type(error).__name__}: {error}", err=True)
        if os.environ.get("KUBESIM_DEBUG"):
            traceback.print_exc()
        else:
            click.echo("Run again with KUBESIM_DEBUG=1 for the whole story, and please report it.", err=True)
        sys.exit(OUR_BUG)


if __name__ == "__main__":
    main()
