"""What simulated web servers answer: data for the images that lessons use.

A request is answered at once, and written to the log of the container as the real program does.
"""

from __future__ import annotations

import json
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


Answerer = Callable[[HttpRequest, str], HttpAnswer]


class Page(NamedTuple):
    """A web server: how it answers, given the request, the Pod's name and the port; and its line in the log."""

    answer: Callable[[HttpRequest, str], HttpAnswer]
    log_line: Callable[[HttpRequest, HttpAnswer, int], str]
    answered: Callable[[], None] = lambda: None  # To be called for every request that is not only a trial.


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


def text_page(text: str, content_type: str = "text/plain; charset=utf-8", code: int = 200) -> Answerer:
    """The same text at every path, with {hostname} and {path} filled in."""

    def answer(request: HttpRequest, hostname: str) -> HttpAnswer:
        said = text.replace("{hostname}", hostname).replace("{path}", request.path)
        return HttpAnswer(code, {"Content-Type": content_type}, said.encode())

    return answer


def echo(request: HttpRequest, hostname: str) -> HttpAnswer:
    """echoserver: what was asked, and by whom it was answered."""
    headers = "".join(f"\t{name}={value}\n" for name, value in request.headers.items())
    text = (
        f"\n\nHostname: {hostname}\n\nRequest Information:\n\tclient_address={request.client}\n"
        f"\tmethod={request.method}\n\treal path={request.path}\n\trequest_version=1.1\n\n"
        f"Request Headers:\n{headers}\nRequest Body:\n\t-no body in request-\n\n"
    )
    return HttpAnswer(200, {"Server": "echoserver", "Content-Type": "text/plain"}, text.encode())


def httpbin(request: HttpRequest, _: str) -> HttpAnswer:
    """/status/N answers with that code, everything else with what was asked, in JSON."""
    path = request.path.partition("?")[0]
    status = path.removeprefix("/status/")
    if status != path and status.isdigit():
        return HttpAnswer(int(status), {"Content-Type": "text/html; charset=utf-8"}, b"")
    body = json.dumps({"headers": dict(request.headers), "origin": request.client, "url": path}, indent=2)
    return HttpAnswer(200, {"Content-Type": "application/json"}, f"{body}\n".encode())


def registry(request: HttpRequest, _: str) -> HttpAnswer:
    """An empty registry."""
    if request.path.startswith("/v2/_catalog"):
        return HttpAnswer(200, {"Content-Type": "application/json; charset=utf-8"}, b'{"repositories":[]}\n')
    found = request.path.rstrip("/") == "/v2"
    return HttpAnswer(200 if found else 404, {"Content-Type": "application/json; charset=utf-8"}, b"{}")


ELASTICSEARCH = """{
  "name" : "{hostname}",
  "cluster_name" : "docker-cluster",
  "version" : {
    "number" : "9.2.0"
  },
  "tagline" : "You Know, for Search"
}
"""
HELLO = "Hello, world!\nVersion: 1.0.0\nHostname: {hostname}\n"
PAGES: dict[str, Page] = {
    "agnhost": Page(agnhost, quiet),
    "caddy": Page(text_page("<!DOCTYPE html><title>Caddy works!</title>\n", "text/html; charset=utf-8"), quiet),
    "echoserver": Page(echo, combined),
    "elasticsearch": Page(text_page(ELASTICSEARCH, "application/json"), quiet),
    "ghost": Page(text_page("<!DOCTYPE html><title>Ghost</title>\n", "text/html; charset=utf-8"), quiet),
    "grafana": Page(text_page('<a href="/login">Found</a>.\n', "text/html; charset=utf-8", 302), quiet),
    "hello-app": Page(text_page(HELLO), quiet),
    "hello-kubernetes": Page(text_page("Hello Kubernetes!\n{hostname}\n"), quiet),
    "http-echo": Page(text_page("hello-world\n"), combined),
    "httpbin": Page(httpbin, combined),
    "httpd": Page(httpd, combined),
    "jenkins": Page(text_page("Authentication required\n", "text/html;charset=utf-8", 403), quiet),
    "kubernetes-bootcamp": Page(text_page("Hello Kubernetes bootcamp! | Running on: {hostname} | v=1\n"), quiet),
    "nextcloud": Page(text_page("<!DOCTYPE html><title>Nextcloud</title>\n", "text/html"), combined),
    "nginx": Page(nginx, combined),
    "nginx-unprivileged": Page(nginx, combined),
    "podinfo": Page(text_page('{\n  "hostname": "{hostname}",\n  "version": "6.9.2"\n}', "application/json"), quiet),
    "prometheus": Page(text_page('<a href="/query">Found</a>.\n', "text/html; charset=utf-8", 302), quiet),
    "registry": Page(registry, combined),
    "tomcat": Page(text_page("<!doctype html><title>HTTP Status 404 - Not Found</title>", "text/html", 404), quiet),
    "traefik": Page(text_page("404 page not found\n", code=404), quiet),
    "whoami": Page(whoami, quiet),
    "wordpress": Page(text_page("<!DOCTYPE html><title>WordPress</title>\n", "text/html", 302), combined),
}
PORTS = {"hello-app": (8080,), "hello-kubernetes": (8080,), "kubernetes-bootcamp": (8080,)}
UNKNOWN = Page(text_page("{hostname}\n"), quiet)  # An image of which nothing is known, at a port that it declares.


def page_of(image: str, known_ports: Sequence[int], declared_ports: Sequence[int], port: int) -> Page | None:
    """The web server of an image at a port: its own, or any that the Pod declares."""
    known = PAGES.get(image)
    if known is None:
        return UNKNOWN if not known_ports and port in declared_ports else None
    return known if port in (*known_ports, *PORTS.get(image, ()), *declared_ports) else None
