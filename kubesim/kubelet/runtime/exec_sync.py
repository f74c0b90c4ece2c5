"""ExecSync: a program that is run in a container for its exit code, as exec probes do.

It is played as far as the shell of a simulated container knows the program, on the files that process 1 has made by
now: `touch /tmp/healthy; sleep 30; rm /tmp/healthy` and `cat /tmp/healthy` work as in the documentation. What looks at
mounted volumes is not played, since their content is not at hand here; then the container's behaviour decides alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.kubelet.runtime.insides import ExecError, Insides
from kubesim.kubelet.runtime.process import Dial, Lookup, Read, Sleep, Surroundings, Write
from kubesim.kubelet.runtime.process_one import command_of
from kubesim.kubelet.runtime.records import Container, Sandbox

TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
STEPS_MAX = 10_000
OUTPUT_MAX = 10 << 10


class Ran(NamedTuple):
    """How it ended: its exit code, what it has printed, and how long it took in virtual seconds."""

    code: int
    output: str
    seconds: float


def exec_sync(insides: Insides, container: Container, sandbox: Sandbox, words: Sequence[str]) -> Ran | None:
    """Runs a program to its end at once; None if it cannot be played here."""
    spec = container.spec
    if spec is None or not words or any(mount.mount_path != TOKEN_FOLDER for mount in spec.volume_mounts):
        return None
    around = Surroundings(
        hostname=sandbox.name, pod_ip=sandbox.ip, environment=dict(container.environment or {}),
        main_command=" ".join(command_of(spec)), namespace=sandbox.namespace, image=spec.image,
    )  # fmt: skip
    if not insides.plays_process_one():
        return None
    try:
        program = insides.program(words, around, tty=False)
    except ExecError:
        return None
    printed, seconds = "", 0.0
    try:
        for _ in range(STEPS_MAX):
            effect = program.send(None)
            if isinstance(effect, Write):
                printed = (printed + effect.data.decode(errors="replace"))[:OUTPUT_MAX]
            elif isinstance(effect, Sleep):
                seconds += effect.seconds if effect.seconds is not None else 1e9
            elif isinstance(effect, Lookup | Dial | Read):
                return None  # It would have to wait for somebody else.
    except StopIteration as end:
        return Ran(int(end.value), printed, seconds)
    return None
