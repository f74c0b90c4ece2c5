"""Ports of simulated Pods: bytes come in, and where a known web server listens HTTP answers go out.

Upstream: the port forwarding of containerd (internal/cri/server/sandbox_portforward.go).
"""

from __future__ import annotations

from typing import Any

from kubesim.api.session import ERROR, STDIN, STDOUT, Session
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime
from kubesim.kubelet.runtime.pages import HttpAnswer, HttpRequest, Page
from kubesim.kubelet.runtime.process import Surroundings
from kubesim.sim import Clock
from kubesim.sim.clock import format_seconds

NANOSECONDS_PER_SECOND = 1_000_000_000
REQUEST_BYTES_MAX = 1 << 20
REASONS = {200: "OK", 404: "Not Found", 405: "Not Allowed"}


def page_at(runtime: ContainerRuntime, pod: PodState, port: int) -> tuple[Container, Page] | None:
    """The container of a Pod that listens at a port, and what it answers."""
    for container in runtime.pod_status(pod.uid).running():
        page = runtime.insides(container).page(port)
        if page is not None:
            return container, page
    return None


def answer_http(
    clock: Clock, runtime: ContainerRuntime, pod: PodState, container: Container, page: Page, asked: dict[str, Any]
) -> HttpAnswer:
    """One request, answered and written to the container's log."""
    request = HttpRequest(asked["method"], asked["path"], asked.get("headers") or {}, asked.get("client", "127.0.0.1"))
    answer = page.answer(request, pod.stored.name)
    page.answered()
    if line := page.log_line(request, answer, clock.unix_ns()):
        log = runtime.insides(container).log(Surroundings())
        log.append(clock.unix_ns(), STDOUT, line.encode())
    return answer


async def forward(
    clock: Clock, runtime: ContainerRuntime, pod: PodState, port: int, sandbox_id: str, session: Session
) -> None:
    """Serves one connection to a port of a Pod."""
    found = page_at(runtime, pod, port)
    if found is None:
        session.send(ERROR, refused(port, pod.uid, sandbox_id).encode())
        return
    container, page = found
    buffer = b""
    while (frame := await session.receive()) is not None:
        if frame.channel != STDIN:
            continue
        buffer += frame.data
        while (parsed := request_in(buffer)) is not None:
            asked, buffer, keeps = parsed
            answer = answer_http(clock, runtime, pod, container, page, asked)
            session.send(STDOUT, as_bytes(answer, asked["method"], clock, keeps=keeps))
            if not keeps:
                return
        if len(buffer) > REQUEST_BYTES_MAX:
            return


def request_in(buffer: bytes) -> tuple[dict[str, Any], bytes, bool] | None:
    """The first whole request in some bytes, the rest, and whether the connection is kept; None if there is none."""
    head, found, rest = buffer.partition(b"\r\n\r\n")
    if not found:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers["content-length"]) if headers.get("content-length", "").isdigit() else 0
    if len(rest) < length:
        return None
    method, path, version = (*words, "", "", "")[:3]
    keeps = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return {"method": method, "path": path, "headers": headers}, rest[length:], keeps


def as_bytes(answer: HttpAnswer, method: str, clock: Clock, *, keeps: bool) -> bytes:
    """An answer on the wire."""
    date = format_seconds(clock.unix_ns() // NANOSECONDS_PER_SECOND)
    headers = {**answer.headers, "Date": date, "Content-Length": str(len(answer.body)),
               "Connection": "keep-alive" if keeps else "close"}  # fmt: skip
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {answer.code} {REASONS.get(answer.code, '')}\r\n{lines}\r\n".encode()
    return head if method == "HEAD" else head + answer.body


def refused(port: int, uid: str, sandbox_id: str) -> str:
    """containerd's words for a port where nobody listens."""
    space = f"/var/run/netns/cni-{uid}"
    return (
        f"error forwarding port {port} to pod {sandbox_id}, uid : failed to execute portforward in network namespace "
        f'"{space}": failed to connect to localhost:{port} inside namespace "{sandbox_id}", IPv4: dial tcp4 '
        f"127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6 [::1]:{port}: connect: connection refused "
    )
