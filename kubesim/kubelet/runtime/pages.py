"""What simulated web servers answer: data for the images that lessons use.

A request is answered at once, and written to the log of the container as the real program does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

NANOSECONDS_PER_SECOND = 1_000_000_000
REASONS = {200: "OK", 404: "Not Found", 405: "Not Allowed"}
NGINX_PAGE = """<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>This page is served by a simulated container.</p>
</body>
</html>
"""
NGINX_ERROR = (
    "<html>\r\n<head><title>{code} {reason}</title></head>\r\n<body>\r\n<center><h1>{code} {reason}</h1></center>\r\n"
    "<hr><center>nginx/1.29.3</center>\r\n</body>\r\n</html>\r\n"
)


class HttpRequest(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]  # With lower-case names.
    client: str = "127.0.0.1"


class HttpAnswer(NamedTuple):
    """One answer."""

    code: int
    headers: dict[str, str]
    body: bytes


class Page(NamedTuple):
    """A web server: how it answers, given the request, the Pod's name and the port; and its line in the log."""

    answer: Callable[[HttpRequest, str], HttpAnswer]
    log_line: Callable[[HttpRequest, HttpAnswer, int], str]


def nginx(request: HttpRequest, _: str) -> HttpAnswer:
    """The welcome page at /, and nothing else."""
    code = 200 if request.path.partition("?")[0] in ("/", "/index.html") else 404
    if request.method not in ("GET", "HEAD"):
        code = 405
    text = NGINX_PAGE if code == 200 else NGINX_ERROR.format(code=code, reason=REASONS[code])
    return HttpAnswer(code, {"Server": "nginx/1.29.3", "Content-Type": "text/html"}, text.encode())


def httpd(request: HttpRequest, _: str) -> HttpAnswer:
    """It works."""
    found = request.path.partition("?")[0] in ("/", "/index.html")
    text = "<html><body><h1>It works!</h1></body></html>\n" if found else "<h1>Not Found</h1>\n"
    headers = {"Server": "Apache/2.4.65 (Unix)", "Content-Type": "text/html"}
    return HttpAnswer(200 if found else 404, headers, text.encode())


def whoami(request: HttpRequest, hostname: str) -> HttpAnswer:
    """Who answers, and what was asked."""
    asked = "".join(f"{name.title()}: {value}\n" for name, value in request.headers.items())
    text = f"Hostname: {hostname}\nRemoteAddr: {request.client}\n{request.method} {request.path} HTTP/1.1\n{asked}\n"
    return HttpAnswer(200, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())


def agnhost(request: HttpRequest, hostname: str) -> HttpAnswer:
    """`netexec`: /hostname says which Pod answers."""
    text = hostname if request.path.startswith("/hostname") else f"NOW: {hostname}\n"
    return HttpAnswer(200, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())


def combined(request: HttpRequest, answer: HttpAnswer, unix_ns: int) -> str:
    """The combined log format."""
    moment = datetime.fromtimestamp(unix_ns // NANOSECONDS_PER_SECOND, UTC)
    agent = request.headers.get("user-agent", "-")
    return (
        f'{request.client} - - [{moment:%d/%b/%Y:%H:%M:%S +0000}] "{request.method} {request.path} HTTP/1.1" '
        f'{answer.code} {len(answer.body)} "-" "{agent}" "-"\n'
    )


def quiet(_request: HttpRequest, _answer: HttpAnswer, _unix_ns: int) -> str:
    """Nothing is written."""
    return ""


PAGES: dict[str, tuple[Page, int]] = {
    "agnhost": (Page(agnhost, quiet), 8080),
    "httpd": (Page(httpd, combined), 80),
    "nginx": (Page(nginx, combined), 80),
    "whoami": (Page(whoami, quiet), 80),
}


def page_of(image: str, declared_ports: Sequence[int], port: int) -> Page | None:
    """The web server of an image at a port: its own, or any that the Pod declares."""
    known = PAGES.get(image)
    if known is None or (port != known[1] and port not in declared_ports):
        return None
    return known[0]
