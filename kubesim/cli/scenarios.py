"""`kubesim scenarios`: the library."""

from __future__ import annotations

import click
import orjson

from kubesim.cli.completing import scenario_names
from kubesim.scenario import ScenarioError, find_scenario, load_library, load_scenario


@click.group(short_help="The library of scenarios.", context_settings={"help_option_names": ["-h", "--help"]})
def scenarios() -> None:
    """The library of scenarios.

    \b
    Example:
      kubesim scenarios list
      kubesim scenarios show node-failure
    """


@scenarios.command("list")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="json for programs.")
def list_(output: str) -> None:
    """List what there is.

    \b
    Example:
      kubesim scenarios list --output json
    """
    rows = [
        {"name": name, "title": scenario.spec.title, "replayable": scenario.spec.replayable}
        for name, scenario in load_library()
    ]
    if output == "json":
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    width = max((len(str(row["name"])) for row in rows), default=0)
    for row in rows:
        click.echo(f"{row['name']:<{width}}  {row['title']}")


@scenarios.command("show")
@click.argument("name", metavar="NAME", shell_complete=scenario_names)
def show(name: str) -> None:
    """Show a scenario's lesson and file.

    \b
    Example:
      kubesim scenarios show node-failure
    """
    try:
        path = find_scenario(name)
        load_scenario(path)
    except ScenarioError as error:
        raise click.UsageError(str(error)) from None
    lesson = path.parent / "lesson.md"
    if lesson.is_file():
        click.echo(lesson.read_text(encoding="utf-8"))
    click.echo(path.read_text(encoding="utf-8"), nl=False)
