"""What is asked of a running container, and what is told to it: probes and lifecycle hooks.

Upstream: k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

from kubesim.api.views.base import IntOrString, View


class ExecAction(View, frozen=True):
    """Runs a command in the container; exit code 0 is success."""

    command: tuple[str, ...] = ()


class HTTPHeader(View, frozen=True):
    """One header of a request."""

    name: str = ""
    value: str = ""


class HTTPGetAction(View, frozen=True):
    """Asks over HTTP; 200 to 399 is success."""

    host: str = ""
    http_headers: tuple[HTTPHeader, ...] = ()
    path: str = ""
    port: IntOrString | None = None
    scheme: str = ""


class TCPSocketAction(View, frozen=True):
    """Opens a connection; that it opens is success."""

    host: str = ""
    port: IntOrString | None = None


class GRPCAction(View, frozen=True):
    """Asks the gRPC health service."""

    port: int = 0
    service: str = ""


class SleepAction(View, frozen=True):
    """Waits."""

    seconds: int = 0


class Probe(View, frozen=True):
    """A question asked again and again, and how many answers change one's mind."""

    exec: ExecAction | None = None
    failure_threshold: int = 0
    grpc: GRPCAction | None = None
    http_get: HTTPGetAction | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 0
    success_threshold: int = 0
    tcp_socket: TCPSocketAction | None = None
    termination_grace_period_seconds: int | None = None
    timeout_seconds: int = 0


class LifecycleHandler(View, frozen=True):
    """What is done at a point of a container's life."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    sleep: SleepAction | None = None
    tcp_socket: TCPSocketAction | None = None


class Lifecycle(View, frozen=True):
    """Handlers after start and before stop."""

    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: str = ""
