"""What an HTTP probe hears: the answer of the program at that port and path, if anything is known of it.

From 200 to 399 is a success. A program of which nothing is known answers well; one of the library listens where its
image does and where its container declares a port, and nowhere else.
Upstream: pkg/probe/http. Left out: redirects, the lines that probes leave in a server's log.
"""

from __future__ import annotations

from functools import lru_cache

from kubesim.api.views import HTTPGetAction
from kubesim.kubelet.probe_words import number_of
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime
from kubesim.kubelet.runtime.library import known_image
from kubesim.kubelet.runtime.names import repository_of
from kubesim.kubelet.runtime.pages import HttpRequest, page_of

HEADERS = {"user-agent": "kube-probe/1.36", "accept": "*/*", "connection": "close"}


def http_failure(
    runtime: ContainerRuntime, container: Container, action: HTTPGetAction, address: str, hostname: str
) -> str:
    """Why the probe fails; "" if it does not."""
    spec = container.spec
    ports = spec.ports if spec is not None else ()
    number = str(number_of(action.port, ports))
    if not number.isdigit() or action.host or (action.scheme or "HTTP") != "HTTP":
        return ""
    path = "/" + action.path.lstrip("/")
    declared = tuple(each.container_port for each in ports)
    if container.behaviour.http or container.workload is not None:
        page = runtime.insides(container).page(int(number))
        code = None if page is None else page.answer(HttpRequest("GET", path, HEADERS), hostname).code
    else:
        runs_itself = spec is None or not spec.command
        code = library_code(container.image, declared, int(number), path) if runs_itself else None
    if code is None:
        return ""
    if not code:
        where = f"{address}:{number}"
        return f'Get "http://{where}{path}": dial tcp {where}: connect: connection refused'
    return "" if 200 <= code < 400 else f"HTTP probe failed with statuscode: {code}"


@lru_cache(maxsize=4096)
def library_code(image: str, declared: tuple[int, ...], port: int, path: str) -> int | None:
    """The status with which a program of the library answers; 0: nobody listens there; None: nobody knows."""
    known = known_image(image)
    if known is None or not known.ports:
        return None
    if port not in known.ports and port not in declared:
        return 0 if declared else None
    page = page_of(repository_of(image).rsplit("/", 1)[-1], known.ports, declared, port)
    return None if page is None else page.answer(HttpRequest("GET", path, HEADERS), "").code
