"""`wget` and `nc` of busybox, as far as lessons use them.

Upstream: networking/wget.c and networking/nc.c of busybox. Left out: FTP, TLS, nc as a server or with data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kubesim.api.traffic import ANSWERED, CONNECTED, LOST, REFUSED, HttpCall
from kubesim.kubelet.runtime.process import ERR, OUT, Program, Write
from kubesim.kubelet.runtime.shell.net_tools import REASONS, Url, dial, look_up, parse_url, seconds_of
from kubesim.kubelet.runtime.shell.session import Shell

TIMEOUT_SECONDS = 900.0
TROUBLE = {REFUSED: "Connection refused", LOST: "Connection timed out", "unreachable": "Network is unreachable"}
USAGE = "Usage: wget [-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]\n\t[--post-data STR] [-T SEC] URL...\n"


@dataclass
class Wish:
    """What the words of the command say."""

    target: str = ""
    quiet: bool = False
    spider: bool = False
    shows_head: bool = False
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    urls: list[str] = field(default_factory=list)
    problem: str = ""


def wget(shell: Shell, words: Sequence[str]) -> Program:
    """Fetches URLs into files, or with -O - to standard output."""
    wish = parse_wish(words)
    if wish.problem or not wish.urls:
        yield Write(ERR, f"{wish.problem}BusyBox v1.37.0 multi-call binary.\n\n{USAGE}".encode())
        return 1
    for text in wish.urls:
        url = parse_url(text)
        if url is None or url.scheme not in ("http", "https"):
            yield Write(ERR, f"wget: not an http or ftp url: {text}\n".encode())
            return 1
        if code := (yield from _fetch(shell, wish, url)):
            return code
    return 0


def parse_wish(words: Sequence[str]) -> Wish:
    """The words of the command."""
    wish, queue = Wish(), list(words)
    while queue and not wish.problem:
        word = queue.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name in ("spider", "quiet", "server-response", "no-check-certificate"):
                _flag(wish, {"quiet": "q", "server-response": "S"}.get(name, name))
            elif equals or queue:
                _value(wish, name, value if equals else queue.pop(0))
        elif word.startswith("-") and len(word) > 1:
            _letters(wish, word[1:], queue)
        else:
            wish.urls.append(word)
    return wish


def _letters(wish: Wish, letters: str, queue: list[str]) -> None:
    for place, letter in enumerate(letters):
        if letter not in "OTtPUoY":
            _flag(wish, letter)
            continue
        rest = letters[place + 1 :]
        if not rest and not queue:
            wish.problem = f"wget: option requires an argument -- '{letter}'\n"
        else:
            _value(wish, letter, rest or queue.pop(0))
        return


def _flag(wish: Wish, name: str) -> None:
    if name == "q":
        wish.quiet = True
    elif name == "S":
        wish.shows_head = True
    elif name == "spider":
        wish.spider = True
    elif name not in ("c", "no-check-certificate"):
        wish.problem = f"wget: unrecognized option: {name}\n"


def _value(wish: Wish, name: str, value: str) -> None:
    if name in ("O", "output-document"):
        wish.target = value
    elif name in ("T", "timeout"):
        seconds = seconds_of(value)
        if seconds is None:
            wish.problem = f"wget: invalid number '{value}'\n"
        wish.seconds = seconds or 0.0
    elif name == "header":
        head, _, text = value.partition(":")
        wish.headers[head.strip().lower()] = text.strip()
    elif name in ("post-data", "body-data"):
        wish.body = value.encode()
    elif name in ("U", "user-agent"):
        wish.headers["user-agent"] = value


def _fetch(shell: Shell, wish: Wish, url: Url) -> Program:
    found = yield from look_up(shell, url.host, wish.seconds)
    if not found.addresses:
        yield Write(ERR, f"wget: bad address '{url.host}'\n".encode())
        return 1
    address = found.addresses[0]
    if not wish.quiet:
        yield Write(ERR, f"Connecting to {url.authority} ({address}:{url.port})\n".encode())
    headers = {"host": url.authority, "user-agent": "Wget", "connection": "close"} | wish.headers
    method = "POST" if wish.body is not None else "HEAD" if wish.spider else "GET"
    call = HttpCall(method, url.path, headers, wish.body or b"", tls=url.scheme == "https")
    reply = yield from dial(shell, address, url.port, data=call, seconds=wish.seconds)
    if reply.outcome == LOST and wish.seconds:
        yield Write(ERR, b"wget: download timed out\n")
        return 1
    if reply.outcome not in (ANSWERED, CONNECTED):
        words = TROUBLE.get(reply.outcome, reply.reason)
        yield Write(ERR, f"wget: can't connect to remote host ({address}): {words}\n".encode())
        return 1
    if reply.outcome == CONNECTED:
        yield Write(ERR, b"wget: error getting response\n")
        return 1
    line = f"HTTP/1.1 {reply.code} {REASONS.get(reply.code, '')}"
    if wish.shows_head:
        head = "".join(f"  {name}: {value}\n" for name, value in reply.headers.items())
        yield Write(ERR, f"  {line}\n{head}".encode())
    if reply.code >= 400:
        yield Write(ERR, f"wget: server returned error: {line}\n".encode())
        return 1
    return (yield from _save(shell, wish, url, reply.body))


def _save(shell: Shell, wish: Wish, url: Url, body: bytes) -> Program:
    """The page, and what wget says of it."""
    if wish.spider:
        if not wish.quiet:
            yield Write(ERR, b"remote file exists\n")
        return 0
    name = wish.target or url.path.partition("?")[0].rpartition("/")[2] or "index.html"
    if name == "-":
        said = ("writing to stdout", "written to stdout")
    else:
        said = (f"saving to '{name}'", f"'{name}' saved")
        from kubesim.kubelet.runtime.shell.tools import absolute

        path = absolute(shell, name)
        if not wish.target and shell.files.exists(path):
            yield Write(ERR, f"wget: can't open '{name}': File exists\n".encode())
            return 1
        if name != "/dev/null" and (problem := shell.files.write(path, body)):
            yield Write(ERR, f"wget: can't open '{name}': {problem}\n".encode())
            return 1
    if not wish.quiet:
        yield Write(ERR, f"{said[0]}\n".encode())
    if name == "-" and body:
        yield Write(OUT, body)
    if not wish.quiet:
        bar = f"{name[:20]:<20} 100% |********************************| {len(body):>5}  0:00:00 ETA"
        yield Write(ERR, f"{bar}\n{said[1]}\n".encode())
    return 0


def nc(shell: Shell, words: Sequence[str]) -> Program:
    """Whether somebody listens: `nc -zv HOST PORT`."""
    letters, others, seconds = "", [], 0.0
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word.startswith("-") and len(word) > 1:
            letters += word[1:]
            if word[-1] == "w" and queue:
                seconds = seconds_of(queue.pop(0)) or 0.0
        else:
            others.append(word)
    if len(others) != 2 or not others[1].isdigit():
        yield Write(ERR, b"BusyBox v1.37.0 multi-call binary.\n\nUsage: nc [OPTIONS] HOST PORT  - connect\n")
        return 1
    host, port = others[0], int(others[1])
    found = yield from look_up(shell, host, seconds)
    if not found.addresses:
        yield Write(ERR, f"nc: bad address '{host}'\n".encode())
        return 1
    reply = yield from dial(shell, found.addresses[0], port, seconds=seconds)
    where = f"{host} ({found.addresses[0]}:{port})"
    if reply.outcome in (ANSWERED, CONNECTED):
        if "v" in letters:
            yield Write(ERR, f"{where} open\n".encode())
        return 0
    if "v" in letters or "z" not in letters:
        yield Write(ERR, f"nc: {where}: {TROUBLE.get(reply.outcome, reply.reason)}\n".encode())
    return 1


NET_TOOLS = {"wget": wget, "nc": nc}
