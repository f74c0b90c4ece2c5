"""What a container does once it runs: data, looked up by image, command and annotation.

A real container runs a program; ours runs a `Behaviour`: how long it starts, when it exits and with which
code, from when and until when its probes succeed, how it takes SIGTERM, what it uses and answers. Nothing in the
kubelet knows a special case. The order of precedence, for one container of a Pod:

1. the Pod's annotation `kubesim.dev/behavior` (JSON: a behaviour for all containers, or one per container name),
2. what was built into the image, if somebody published it (`Registries.publish`),
3. what the scenario says for the image (`Profile.behaviours`): a behaviour, or a class derived from `Workload`,
4. what the command says, as far as `commands.interpret` understands it,
5. the library of well-known images, 6. runs until deleted.

Profiles bundle that with the delays of the runtime: `PLAUSIBLE` and `HOLLOW`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

import msgspec

from kubesim.api.quantity import value
from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.runtime.commands import interpret
from kubesim.kubelet.runtime.layers import Manifest
from kubesim.kubelet.runtime.library import known_image
from kubesim.kubelet.runtime.model import Behaviour, KnownImage
from kubesim.kubelet.runtime.names import repository_of, short_name
from kubesim.kubelet.runtime.process_one import waits_for_input
from kubesim.kubelet.runtime.programs import start_error
from kubesim.kubelet.runtime.stress import stressed
from kubesim.kubelet.runtime.workload import Workload

BEHAVIOUR_ANNOTATION = "kubesim.dev/behavior"
SHARE_OF_LIMIT = 0.6  # What a program makes do with that is not known to need more.


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
    always_ready: bool = False  # True: a container is ready unless it has ended, also while it is started again.
    interprets_commands: bool = True
    forgets_on_crash: bool = False  # A fake runtime dies with its host; a real one finds its records on disk.
    default: Behaviour = Behaviour()
    missing_images: tuple[str, ...] = ()  # Registries, repositories or images that cannot be pulled.
    # By image or repository, as the manifest writes it.
    behaviours: Mapping[str, Behaviour | type[Workload]] = MappingProxyType({})

    def behaviour(self, image: str, command: tuple[str, ...], arguments: tuple[str, ...]) -> Behaviour:
        """What a container of `image` does when started with `command` and `arguments`."""
        told = self.told(image)
        if told is not None:
            return told if isinstance(told, Behaviour) else told.behaviour
        if not self.interprets_commands:
            return self.default
        known = known_image(image)
        found = interpret(command, arguments, known.behaviour if known is not None else self.default)
        return stressed(short_name(image), (*command, *arguments), found)

    def told(self, image: str) -> Behaviour | type[Workload] | None:
        """What the scenario or the Python code says for an image."""
        if self.behaviours:
            for name in (image, repository_of(image), short_name(image)):
                if name in self.behaviours:
                    return self.behaviours[name]
        return None


PLAUSIBLE = Profile("plausible")
HOLLOW = Profile(
    "hollow",
    sandbox_seconds=(0.3, 0.36),
    create_seconds=0.0,
    cleanup_seconds=0.02,
    pulls_images=False,
    emits_events=False,
    reports_creating=False,
    always_ready=True,
    interprets_commands=False,
    forgets_on_crash=True,
    default=Behaviour(start_seconds=0.0, ready_after_seconds=0.0, stop_seconds=0.15),
)
PROFILES = {profile.name: profile for profile in (PLAUSIBLE, HOLLOW)}


def behaviour_of(
    spec: ContainerSpec, annotation: str, profile: Profile, manifest: Manifest | None,
    environment: Mapping[str, str] | None = None,
) -> Behaviour:  # fmt: skip
    """What one container of a Pod does."""
    if annotation:
        behaviours = annotated_behaviours(annotation)
        behaviour = behaviours.get(spec.name) or behaviours.get("")
        if behaviour is not None:
            return behaviour
    if manifest is not None and manifest.behaviour is not None:
        return manifest.behaviour
    if profile.told(spec.image) is not None or not profile.interprets_commands:
        return profile.behaviour(spec.image, spec.command, spec.args)
    return _of_library(spec, profile, environment)


def _of_library(spec: ContainerSpec, profile: Profile, environment: Mapping[str, str] | None) -> Behaviour:
    """What an image does that nobody has said anything about."""
    known = known_image(spec.image)
    if error := start_error(spec, known):
        return Behaviour(start_error=error)
    behaviour = profile.behaviour(spec.image, spec.command, spec.args)
    if spec.stdin and waits_for_input(spec):
        return msgspec.structs.replace(behaviour, run_seconds=None, stop_seconds=None)
    if known is not None and environment is not None and lacks_setting(spec, known, environment):
        return Behaviour(run_seconds=0.3, exit_code=1, log=known.complaint)
    if known is None or not known.needs_memory:
        return _made_do(spec, behaviour)
    return behaviour


def lacks_setting(spec: ContainerSpec, known: KnownImage, environment: Mapping[str, str]) -> bool:
    """Whether a program is started as the image does, without the one variable that it insists on."""
    return bool(known.needs) and not spec.command and not any(environment.get(name) for name in known.needs)


def _made_do(spec: ContainerSpec, behaviour: Behaviour) -> Behaviour:
    """A program that fits below its limit: what the library says of its memory is only typical."""
    limits = spec.resources.limits if spec.resources is not None else {}
    if not limits or "memory" not in limits or behaviour.usage:
        return behaviour
    least = round(value(limits["memory"]) * SHARE_OF_LIMIT)
    return msgspec.structs.replace(behaviour, memory_bytes=least) if behaviour.memory_bytes > least else behaviour


def annotated_behaviours(text: str) -> dict[str, Behaviour]:
    """The behaviours in an annotation by container name; "" stands for all others. BehaviourError if unreadable."""
    try:
        fields = msgspec.json.decode(text, type=dict[str, object])
        if fields and all(isinstance(each, dict) for each in fields.values()):
            return msgspec.convert(fields, dict[str, Behaviour])
        return {"": msgspec.convert(fields, Behaviour)}
    except msgspec.MsgspecError as error:
        raise BehaviourError(f"annotation {BEHAVIOUR_ANNOTATION}: {plainly(str(error))}") from None


def plainly(error: str) -> str:
    """msgspec's message in the words of whoever wrote the annotation."""
    match = re.match(r"Object contains unknown field `(\w+)`(?: - at `\$(.*)`)?", error)
    if match is None:
        return error
    names = [field.encode_name for field in msgspec.structs.fields(Behaviour)]
    close = get_close_matches(match[1], names, 1)
    hint = f'; did you mean "{close[0]}"?' if close else f"; there is {', '.join(names)}"
    return f'there is no field "{match[1]}"{hint}'
