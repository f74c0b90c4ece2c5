"""What is done with one HTTP request: who sent it, which page or resource it wants, and how the answer goes back.

Upstream: the filters of k8s.io/apiserver/pkg/server/config.go.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from contextlib import suppress

from aiohttp import web
from multidict import CIMultiDict

from kubesim.api.errors import (
    ApiError,
    ForbiddenError,
    InternalError,
    NotFoundError,
    ServiceUnavailableError,
    TransportError,
)
from kubesim.api.wire import Credential
from kubesim.apiserver.auth.attributes import Attributes
from kubesim.apiserver.auth.attributes import refusal as forbidden
from kubesim.apiserver.http.answers import encode
from kubesim.apiserver.http.api import Answer, Api, deprecations, read
from kubesim.apiserver.http.audit import AuditLog, Sink
from kubesim.apiserver.http.connections import Connections
from kubesim.apiserver.http.credentials import CredentialSource, impersonations
from kubesim.apiserver.http.pages import TEXT, Pages
from kubesim.apiserver.http.paths import Target, is_of_built_in_version, parse_path
from kubesim.apiserver.http.patience import Patience
from kubesim.apiserver.http.streaming import Streams
from kubesim.apiserver.server import UNKNOWN_RESOURCE, ApiServer
from kubesim.sim.wall_timers import WallTimers

NO_PAGE = b"404 page not found\n"

GZIP_BYTES_MIN = 128 * 1024
GZIP_LEVEL = 1
JSON_TYPE = "application/json"

log = logging.getLogger(__name__)


class RequestHandler:
    """Answers every request of one front."""

    def __init__(
        self, server: ApiServer, credentials: CredentialSource, timers: WallTimers, audit: Sink | None = None
    ) -> None:
        self._server = server
        self._credentials = credentials
        self._timers = timers
        self._pages = Pages(server)
        self._api = Api(server, self._pages.metrics)
        self._patience = Patience(server.sim.loop, timers)
        self._streams = Streams(server, timers, self._pages.metrics, self._api, self._patience)
        self._connections = Connections(server, self._pages.metrics, self._patience)
        self._audit = None if audit is None else AuditLog(server, credentials, audit)
        self._busy = 0
        self._idle: asyncio.Future[None] | None = None

    def start(self, address: str) -> None:
        """From here on there are requests; `address` is where the front can be reached."""
        self._pages.bind(address)
        self._patience.start()

    def end_watches(self) -> None:
        """The server stops: every watch ends as if its time were over."""
        self._streams.end()
        self._connections.end()

    async def drained(self, seconds: float) -> None:
        """Returns when nothing is being answered any more, or after real seconds."""
        if not self._busy:
            return
        self._idle = self._server.sim.loop.create_future()
        patience = self._timers.call_later(seconds, self._resolve)
        await self._idle
        patience.cancel()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request from its first to its last byte."""
        self._busy += 1
        audit_id = request.headers.get("Audit-ID") or self._server.sim.chance.uid()
        received = "" if self._audit is None else self._server.sim.clock.micro_timestamp()
        try:
            answer = await self._answer(request, audit_id)
        except ApiError as error:
            answer = refusal(error)
            await self._drain(request)
        except TransportError as error:
            answer = refusal(InternalError(str(error)))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            log.exception("a request failed: %s %s", request.method, request.path)
            answer = refusal(InternalError("Internal error occurred: the server made a mistake, its log says which"))
        finally:
            self._busy -= 1
            if not self._busy:
                self._resolve()
        if self._audit is not None:
            code, body = (answer.status, b"") if isinstance(answer, web.StreamResponse) else (answer.code, answer.body)
            self._audit.record(request, audit_id, received, code, body)
        return answer if isinstance(answer, web.StreamResponse) else respond(request, answer, audit_id)

    async def _drain(self, request: web.BaseRequest) -> None:
        """Who was refused before he had said all would else find the connection closed in the middle of a word."""
        with suppress(ApiError), self._patience.reading():
            await read(request)

    async def _answer(self, request: web.BaseRequest, audit_id: str) -> Answer | web.StreamResponse:
        credential = self._credential(request)
        target = parse_path(request.rel_url.raw_path, self._server.catalogue.find)
        if target is None:
            return await self._page(request, credential)
        return await self._resource(request, target, credential, audit_id)

    async def _page(self, request: web.BaseRequest, credential: Credential) -> Answer:
        user = self._server.authenticate(credential)
        wish = Attributes(_verb(request), path=request.path)
        decision = self._server.authorizer.decide(user, wish)
        if not decision.allowed:
            raise forbidden(user, wish, decision.reason)
        with self._patience.reading():
            await read(request)
        answer = self._pages.answer(request)
        if answer is None and self._is_stale(request.path):
            raise ServiceUnavailableError("the server is currently unable to handle the request")
        if answer is None:
            if is_of_built_in_version(request.rel_url.raw_path):
                raise NotFoundError(UNKNOWN_RESOURCE)
            return Answer(NO_PAGE, 404, TEXT)  # Clients say what they had asked for: no Status tells them.
        return answer

    def _is_stale(self, path: str) -> bool:
        """Whether a path belongs to another server, which cannot be reached now."""
        parts = path.strip("/").split("/")
        return len(parts) > 2 and parts[0] == "apis" and self._server.catalogue.is_stale(parts[1], parts[2])

    async def _resource(
        self, request: web.BaseRequest, target: Target, credential: Credential, audit_id: str
    ) -> Answer | web.StreamResponse:
        if self._connections.is_for(target):
            return await self._connections.answer(request, target, credential, audit_id)
        with self._patience.reading():
            call = await self._api.call_of(request, target, credential)
        if call.request.verb == "watch":
            return await self._streams.watch(request, call, audit_id)
        try:
            with self._patience.answering():
                return await self._api.answer(call)
        except ApiError as error:
            # What a handler refuses is warned of too; who may not come in at all never reaches one.
            warnings = () if isinstance(error, ForbiddenError) else deprecations(call.request)
            return refusal(error)._replace(warnings=warnings)

    def _credential(self, request: web.BaseRequest) -> Credential:
        """Whom the caller is, or acts as if it may."""
        credential = self._credentials(request)
        wanted = impersonations(request.headers)
        if wanted is None:
            return credential
        identity, checks = wanted
        user = self._server.authenticate(credential)
        for wish in checks:
            decision = self._server.authorizer.decide(user, wish)
            if not decision.allowed:
                raise forbidden(user, wish, decision.reason)
        return identity

    def _resolve(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)


def refusal(error: ApiError) -> Answer:
    """A Status, as every client library expects it."""
    headers = {}
    retry = (error.details or {}).get("retryAfterSeconds")
    if retry is not None:
        headers["Retry-After"] = str(retry)
    return Answer(encode(error.status()), error.code, JSON_TYPE, headers=headers)


def respond(request: web.BaseRequest, answer: Answer, audit_id: str) -> web.Response:
    """An answer as HTTP."""
    body = answer.body
    headers: list[tuple[str, str]] = [("Audit-Id", audit_id), ("Cache-Control", "no-cache, private")]
    if answer.headers:
        headers = [pair for pair in headers if pair[0] not in answer.headers] + list(answer.headers.items())
    headers += [("Warning", f'299 - "{_quoted(text)}"') for text in dict.fromkeys(answer.warnings)]
    headers.append(("Content-Type", answer.content_type))
    if len(body) >= GZIP_BYTES_MIN and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    response = web.Response(body=body, status=answer.code, headers=CIMultiDict(headers))
    if not request.content.is_eof():
        response.force_close()
    return response


def _quoted(text: str) -> str:
    clean = "".join(" " if ord(c) < 32 or ord(c) == 127 else c for c in text)
    return clean.replace("\\", "\\\\").replace('"', '\\"')


def _verb(request: web.BaseRequest) -> str:
    return {"HEAD": "get"}.get(request.method, request.method.lower())
