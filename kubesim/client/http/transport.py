"""The transport itself: one pool of connections to one apiserver, as one user.

A refusal that says when to come back (429 or 5xx with Retry-After) is obeyed, ten times at most. What the connection
does wrong becomes a TransportError, which says whether the request may have had its effect; no error of aiohttp goes
further. Connections live in real time: use it on a loop that is paced, and tell `patience` at which speed.
Left out: HTTP/2 and its pings, protobuf.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from kubesim.api.errors import TransportError
from kubesim.api.session import Session
from kubesim.api.wire import Request, Response, WatchStream
from kubesim.client.http.answers import error_of, response_of, warnings_of
from kubesim.client.http.credentials import Credentials, Pair
from kubesim.client.http.requests import HttpRequest, http_request
from kubesim.client.http.sessions import connect
from kubesim.client.http.tls import tls_context
from kubesim.client.http.watching import HttpWatch
from kubesim.client.kubeconfig import Access, KubeconfigError
from kubesim.sim import Tasks

CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 60.0
WATCH_GRACE_SECONDS = 30.0  # A server that has not ended a watch so long after its time is not there any more.
RETRIES_MAX = 10
RETRY_SECONDS_MAX = 30
ANSWER_BYTES_MAX = 1 << 30

Told = Callable[[TransportError | None], None]


class HttpTransport:
    """Reaches the apiserver of `access`. Make it inside a running loop, and `close` it in the end.

    `on_reachable` hears of a change: a TransportError when the apiserver cannot be reached, None when it can again.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self._credentials = Credentials(access)
        self._session: aiohttp.ClientSession | None = None
        self._pair: Pair | None = None
        self._base = URL(access.server)
        self.proxy = proxy_of(access) or None
        self.server_hostname = access.tls_server_name or None
        self._watches: dict[HttpWatch, None] = {}
        self.on_reachable: Told | None = None
        self.is_reachable = True
        self.patience = 1.0  # Seconds of the loop per real second: how long things take is measured in real ones.
        self._closed = False
        self._tasks = Tasks("http")

    async def request(self, request: Request) -> Response:
        """Any verb but watch."""
        response = await self._send(http_request(request), REQUEST_SECONDS)
        try:
            body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._lost(error, definite=False) from None
        finally:
            response.release()
        return response_of(request, response.status, body, warnings_of(response.headers.getall("Warning", [])))

    async def watch(self, request: Request) -> WatchStream:
        """Begins a watch."""
        seconds = request.options.timeout_seconds
        patience = None if seconds is None else seconds + WATCH_GRACE_SECONDS
        response = await self._send(http_request(request), patience)
        stream = HttpWatch(response, request.resource, lambda ended: self._watches.pop(ended, None))
        self._watches[stream] = None
        return stream

    async def connect(self, request: Request) -> Session:
        """Connects to a process behind the apiserver."""
        session = await self._open()
        return await connect(self, session, self._tasks, request)

    async def read(self, path: str, query: list[tuple[str, str]] | None = None) -> bytes:
        """GET of a page that is no resource: /version, /readyz, /openapi/v3."""
        response = await self._send(
            HttpRequest("GET", path, query or [], {"Accept": "application/json"}, None), REQUEST_SECONDS
        )
        try:
            return await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._lost(error, definite=True) from None
        finally:
            response.release()

    async def close(self) -> None:
        """Hangs up."""
        self._closed = True
        for stream in list(self._watches):
            stream.close()
        await self._tasks.stop()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def headers(self, given: dict[str, str]) -> CIMultiDict[str]:
        """A request's headers, with those that say who asks."""
        try:
            return CIMultiDict([*given.items(), *await self._credentials.headers()])
        except KubeconfigError as error:
            raise TransportError(str(error), definite=True) from None

    def url(self, path: str, query: list[tuple[str, str]]) -> URL:
        """Where that is. What is escaped in the path stays so."""
        base = self._base
        return base.with_path(base.raw_path.rstrip("/") + path, encoded=True).with_query(query)

    async def stream(self, http: HttpRequest) -> aiohttp.ClientResponse:
        """An answer whose body is read as it comes, for as long as it takes."""
        return await self._send(http, None)

    # -- one exchange -----------------------------------------------------------------------------------

    async def _send(self, http: HttpRequest, seconds: float | None) -> aiohttp.ClientResponse:
        """Sends until the answer is a success; raises what it says if it is a refusal."""
        asked_anew = False
        for attempt in range(RETRIES_MAX + 1):
            response = await self._exchange(http, seconds)
            if response.status < 400:
                return response
            try:
                body = await response.read()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise self._lost(error, definite=False) from None
            finally:
                response.release()
            if response.status == 401 and not asked_anew and self._credentials.refused():
                asked_anew = True
                continue
            pause_seconds = retry_after(response)
            if pause_seconds is None or attempt == RETRIES_MAX:
                raise error_of(response.status, body)
            await asyncio.sleep(pause_seconds * self.patience)
        raise error_of(response.status, body)

    async def _exchange(self, http: HttpRequest, seconds: float | None) -> aiohttp.ClientResponse:
        session = await self._open()
        headers = await self.headers(http.headers)
        total = None if seconds is None else seconds * self.patience
        timeout = aiohttp.ClientTimeout(total=total, sock_connect=CONNECT_SECONDS * self.patience)
        try:
            response = await session.request(
                http.method, self.url(http.path, http.query), headers=headers, data=http.body, timeout=timeout,
                allow_redirects=False,
                proxy=self.proxy, server_hostname=self.server_hostname,
            )  # fmt: skip
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._lost(error, definite=never_left(error) or http.method == "GET") from None
        self._tell(None)
        return response

    async def _open(self) -> aiohttp.ClientSession:
        """The pool; a new one when the certificate is another."""
        if self._closed:
            raise TransportError("the connection is closed", definite=True)
        try:
            pair = await self._credentials.certificate()
            if self._session is not None and pair == self._pair:
                return self._session
            context = tls_context(self.access, *pair) if self._base.scheme == "https" else False
        except KubeconfigError as error:  # A program that hands out credentials may fail at any time.
            lost = TransportError(str(error), definite=True)
            self._tell(lost)
            raise lost from None
        old, self._pair = self._session, pair
        connector = aiohttp.TCPConnector(limit=0, ssl=context)
        self._session = aiohttp.ClientSession(
            connector=connector, auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar(), raise_for_status=False
        )
        if old is not None:
            await old.close()
        return self._session

    def _lost(self, error: Exception, *, definite: bool) -> TransportError:
        """What an error of the connection means for the one who asked."""
        lost = TransportError(words_of(error, self.access), definite=definite)
        self._tell(lost)
        return lost

    def _tell(self, lost: TransportError | None) -> None:
        if self.is_reachable == (lost is None) or self._closed:
            return
        self.is_reachable = lost is None
        if self.on_reachable is not None:
            self.on_reachable(lost)


def retry_after(response: aiohttp.ClientResponse) -> float | None:
    """How many seconds the server wants us to wait before we ask again; None if it does not say so."""
    if response.status != 429 and response.status < 500:
        return None
    with suppress(ValueError):
        seconds = int(response.headers.get("Retry-After", ""))
        return min(seconds, RETRY_SECONDS_MAX) if seconds > 0 else None
    return None


def never_left(error: Exception) -> bool:
    """Whether nothing of the request has reached the server."""
    return isinstance(
        error, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError
        | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL,
    )  # fmt: skip


def words_of(error: Exception, access: Access) -> str:
    """One sentence about a connection that failed."""
    where = access.address
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        inner = error.certificate_error
        why = getattr(inner, "verify_message", "") or str(inner)
        return f"the certificate of {where} is not trusted: {why}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"no TLS connection to {where} ({getattr(error.os_error, 'reason', None) or error.os_error})"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial {where}: lookup {urlsplit(access.server).hostname}: no such host"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the proxy {access.proxy_url or 'of the environment'} cannot be reached"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy {access.proxy_url or 'of the environment'} refused with code {error.status}"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        why = os.strerror(number).lower() if number else str(error.os_error)
        return f"dial {where}: connect: {why}"
    if isinstance(error, TimeoutError):
        return f"no answer from {where} in time"
    return f"the connection to {where} was lost ({str(error) or type(error).__name__})"


def proxy_of(access: Access) -> str:
    """The kubeconfig's proxy, else that of the environment for this server."""
    if access.proxy_url:
        return access.proxy_url
    parts = urlsplit(access.server)
    if parts.hostname in ("localhost", "127.0.0.1", "::1"):
        return ""
    if proxy_bypass(parts.hostname or ""):
        return ""
    return getproxies().get(parts.scheme, "")
