"""What the programs of a container that use the network have in common: URLs, names, and how trouble is called."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import NamedTuple

from kubesim.api.traffic import TCP, Addresses, HttpCall, Reply
from kubesim.kubelet.runtime.process import Dial, Effect, Lookup
from kubesim.kubelet.runtime.shell.session import Shell

REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently",
    302: "Found", 304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
    409: "Conflict", 413: "Request Entity Too Large", 418: "I'm a teapot", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout",
}  # fmt: skip
URL = re.compile(
    r"(?:(?P<scheme>[a-z]+)://)?(?P<host>\[[^]]*\]|[^/:?#]+)(?::(?P<port>\d+))?(?P<path>[/?][^#]*)?(?:#.*)?"
)


class Url(NamedTuple):
    """Where a request goes."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """host, or host:port if it is not the scheme's own port."""
        usual = 443 if self.scheme == "https" else 80
        return self.host if self.port == usual else f"{self.host}:{self.port}"


def parse_url(text: str) -> Url | None:
    """A URL, http if nothing else is said; None if it is none."""
    match = URL.fullmatch(text)
    if match is None or int(match["port"] or 0) > 65535:
        return None
    scheme = match["scheme"] or "http"
    path = match["path"] or "/"
    port = int(match["port"] or (443 if scheme == "https" else 80))
    return Url(scheme, match["host"], port, path if path.startswith("/") else f"/{path}")


def look_up(shell: Shell, name: str, seconds: float = 0.0) -> Generator[Effect, bytes | None, Addresses]:
    """The addresses of a name; none if this container has no network."""
    around = shell.surroundings
    wanted = Lookup(name, around.pod_ip, around.namespace, seconds)
    yield wanted
    return wanted.found or Addresses(reason="timeout")


def dial(
    shell: Shell, address: str, port: int, *, data: HttpCall | bytes | None = None, seconds: float = 0.0,
    protocol: str = TCP,
) -> Generator[Effect, bytes | None, Reply]:  # fmt: skip
    """Opens a connection; `seconds` 0 means as long as the kernel tries."""
    around = shell.surroundings
    if address.startswith("127."):
        address = around.pod_ip or address
    wanted = Dial(around.pod_ip, address, port, protocol, data, seconds)
    yield wanted
    return wanted.reply or Reply("unreachable", reason="Network is unreachable", address=address, port=port)


def seconds_of(text: str) -> float | None:
    """A number of seconds; None if it is none."""
    return float(text) if re.fullmatch(r"\d+(\.\d*)?|\.\d+", text) else None
