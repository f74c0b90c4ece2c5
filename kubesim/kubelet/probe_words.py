"""What a probe's failure sounds like: the texts that HTTP, TCP, gRPC and exec probes leave in events.

Upstream: k8s.io/kubernetes/pkg/probe/http, tcp, grpc, exec.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.api.views import ContainerPort, Probe
from kubesim.kubelet.runtime.cri import Container, Sandbox

STATUS_CODES = {"startup": 503, "readiness": 503, "liveness": 500}


def failure_words(
    probe: Probe,
    kind: str,
    container: Container,
    ports: Sequence[ContainerPort],
    sandbox: Sandbox | None,
    age_seconds: float,
    timed_out: bool,
) -> str:
    """Why `container` failed `probe`: it is not up yet, it says no, or it does not answer in time."""
    up = age_seconds >= container.behaviour.ready_after_seconds
    address = sandbox.ip if sandbox is not None else ""
    if probe.http_get is not None:
        where = f"{probe.http_get.host or address}:{number_of(probe.http_get.port, ports)}"
        url = f"{(probe.http_get.scheme or 'HTTP').lower()}://{where}{probe.http_get.path or '/'}"
        if timed_out:
            return f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        if not up:
            return f'Get "{url}": dial tcp {where}: connect: connection refused'
        return f"HTTP probe failed with statuscode: {STATUS_CODES[kind]}"
    if probe.tcp_socket is not None:
        where = f"{probe.tcp_socket.host or address}:{number_of(probe.tcp_socket.port, ports)}"
        return f"dial tcp {where}: {'i/o timeout' if timed_out else 'connect: connection refused'}"
    if probe.grpc is not None:
        if timed_out or not up:
            seconds = probe.timeout_seconds or 1
            return (
                f'timeout: failed to connect service "{address}:{probe.grpc.port}" within {seconds}s: '
                "context deadline exceeded"
            )
        return 'service unhealthy (responded with "NOT_SERVING")'
    command = probe.exec.command if probe.exec is not None else ()
    if timed_out:
        return f'command timed out: "{" ".join(command)}" timed out after {probe.timeout_seconds or 1}s'
    if len(command) == 2 and command[0].rsplit("/", 1)[-1] == "cat":
        return f"cat: can't open '{command[1]}': No such file or directory\n"
    return ""


def number_of(port: int | str | None, ports: Sequence[ContainerPort]) -> int | str | None:
    """The number behind a port's name."""
    return next((known.container_port for known in ports if known.name == port), port)
