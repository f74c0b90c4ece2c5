"""Requests for resources: from HTTP to `Request`, from `Response` to bytes in the form that the client wants."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import orjson
import yaml
from aiohttp import web

from kubesim.api.errors import ApiError, RequestEntityTooLargeError
from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Credential, Request, Response
from kubesim.apiserver.component_statuses import answer_component_status, is_component_status
from kubesim.apiserver.http import answers
from kubesim.apiserver.http.bodies import BODY_BYTES_MAX, decode_body
from kubesim.apiserver.http.metrics import Metrics
from kubesim.apiserver.http.negotiation import TABLE, Form, negotiate
from kubesim.apiserver.http.options import delete_options, parse_options
from kubesim.apiserver.http.paths import FIELD_NAME, Target, verb_of
from kubesim.apiserver.http.table import printer_for, table
from kubesim.apiserver.http.table.columns import Printer
from kubesim.apiserver.http.table.custom import custom_printer
from kubesim.apiserver.http.table.scale import SCALE_PRINTER
from kubesim.apiserver.http.versions import from_stored, selector_to_stored, stored_row, to_stored
from kubesim.apiserver.reviews import answer_review, is_review
from kubesim.apiserver.server import ApiServer
from kubesim.sim import Cause

JSON_TYPE = "application/json"
WITH_BODY = ("create", "update", "patch", "delete", "deletecollection")
WARN_DEPRECATED = {
    "Endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    "ComponentStatus": "v1 ComponentStatus is deprecated in v1.19+",
}
CAUSES_MAX = 16
READ_BYTES_MAX = 32 * 1024 * 1024  # Who sends more than this is hung up on.


class Answer(NamedTuple):
    """What goes back."""

    body: bytes
    code: int = 200
    content_type: str = JSON_TYPE
    warnings: tuple[str, ...] = ()
    headers: dict[str, str] | None = None


class Call(NamedTuple):
    """One request for a resource, and the form in which it wants its answer."""

    request: Request
    form: Form
    include: str  # What rows of a table carry: Metadata, Object or None.


class Api:
    """Everything about resources but watching them."""

    def __init__(self, server: ApiServer, metrics: Metrics) -> None:
        self._server = server
        self._metrics = metrics

    async def call_of(self, http: web.BaseRequest, target: Target, credential: Credential) -> Call:
        """Reads a request, its body included. Who may not ask at all is told so before what he sends is looked at."""
        form = negotiate(http.headers.get("Accept", ""))
        query = queries(http)
        verb = verb_of(http.method, target, {name: values[0] for name, values in query.items()})
        content_type = content_type_of(http)
        options = parse_options(verb, query, content_type)
        name = target.name
        if verb == "watch" and name:
            options = msgspec.structs.replace(options, field_selector=f"{FIELD_NAME}={name}")
            name = ""
        request = Request(
            verb, target.resource, target.namespace, name, target.subresource, None,
            content_type if verb == "patch" else "", options, credential, user_agent_of(http), causes_of(http),
        )  # fmt: skip
        if verb in WITH_BODY:
            self._server.authorize(self._server.authenticate(credential), request)
            body = decode_body(await read(http), content_type, patch=verb == "patch")
            if not body and verb in ("delete", "deletecollection"):
                body = delete_options(query)
            request = msgspec.structs.replace(request, body=body)
        else:
            await read(http)
        include = (query.get("includeObject") or ["Metadata"])[0] or "Metadata"
        return Call(request, form, include)

    async def answer(self, call: Call) -> Answer:
        """Asks the server, and puts what it says into the form asked for."""
        request = call.request
        try:
            response = await self._ask(request)
        except ApiError as error:
            self._metrics.answered(request, error.code)
            raise
        self._metrics.answered(request, response.code)
        if request.resource.stored_as and call.form.as_ != TABLE and request.subresource != "scale":
            response = in_version(request.resource, response)
        body = self._list(call, response) if response.stored is None and response.status is None else None
        if body is None:
            body = self._one(call, response)
        warnings = response.warnings + self.deprecations(request)
        if call.form.is_yaml:
            return Answer(as_yaml(body), response.code, "application/yaml", warnings)
        return Answer(body, response.code, JSON_TYPE, warnings)

    async def _ask(self, request: Request) -> Response:
        """A read ends with its connection; a write that has begun is finished even if nobody waits for it."""
        if is_review(request.resource):
            return answer_review(self._server, request)
        if is_component_status(request.resource):
            return answer_component_status(self._server, request)
        if request.resource.stored_as:
            request = in_stored_version(request)
        if request.verb in ("get", "list"):
            return await self._server.handle(request)
        write = asyncio.ensure_future(self._server.handle(request))
        write.add_done_callback(_heard)
        return await asyncio.shield(write)

    def deprecations(self, request: Request) -> tuple[str, ...]:
        """What the server says about kinds and versions that should no longer be used."""
        custom = self._server.catalogue.custom(request.resource)
        if custom is not None:
            return (custom.warning,) if custom.warning else ()
        return deprecations(request)

    def _list(self, call: Call, response: Response) -> bytes:
        resource, form = call.request.resource, call.form
        if form.as_ == TABLE:
            head = answers.list_head("", "", response)["metadata"]
            return answers.encode(self.table(call, response.items, head))
        if form.as_:
            obj = answers.list_head("PartialObjectMetadataList", "meta.k8s.io/v1", response)
            return answers.encode({**obj, "items": [answers.partial(stored) for stored in response.items]})
        return answers.list_of(resource, response)

    def _one(self, call: Call, response: Response) -> bytes:
        stored, form = response.stored, call.form
        if stored is None or not form.as_ or (call.request.subresource == "scale" and form.as_ != TABLE):
            return answers.one(response)
        if form.as_ == TABLE:
            return answers.encode(self.table(call, [stored], {"resourceVersion": str(stored.revision)}))
        return answers.encode(answers.partial(stored))

    def printer(self, resource: Resource) -> Printer:
        """How objects of a resource are printed by this server."""
        custom = self._server.catalogue.custom(resource)
        return printer_for(stored_row(resource)) if custom is None else custom_printer(custom)

    def table(self, call: Call, stored: Sequence[Stored], metadata: Object) -> Object:
        """Objects as a Table."""
        now = self._server.sim.clock.unix_ns()
        is_scale = call.request.subresource == "scale"
        printer = SCALE_PRINTER if is_scale else self.printer(call.request.resource)
        return table(printer, stored, now, metadata=metadata, include=call.include)


def _heard(write: asyncio.Future[Response]) -> None:
    """Whoever asked may be gone: then nobody else hears how it ended, and that is no failure of ours."""
    if not write.cancelled():
        write.exception()


def in_stored_version(request: Request) -> Request:
    """The same request for the version in which the objects are stored."""
    resource, options = request.resource, request.options
    selector = selector_to_stored(resource, options.field_selector)
    return msgspec.structs.replace(
        request,
        resource=stored_row(resource),
        body=to_stored(resource, request.body) if request.verb in ("create", "update", "patch") else request.body,
        options=msgspec.structs.replace(options, field_selector=selector),
    )


def in_version(resource: Resource, response: Response) -> Response:
    """An answer with its objects in the version asked for."""
    stored = response.stored and from_stored(resource, response.stored)
    items = [from_stored(resource, item) for item in response.items]
    return msgspec.structs.replace(response, stored=stored, items=items)


def queries(http: web.BaseRequest) -> dict[str, list[str]]:
    """The query string: every name with all its values."""
    found: dict[str, list[str]] = {}
    for name, value in http.rel_url.query.items():
        found.setdefault(name, []).append(value)
    return found


async def read(http: web.BaseRequest) -> bytes:
    """The body. One that is too long is read and forgotten, so that its sender comes to read the refusal."""
    content = http.content
    if content.is_eof() and content.total_bytes <= BODY_BYTES_MAX:
        return content.read_nowait()
    chunks, size = [], 0
    async for chunk in content.iter_any():
        size += len(chunk)
        if size <= BODY_BYTES_MAX:
            chunks.append(chunk)
        elif size > READ_BYTES_MAX:
            break
        else:
            chunks.clear()
    if size > BODY_BYTES_MAX:
        raise RequestEntityTooLargeError(f"Request entity too large: limit is {BODY_BYTES_MAX}")
    return b"".join(chunks)


def content_type_of(http: web.BaseRequest) -> str:
    """The media type of the body without parameters, "" if none is given."""
    return http.content_type if "Content-Type" in http.headers else ""


def user_agent_of(http: web.BaseRequest) -> str:
    """The program that asks: `kubectl` of `kubectl/v1.36.2 (linux/amd64)`."""
    return http.headers.get("User-Agent", "").partition("/")[0][:128]


def causes_of(http: web.BaseRequest) -> tuple[Cause, ...]:
    """What the caller reacts to: revisions or words, from the header Kubesim-Cause."""
    parts = [part.strip() for part in http.headers.get("Kubesim-Cause", "").split(",")]
    return tuple(int(part) if part.isdecimal() else part for part in parts[:CAUSES_MAX] if part)


def deprecations(request: Request) -> tuple[str, ...]:
    """What the server says about kinds that should no longer be used."""
    words = WARN_DEPRECATED.get(request.resource.kind)
    return (words,) if words and not request.resource.group else ()


def as_yaml(body: bytes) -> bytes:
    """An answer for those who asked for YAML."""
    text: str = yaml.safe_dump(orjson.loads(body), sort_keys=True, allow_unicode=True)
    return text.encode()
