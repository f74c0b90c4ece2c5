"""Answers of `kubesim what-if` as tables."""

from __future__ import annotations

import click

from kubesim.cli.service_options import print_table
from kubesim.what_if import Answer, Capacity, Move

NOBODY = "-"
HEADS = ("POD", "FROM", "SUCCESSOR", "TO", "STATE", "AFTER")


def tell(answer: Answer) -> None:
    """What moves where; then what could not, and why."""
    if answer.moves:
        print_table(HEADS, [row(move) for move in answer.moves])
    else:
        click.echo("No Pod moves.")
    reasons: dict[str, list[str]] = {}
    for move in answer.moves:
        if move.why:
            reasons.setdefault(move.why, []).append(move.successor or move.pod)
    for why, pods in reasons.items():
        click.echo(f"\n{len(pods)} Pods: {why}\n  {', '.join(pods)}")
    for each in answer.blocked:
        end = "never" if each.seconds is None else f"after {each.seconds:.0f} s"
        click.echo(f"\nrefused: {each.pod} (went through {end})\n  {each.message}")
    for note in answer.notes:
        click.echo(f"\n{note}")
    click.echo(f"\n{summary(answer)}")


def row(move: Move) -> tuple[str, ...]:
    """One Pod."""
    after = NOBODY if move.seconds is None else f"{move.seconds:.1f} s"
    cells = (move.pod, move.node, move.successor, move.to_node, move.state, after)
    return tuple(cell or NOBODY for cell in cells)


def summary(answer: Answer) -> str:
    """The last line."""
    good = sum(move.is_good for move in answer.moves)
    told = f"{answer.question}: {good} of {len(answer.moves)} Pods come out well"
    if any(move.seconds is not None for move in answer.moves):
        told += f", the last after {answer.seconds:.1f} s"
    forever = sum(each.seconds is None for each in answer.blocked)
    return told + (f"; {forever} refused to the end" if forever else "")


def tell_capacity(found: Capacity) -> None:
    """How many, where, and what stops the next one."""
    wanted = "" if found.wanted is None else f" of {found.wanted}"
    click.echo(f"{found.what}: {found.fitting}{wanted} instances fit")
    if found.by_node:
        print_table(("NODE", "INSTANCES"), [(node, str(number)) for node, number in found.by_node.items()])
    if found.limit:
        click.echo(f"limited by: {found.limit}")
