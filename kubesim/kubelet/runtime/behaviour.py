"""What a container does once it runs: data, looked up by image, command and annotation.

A real container runs a program; ours runs a `Behaviour`: how long it starts, when it exits and with which
code, from when and until when its probes succeed, how it takes SIGTERM, what it uses. Nothing in the kubelet
knows a special case. The order of precedence, for one container of a Pod:

1. the Pod's annotation `kubesim.dev/behavior` (JSON: a behaviour for all containers, or one per container name),
2. what the scenario says for the image (`Profile.behaviours`),
3. what the command says, as far as `commands.interpret` understands it,
4. the library of well-known images, 5. runs until deleted.

Profiles bundle that with the delays of the runtime: `PLAUSIBLE` and `HOLLOW`. Left out for now: request counts,
log lines, curves of CPU and memory, dependencies on other Services.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from kubesim.kubelet.runtime.commands import interpret
from kubesim.kubelet.runtime.library import WELL_KNOWN
from kubesim.kubelet.runtime.model import Behaviour
from kubesim.kubelet.runtime.names import repository_of

BEHAVIOUR_ANNOTATION = "kubesim.dev/behavior"


class BehaviourError(ValueError):
    """The annotation `kubesim.dev/behavior` cannot be read; the message says why."""


class Profile(msgspec.Struct, frozen=True):
    """How the runtimes of a cluster behave: delays, which images exist, and what containers do."""

    name: str
    sandbox_seconds: tuple[float, float] = (0.4, 0.6)  # From, to: a seeded draw for each sandbox.
    create_seconds: float = 0.05
    cleanup_seconds: float = 0.1  # Unmounting volumes and removing cgroups once all containers are gone.
    pulls_images: bool = True  # False: every image is on every node.
    emits_events: bool = True
    reports_creating: bool = True  # False: a Pod's first status is the one in which it runs.
    interprets_commands: bool = True
    forgets_on_crash: bool = False  # A fake runtime dies with its host; a real one finds its records on disk.
    default: Behaviour = Behaviour()
    missing_images: tuple[str, ...] = ()  # Registries, repositories or images that cannot be pulled.
    behaviours: Mapping[str, Behaviour] = MappingProxyType({})  # By image or repository, as the manifest writes it.

    def behaviour(self, image: str, command: tuple[str, ...], arguments: tuple[str, ...]) -> Behaviour:
        """What a container of `image` does when started with `command` and `arguments`."""
        for name in (image, repository_of(image), repository_of(image).rsplit("/", 1)[-1]):
            if name in self.behaviours:
                return self.behaviours[name]
        if not self.interprets_commands:
            return self.default
        known = WELL_KNOWN.get(repository_of(image).rsplit("/", 1)[-1])
        image_behaviour = known.behaviour if known is not None else self.default
        return interpret(command, arguments, image_behaviour)


PLAUSIBLE = Profile("plausible")
HOLLOW = Profile(
    "hollow",
    sandbox_seconds=(0.3, 0.36),
    create_seconds=0.0,
    cleanup_seconds=0.02,
    pulls_images=False,
    emits_events=False,
    reports_creating=False,
    interprets_commands=False,
    forgets_on_crash=True,
    default=Behaviour(start_seconds=0.0, ready_after_seconds=0.0, stop_seconds=0.15),
)
PROFILES = {profile.name: profile for profile in (PLAUSIBLE, HOLLOW)}


def annotated_behaviours(text: str) -> dict[str, Behaviour]:
    """The behaviours in an annotation by container name; "" stands for all others. BehaviourError if unreadable."""
    try:
        fields = msgspec.json.decode(text, type=dict[str, object])
        if any(isinstance(value, dict) for value in fields.values()):
            return msgspec.convert(fields, dict[str, Behaviour])
        return {"": msgspec.convert(fields, Behaviour)}
    except msgspec.MsgspecError as error:
        raise BehaviourError(f"annotation {BEHAVIOUR_ANNOTATION}: {error}") from None
