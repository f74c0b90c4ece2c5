"""`curl`, as far as lessons use it: its options, its words, its exit codes.

Upstream: curl 8.17. Left out: TLS but to the apiserver, proxies, cookies, uploads of files, parallel transfers.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from kubesim.api.traffic import ANSWERED, CONNECTED, LOST, HttpCall, Reply
from kubesim.kubelet.runtime.process import ERR, OUT, Effect, Program, Sleep, Write
from kubesim.kubelet.runtime.shell.curl_options import Options, parse_options
from kubesim.kubelet.runtime.shell.net_tools import REASONS, Url, dial, look_up, parse_url
from kubesim.kubelet.runtime.shell.session import Shell

AGENT = "curl/8.17.0"
NANOSECONDS = 1_000_000_000
REDIRECTS = (301, 302, 303, 307, 308)
REDIRECTS_MAX = 50
METER = (
    "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
    "                                 Dload  Upload   Total   Spent    Left  Speed\n"
)
NO_CERTIFICATE = (
    "SSL certificate problem: unable to get local issuer certificate\nMore details here: "
    "https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the server and therefore could not\n"
    "establish a secure connection to it. To learn more about this situation and\nhow to fix it, please visit the "
    "webpage mentioned above."
)


@dataclass
class Transfer:
    """What came of one URL."""

    url: Url
    reply: Reply | None = None
    error: str = ""
    code: int = 0
    seconds: float = 0.0
    redirects: int = 0


def curl(shell: Shell, words: Sequence[str]) -> Program:
    """Fetches URLs."""
    options = parse_options(words)
    if options.problem:
        yield Write(ERR, f"curl: {options.problem}\ncurl: try 'curl --help' for more information\n".encode())
        return 2
    if not options.urls:
        yield Write(ERR, b"curl: (2) no URL specified\ncurl: try 'curl --help' for more information\n")
        return 2
    code = 0
    for text in options.urls:
        url = parse_url(text)
        if url is None or url.scheme not in ("http", "https"):
            problem = (
                f'(1) Protocol "{url.scheme}" not supported'
                if url
                else "(3) URL rejected: Malformed input to a URL function"
            )
            yield from _complain(options, problem)
            code = 1 if url else 3
            continue
        transfer = yield from _with_retries(shell, options, url)
        code = yield from _show(shell, options, transfer)
    return code


# -- the transfer -----------------------------------------------------------------------------------------


def _with_retries(shell: Shell, options: Options, url: Url) -> Generator[Effect, bytes | None, Transfer]:
    """--retry: what may pass by itself is tried again, after 1, 2, 4 … seconds."""
    left, pause = int(float(options.values.get("retry", 0))), float(options.values.get("retry-delay", 0))
    delay = pause or 1.0
    while True:
        transfer = yield from _follow(shell, options, url)
        status = transfer.reply.code if transfer.reply is not None and not transfer.code else 0
        passes = transfer.code == 28 or status in (408, 429, 500, 502, 503, 504)
        passes = passes or (transfer.code == 7 and "retry-connrefused" in options.flags)
        if not left or not (passes or (transfer.code and "retry-all-errors" in options.flags)):
            return transfer
        if "silent" not in options.flags:
            why = "timeout" if transfer.code == 28 else "HTTP error" if status else transfer.error.split(")")[0]
            yield Write(ERR, f"Warning: Problem: {why}. Will retry in {delay:g} second{'s' * (delay != 1)}. {left} retr"
                             f"{'ies' if left > 1 else 'y'} left.\n".encode())  # fmt: skip
        yield Sleep(delay)
        left, delay = left - 1, pause or delay * 2


def _follow(shell: Shell, options: Options, url: Url) -> Generator[Effect, bytes | None, Transfer]:
    """One transfer, with -L on to where it is sent."""
    started = shell.unix_ns()
    redirects = 0
    while True:
        transfer = yield from _transfer(shell, options, url, started)
        transfer.redirects = redirects
        reply = transfer.reply
        target = reply.headers.get("Location", "") if reply is not None else ""
        if "location" not in options.flags or not target or reply is None or reply.code not in REDIRECTS:
            return transfer
        following = parse_url(target if "://" in target else f"{url.scheme}://{url.authority}{target}")
        redirects += 1
        if following is None or redirects > REDIRECTS_MAX:
            transfer.code, transfer.error = 47, f"Maximum ({REDIRECTS_MAX}) redirects followed"
            return transfer
        url = following


def _transfer(shell: Shell, options: Options, url: Url, started: int) -> Generator[Effect, bytes | None, Transfer]:
    transfer = Transfer(url)
    limit = _limit(options)
    found = yield from look_up(shell, url.host, limit)
    if not found.addresses:
        if found.reason == "timeout" and limit:
            transfer.code, transfer.error = 28, f"Resolving timed out after {limit * 1000:.0f} milliseconds"
        else:
            transfer.code, transfer.error = 6, f"Could not resolve host: {url.host}"
        return transfer
    begun = shell.unix_ns()
    reply = yield from dial(shell, found.addresses[0], url.port, data=_request(options, url), seconds=limit)
    transfer.reply = reply
    transfer.seconds = (shell.unix_ns() - started) / NANOSECONDS
    _judge(transfer, options, (shell.unix_ns() - begun) // 1_000_000, limit)
    return transfer


def _limit(options: Options) -> float:
    limits = [float(options.values[name]) for name in ("max-time", "connect-timeout") if name in options.values]
    return min((limit for limit in limits if limit), default=0.0)


def _request(options: Options, url: Url) -> HttpCall:
    headers = {"host": url.authority, "user-agent": options.values.get("user-agent", AGENT), "accept": "*/*"}
    body = "&".join(options.data).encode()
    if options.data:
        headers |= {"content-length": str(len(body)), "content-type": "application/x-www-form-urlencoded"}
    for header in options.headers:
        name, _, value = header.partition(":")
        headers[name.strip().lower()] = value.strip()
    method = "HEAD" if "head" in options.flags else "POST" if options.data else "GET"
    return HttpCall(options.values.get("request", method), url.path, headers, body, tls=url.scheme == "https")


def _judge(transfer: Transfer, options: Options, milliseconds: int, limit: float) -> None:
    """The exit code and the words of a failed transfer."""
    reply, url = transfer.reply, transfer.url
    assert reply is not None, "there was one, or an error before"
    if reply.outcome in (ANSWERED, CONNECTED):
        is_apiserver = reply.node == "apiserver"
        if url.scheme == "https" and not is_apiserver:
            transfer.code = 35
            transfer.error = "TLS connect error: error:0A0000C6:SSL routines::packet length too long"
        elif url.scheme == "https" and "insecure" not in options.flags and "cacert" not in options.values:
            transfer.code, transfer.error = 60, NO_CERTIFICATE
        elif reply.outcome == CONNECTED:
            transfer.code, transfer.error = 52, "Empty reply from server"
        elif reply.code >= 400 and options.flags & {"fail", "fail-with-body"}:
            transfer.code, transfer.error = 22, f"The requested URL returned error: {reply.code}"
    elif reply.outcome == LOST and limit:
        transfer.code, transfer.error = 28, f"Connection timed out after {limit * 1000:.0f} milliseconds"
    else:
        transfer.code = 28 if reply.outcome == LOST else 7
        transfer.error = (
            f"Failed to connect to {url.host} port {url.port} after {milliseconds} ms: Could not connect to server"
        )


# -- what is shown ----------------------------------------------------------------------------------------


def _show(shell: Shell, options: Options, transfer: Transfer) -> Program:
    reply = transfer.reply
    body = reply.body if reply is not None and reply.outcome == ANSWERED and not _hides(options, transfer) else b""
    target = options.values.get("output", "")
    if "remote-name" in options.flags:
        target = transfer.url.path.partition("?")[0].rpartition("/")[2] or "index.html"
    quiet = options.flags & {"silent", "no-progress-meter"}
    if not quiet and (target or not shell.is_terminal):
        yield Write(ERR, _meter(len(body), failed=bool(transfer.code)).encode())
    if transfer.code:
        yield from _complain(options, f"({transfer.code}) {transfer.error}")
    if reply is not None and reply.outcome == ANSWERED and not _hides(options, transfer):
        head = _head(reply) if options.flags & {"include", "head"} else b""
        body = b"" if "head" in options.flags else body
        if not target or target == "-":
            if head + body:
                yield Write(OUT, head + body)
        elif target != "/dev/null" and (problem := shell.files.write(_path(shell, target), head + body)):
            yield from _complain(options, f"(23) Failure writing output to destination: {problem}")
            return 23
    if "write-out" in options.values:
        yield Write(OUT, _write_out(options.values["write-out"], transfer).encode())
    return transfer.code


def _hides(options: Options, transfer: Transfer) -> bool:
    """Whether there is nothing to be shown of an answer: -f hides errors, and without trust nothing is read."""
    return bool(transfer.code) and not (transfer.code == 22 and "fail-with-body" in options.flags)


def _path(shell: Shell, path: str) -> str:
    from kubesim.kubelet.runtime.shell.tools import absolute

    return absolute(shell, path)


def _complain(options: Options, words: str) -> Program:
    if "silent" not in options.flags or "show-error" in options.flags:
        yield Write(ERR, f"curl: {words}\n".encode())
    return 0


def _head(reply: Reply) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
    return f"HTTP/1.1 {reply.code} {REASONS.get(reply.code, '')}\r\n{lines}\r\n".encode()


def _meter(size: int, *, failed: bool) -> str:
    """The progress meter, which is shown while the output goes to a pipe or a file."""
    idle = "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0"
    if failed or not size:
        return f"{METER}\r{idle}\r{idle}\n"
    rate = f"{size * 1000 // 1024}k" if size * 1000 >= 100_000 else str(size * 1000)
    share = f"100 {size:>5}  100 {size:>5}    0     0 {rate:>6}      0 --:--:-- --:--:-- --:--:-- {rate:>5}"
    return f"{METER}\r{idle}\r{share}\n"


def _write_out(text: str, transfer: Transfer) -> str:
    reply = transfer.reply
    known = {
        "http_code": f"{reply.code if reply else 0:03d}",
        "response_code": f"{reply.code if reply else 0:03d}",
        "time_total": f"{transfer.seconds:.6f}",
        "remote_ip": reply.address if reply else "",
        "remote_port": str(reply.port if reply else 0),
        "size_download": str(len(reply.body) if reply else 0),
        "num_redirects": str(transfer.redirects),
        "exitcode": str(transfer.code),
        "errormsg": transfer.error,
        "url_effective": f"{transfer.url.scheme}://{transfer.url.authority}{transfer.url.path}",
    }
    for name, value in known.items():
        text = text.replace(f"%{{{name}}}", value)
    return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
