"""A driver is a table: which commands make which fault. Everything about running them is here.

A fault of a scenario becomes an `Operation`: a verb and a node (`crash node-2`, `stop kubelet/node-2`,
`partition node-2 control-plane`). The driver has a template for it, or cannot do it; that is known before a run.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kubesim.scenario.schema import Fault

OUTPUT_SHOWN = 300
CONTROL_PLANE = "control-plane"
NODE, KUBELET, LINK = "node", "kubelet", "link"
# What makes a fault undone at the end of a run.
UNDOES = {"crash": "restart", "stop": "restart", "pause": "resume", "partition": "repair"}

Templates = Mapping[tuple[str, str], Sequence[str]]  # (NODE, "crash") → command lines with {node}, {profile}, …


class Operation(NamedTuple):
    """One fault at one node."""

    what: str  # NODE, KUBELET or LINK: between a node and the control plane.
    verb: str
    node: str

    @property
    def text(self) -> str:
        """In a scenario's words."""
        name = f"{self.node}, {CONTROL_PLANE}" if self.what == LINK else self.node
        return f"{self.verb} {'kubelet/' if self.what == KUBELET else ''}{name}"


class CommandFailedError(Exception):
    """A driver's command did not do what it was asked for; the message has the command and what it said."""


class Driver(NamedTuple):
    """One way to act upon nodes. `fields` are what its templates may name beside {node}."""

    name: str
    templates: Templates
    fields: dict[str, str]

    def commands(self, operation: Operation, node: str) -> list[list[str]] | None:
        """The commands for an operation on the cluster's `node`; None if this driver cannot do it."""
        lines = self.templates.get((operation.what, operation.verb))
        if lines is None:
            return None
        fields = {**self.fields, "node": node}
        return [[word.format(**fields) for word in shlex.split(line)] for line in lines]


def operations(fault: Fault) -> list[Operation] | None:
    """What a fault means for nodes; None if it is about something else, or cannot be done to a real machine."""
    verb = fault.verbs[0]
    value: Any = getattr(fault, verb)
    if verb in ("crash", "stop", "restart", "pause", "resume"):
        what, _, name = value.rpartition("/")
        if what not in ("", KUBELET) or name in (CONTROL_PLANE, "apiserver", "scheduler", "controller-manager"):
            return None
        return [Operation(what or NODE, verb, name)]
    if verb in ("partition", "repair") and not fault.one_way:
        ends = {end.removeprefix("kubelet/") for end in value}
        others = ends - {CONTROL_PLANE, "apiserver"}
        if len(others) == 1 and len(ends) == 2:
            return [Operation(LINK, verb, others.pop())]
    return None


def undo_of(done: Sequence[Operation]) -> list[Operation]:
    """What brings the machines back, the last fault first."""
    open_: dict[Operation, None] = {}
    for operation in done:
        undo = UNDOES.get(operation.verb)
        if undo is not None:
            open_[operation._replace(verb=undo)] = None
        else:
            open_.pop(operation, None)
    return list(reversed(open_))


async def run_command(command: Sequence[str]) -> str:
    """Runs one command to its end; what it printed. CommandFailedError if it did not succeed."""
    shown = shlex.join(command)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        raise CommandFailedError(f"`{shown}` cannot be run ({error.strerror})") from None
    try:
        printed, _ = await process.communicate()
    except asyncio.CancelledError:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        raise
    text = printed.decode(errors="replace").strip()
    if process.returncode:
        said = f": {text[-OUTPUT_SHOWN:]}" if text else ""
        raise CommandFailedError(f"`{shown}` failed with exit code {process.returncode}{said}")
    return text
