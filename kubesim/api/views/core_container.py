"""Containers: what is asked for, and how they are.

Security contexts and resize policies stay dicts. Upstream: k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from kubesim.api.views.base import Quantity, View
from kubesim.api.views.core_probe import Lifecycle, Probe


class ContainerPort(View, frozen=True):
    """A port that the container listens on."""

    name: str = ""
    container_port: int = 0
    host_ip: str = ""
    host_port: int = 0
    protocol: str = ""


class EnvFromSource(View, frozen=True):
    """A ConfigMap or Secret whose every key becomes a variable."""

    config_map_ref: dict[str, Any] | None = None
    prefix: str = ""
    secret_ref: dict[str, Any] | None = None


class EnvVar(View, frozen=True):
    """One environment variable."""

    name: str = ""
    value: str = ""
    value_from: dict[str, Any] | None = None


class ResourceClaim(View, frozen=True):
    """A claim of the Pod that this container uses."""

    name: str = ""
    request: str = ""


class ResourceRequirements(View, frozen=True):
    """What is set aside for a container, and what it may use at most."""

    claims: tuple[ResourceClaim, ...] = ()
    limits: dict[str, Quantity] = field(default_factory=dict)
    requests: dict[str, Quantity] = field(default_factory=dict)


class VolumeMount(View, frozen=True):
    """Where a volume of the Pod appears in the container."""

    name: str = ""
    mount_path: str = ""
    mount_propagation: str = ""
    read_only: bool = False
    recursive_read_only: str = ""
    sub_path: str = ""
    sub_path_expr: str = ""


class Container(View, frozen=True):
    """One container to run; as an init container with restartPolicy Always it is a sidecar."""

    name: str = ""
    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    image: str = ""
    image_pull_policy: str = ""
    lifecycle: Lifecycle | None = None
    liveness_probe: Probe | None = None
    ports: tuple[ContainerPort, ...] = ()
    readiness_probe: Probe | None = None
    resize_policy: tuple[dict[str, Any], ...] = ()
    resources: ResourceRequirements | None = None
    restart_policy: str = ""
    restart_policy_rules: tuple[dict[str, Any], ...] = ()
    security_context: dict[str, Any] | None = None
    startup_probe: Probe | None = None
    stdin: bool = False
    stdin_once: bool = False
    termination_message_path: str = ""
    termination_message_policy: str = ""
    tty: bool = False
    volume_devices: tuple[dict[str, Any], ...] = ()
    volume_mounts: tuple[VolumeMount, ...] = ()
    working_dir: str = ""


class EphemeralContainer(Container, frozen=True):
    """A container added to a running Pod to look around in it."""

    target_container_name: str = ""


class ContainerStateWaiting(View, frozen=True):
    """Not running yet or between runs; `reason` says why."""

    message: str = ""
    reason: str = ""


class ContainerStateRunning(View, frozen=True):
    """Running."""

    started_at: str = ""


class ContainerStateTerminated(View, frozen=True):
    """Ended, how and when."""

    container_id: str = ""
    exit_code: int = 0
    finished_at: str = ""
    message: str = ""
    reason: str = ""
    signal: int = 0
    started_at: str = ""


class ContainerState(View, frozen=True):
    """Exactly one of the three is set."""

    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None
    waiting: ContainerStateWaiting | None = None


class ContainerStatus(View, frozen=True):
    """How a container is: now, before, and how often it was restarted."""

    name: str = ""
    allocated_resources: dict[str, Quantity] = field(default_factory=dict)
    allocated_resources_status: tuple[dict[str, Any], ...] = ()
    container_id: str = ""
    image: str = ""
    image_id: str = ""
    last_state: ContainerState | None = None
    ready: bool = False
    resources: ResourceRequirements | None = None
    restart_count: int = 0
    started: bool | None = None
    state: ContainerState | None = None
    stop_signal: str = ""
    user: dict[str, Any] | None = None
    volume_mounts: tuple[dict[str, Any], ...] = ()
