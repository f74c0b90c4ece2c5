"""`Kubectl`: takes a command line and has its verb carried out.

Nothing waits for its effect (`--wait` is read and ignored): time in a scenario belongs to the scenario. As with
the real kubectl, the apiserver is asked to refuse fields that it does not know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from kubesim.api.stored import Object
from kubesim.client.client import Client
from kubesim.client.kubectl import changing, draining, making, nodes, rollouts
from kubesim.client.kubectl.command import Command, KubectlError, parse_command, unknown
from kubesim.client.kubectl.session import Session

Verb = Callable[[Session, Command], Awaitable[list[str]]]

VERBS: dict[str, Verb] = {
    "annotate": changing.annotate,
    "apply": making.apply_files,
    "cordon": nodes.cordon,
    "create": making.create,
    "delete": changing.delete,
    "drain": draining.drain,
    "label": changing.label,
    "patch": changing.patch,
    "rollout": rollouts.rollout,
    "run": making.run_pod,
    "scale": changing.scale,
    "set": changing.set_field,
    "taint": nodes.taint,
    "uncordon": nodes.uncordon,
}


# Verbs that name themselves as field managers; of the others it is the program's name, or they say so themselves.
FIELD_MANAGERS = {
    "annotate": "kubectl-annotate",
    "create": "kubectl-create",
    "label": "kubectl-label",
    "patch": "kubectl-patch",
    "rollout": "kubectl-rollout",
    "run": "kubectl-run",
    "set": "kubectl-set",
    "taint": "kubectl-taint",
}


class Kubectl(Session):
    """Runs kubectl commands as `client`'s user, with files below `folder` and a default namespace."""

    def __init__(self, client: Client, folder: Path | None = None, namespace: str = "default") -> None:
        super().__init__(client, folder or Path(), namespace)

    async def run(self, line: str) -> list[str]:
        """Carries out one command line and returns what kubectl would print, a line each."""
        return await self.execute(parse_command(line))

    async def execute(self, command: Command) -> list[str]:
        """Carries out a parsed command."""
        self.check(command)
        verb = command.words[0]
        manager = FIELD_MANAGERS.get(verb, "")
        session = Session(self.client.managing_as(manager), self.folder, self.namespace) if manager else self
        return await VERBS[verb](session, command)

    @classmethod
    def check(cls, command: Command) -> None:
        """KubectlError if the verb is not one of ours: found before a run begins, not in its middle."""
        verb = command.words[0]
        if verb not in VERBS:
            hint = unknown(f'kubectl verb "{verb}"', verb, list(VERBS))
            raise KubectlError(f"{hint} (there is {', '.join(VERBS)})")

    async def apply(self, manifest: Object, namespace: str = "") -> str:
        """`kubectl apply` of one object that is already read."""
        return await making.apply_manifest(self, manifest, namespace or self.namespace)
