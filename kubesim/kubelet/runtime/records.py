"""What a runtime has written down of a Pod: its sandboxes, and every start of its containers.

Only the runtime changes these. Upstream: PodSandboxStatus and ContainerStatus in
k8s.io/cri-api/pkg/apis/runtime/v1/api.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.runtime.model import Behaviour
from kubesim.kubelet.runtime.pages import HttpAnswer, HttpRequest


class WrittenProgram(Protocol):
    """What a container runs if its program is written in Python (see `kubesim.kubelet.runtime.workload`)."""

    def is_ready(self, seconds: float, /) -> bool:
        """Whether startup and readiness probes succeed."""
        ...

    def is_alive(self, seconds: float, /) -> bool:
        """Whether liveness probes succeed."""
        ...

    def usage(self, seconds: float, /) -> tuple[int, int]:
        """Thousandths of a core and bytes of memory."""
        ...

    def answer(self, request: HttpRequest, seconds: float, /) -> HttpAnswer | None:
        """What it answers to a request; None: what its behaviour or its image answers."""
        ...


class ContainerState(Enum):
    """Where a container is in its life."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(slots=True)
class Sandbox:
    """A Pod's network and IPC namespaces, kept alive by the pause container."""

    id: str
    pod_uid: str
    attempt: int
    ip: str
    ready: bool = True
    namespace: str = ""  # Of the Pod.
    name: str = ""


@dataclass(slots=True)
class Container:
    """One start of one container. Dates are RFC 3339; `finished_ns` counts virtual time, for back-offs."""

    id: str
    name: str
    pod_uid: str
    sandbox_id: str
    attempt: int  # 0 for the first; the restart count.
    image: str  # As the runtime names it.
    image_ref: str  # With the digest.
    behaviour: Behaviour
    state: ContainerState = ContainerState.CREATED
    started_at: str = ""
    started_ns: int = 0
    finished_at: str = ""
    finished_ns: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    spec: ContainerSpec | None = None
    environment: Mapping[str, str] | None = None  # What it was made with; None: nobody had to work it out.
    requests: int = 0  # How many it has answered.
    request_seconds: dict[int, int] = field(default_factory=dict)  # Second -> requests, lately.
    workload: WrittenProgram | None = None  # Its program, if it is written in Python.
    lacks: str = ""  # The Service that it needs and cannot reach.


@dataclass(slots=True)
class RuntimePod:
    """All that the runtime has of one Pod, oldest first."""

    sandboxes: list[Sandbox] = field(default_factory=list)
    containers: list[Container] = field(default_factory=list)

    def sandbox(self) -> Sandbox | None:
        """The latest sandbox."""
        return self.sandboxes[-1] if self.sandboxes else None

    def latest(self, name: str) -> Container | None:
        """The latest start of the container called `name`."""
        for container in reversed(self.containers):
            if container.name == name:
                return container
        return None

    def previous(self, name: str) -> Container | None:
        """The start before the latest."""
        starts = [container for container in self.containers if container.name == name]
        return starts[-2] if len(starts) > 1 else None

    def running(self) -> list[Container]:
        """The containers that run now."""
        return [container for container in self.containers if container.state is ContainerState.RUNNING]


NOTHING = RuntimePod()
