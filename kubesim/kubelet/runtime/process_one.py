"""What a Pod says of process 1 of a container: its words, what it waits for, and what it leaves behind.

Upstream: the command and arguments of a container replace ENTRYPOINT and CMD of its image.
"""

from __future__ import annotations

from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.runtime.names import repository_of

TERMINATION_LOG = "/dev/termination-log"
FALLBACK = "FallbackToLogsOnError"
SHELL_IMAGES = ("alpine", "busybox", "debian", "ubuntu")


def command_of(spec: ContainerSpec) -> tuple[str, ...]:
    """The words of process 1, as far as the Pod says them."""
    return (*spec.command, *spec.args)


def leaves_message(spec: ContainerSpec) -> bool:
    """Whether its end may have a message: its command names the file, or its log is one."""
    path = spec.termination_message_path or TERMINATION_LOG
    return spec.termination_message_policy == FALLBACK or any(path in word for word in command_of(spec))


def waits_for_input(spec: ContainerSpec) -> bool:
    """Whether process 1 is a shell that reads what somebody types."""
    words = command_of(spec)
    if not words:
        return repository_of(spec.image).rsplit("/", 1)[-1] in SHELL_IMAGES
    from kubesim.kubelet.runtime.shell import is_shell

    return is_shell(words[0]) and all(word.startswith("-") and "c" not in word for word in words[1:])
