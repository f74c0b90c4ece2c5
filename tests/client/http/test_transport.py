"""The transport against our own apiserver over a real socket, and against servers that misbehave."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pytest
from aiohttp import web

from kubesim.api.errors import (
    AlreadyExistsError,
    BadRequestError,
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ServiceUnavailableError,
    TooManyRequestsError,
    TransportError,
)
from kubesim.api.meta import with_fields
from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS
from kubesim.api.wire import APPLY_PATCH, Options
from kubesim.client.client import Client
from kubesim.client.http import HttpTransport
from kubesim.client.informer import Informers
from kubesim.client.kubeconfig import Access, ExecConfig, Impersonation
from kubesim.sim import Simulation, Tasks, because
from kubesim.sim.wall import run_in_wall_time

Served = Callable[..., None]


def config_map(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_an_object_lives_as_it_does_in_process(served: Served) -> None:
    """Teaches: every verb is a method, a path and a body; what comes back is the same handle."""

    async def test(client: Client) -> None:
        made = await client.create(CONFIG_MAPS, config_map("a", x="1"))
        assert (made.key, made.object["data"], str(made.revision)) == (
            "default/a", {"x": "1"}, made.object["metadata"]["resourceVersion"],
        )  # fmt: skip
        changed = await client.update(CONFIG_MAPS, with_fields(made.object, {"data": {"x": "2"}}))
        with pytest.raises(ConflictError, match="the object has been modified"):
            await client.update(CONFIG_MAPS, with_fields(made.object, {"data": {"x": "3"}}))
        patched = await client.merge_patch(CONFIG_MAPS, "a", {"data": {"y": "4"}}, "default")
        assert patched.object["data"] == {"x": "2", "y": "4"}
        assert changed.revision < patched.revision
        assert await client.delete(CONFIG_MAPS, "a", "default") is None
        with pytest.raises(NotFoundError, match=r'^configmaps "a" not found$'):
            await client.get(CONFIG_MAPS, "a", "default")

    served(test)


def test_a_list_s_items_say_what_they_are(served: Served) -> None:
    """Teaches: a real apiserver leaves kind and apiVersion out of a list's items; a client puts them back."""

    async def test(client: Client) -> None:
        for name in ("a", "b", "c"):
            await client.create(
                CONFIG_MAPS, config_map(name) | {"metadata": {"name": name, "labels": {"n": name}}}, "default"
            )
        found = await client.list(CONFIG_MAPS, "default", Options(label_selector="n in (a,b)"))
        assert [(item.key, item.object["kind"]) for item in found.items] == [
            ("default/a", "ConfigMap"), ("default/b", "ConfigMap"),
        ]  # fmt: skip
        page = await client.list(CONFIG_MAPS, "default", Options(limit=2))
        rest = await client.list(CONFIG_MAPS, "default", Options(limit=2, continue_=page.continue_))
        assert [item.name for item in (*page.items, *rest.items)] == ["a", "b", "c"]
        await client.delete_collection(CONFIG_MAPS, "default", options=Options(label_selector="n"))
        assert not (await client.list(CONFIG_MAPS, "default")).items

    served(test)


def test_refusals_are_the_errors_that_they_are_in_process(served: Served) -> None:
    """Teaches: a Status carries reason, message and causes; a client makes an error of it again."""

    async def test(client: Client) -> None:
        await client.create(CONFIG_MAPS, config_map("a"))
        with pytest.raises(AlreadyExistsError, match=r'^configmaps "a" already exists$'):
            await client.create(CONFIG_MAPS, config_map("a"))
        with pytest.raises(InvalidError) as caught:
            await client.create(CONFIG_MAPS, config_map("A_B"))
        assert [cause["field"] for cause in (caught.value.details or {})["causes"]] == ["metadata.name"]
        with pytest.raises(ForbiddenError, match="kube-system"):
            await client.delete(NAMESPACES, "kube-system")
        with pytest.raises(BadRequestError, match="continue key is not valid"):
            await client.list(CONFIG_MAPS, options=Options(continue_="abc"))

    served(test)


def test_a_dry_run_and_an_apply_reach_the_server_as_such(served: Served) -> None:
    """Teaches: options travel in the query."""

    async def test(client: Client) -> None:
        await client.create(CONFIG_MAPS, config_map("a"), options=Options(dry_run=True))
        options = Options(field_manager="me", force=True)
        applied = await client.patch(
            CONFIG_MAPS, "a", config_map("a", x="1"), "default", patch_type=APPLY_PATCH, options=options
        )
        entry = applied.object["metadata"]["managedFields"][0]
        assert (entry["manager"], entry["operation"]) == ("me", "Apply")
        await client.managing_as("you").merge_patch(CONFIG_MAPS, "a", {"data": {"y": "1"}}, "default")

    served(test)


def test_a_watch_tells_what_happens_and_goes_on_where_it_was(served: Served) -> None:
    """Teaches: a watch is an answer that does not end; a line is an event."""

    async def test(client: Client) -> None:
        made = await client.create(CONFIG_MAPS, config_map("a"))
        stream = await client.watch(CONFIG_MAPS, "default", Options(resource_version=str(made.revision)))
        await client.create(CONFIG_MAPS, config_map("b"))
        await client.delete(CONFIG_MAPS, "a", "default")
        events: list[tuple[str, str]] = []
        while len(events) < 2:
            events += [(event.type, event.stored.key) for event in await stream.next()]
        assert events == [("ADDED", "default/b"), ("DELETED", "default/a")]
        stream.close()
        assert not await stream.next()
        short = await client.watch(CONFIG_MAPS, options=Options(timeout_seconds=1, resource_version="0"))
        assert [event.stored.name for event in await short.next()] == ["b"]
        assert not await short.next(), "its time was over"

    served(test)


def test_what_a_watch_refuses_is_known_before_its_first_event(served: Served) -> None:
    """Teaches: a refused watch is an answer like any other."""

    async def test(client: Client) -> None:
        with pytest.raises(BadRequestError, match="unable to parse requirement"):
            await client.watch(CONFIG_MAPS, options=Options(label_selector="a in"))

    served(test)


def test_informers_work_over_http(served: Served) -> None:
    """Teaches: reflectors, caches and handlers do not know which transport they have."""

    async def test(client: Client) -> None:
        sim = Simulation()
        informers = Informers(sim, client)
        seen: list[str] = []
        found = sim.loop.create_future()
        maps = informers.of(CONFIG_MAPS, namespace="default")
        maps.add_handler(on_add=lambda one: seen.append(one.name) or (one.name == "b" and found.set_result(None)))
        async with Tasks("test") as tasks:
            tasks.spawn(informers.run(), "informers")
            await client.create(CONFIG_MAPS, config_map("a"))
            await informers.wait_synced()
            await client.create(CONFIG_MAPS, config_map("b"))
            await found
        assert seen == ["a", "b"]

    served(test)


def test_a_cause_travels_in_a_header(served: Served) -> None:
    """Teaches: the trace of a served cluster knows why one of our components wrote something."""

    async def test(client: Client) -> None:
        with because(7, "timer x"):
            await client.create(CONFIG_MAPS, config_map("a"))

    served(test)


# -- servers that misbehave -----------------------------------------------------------------------------


def status(code: int, reason: str = "", **details: Any) -> web.Response:
    body = {"kind": "Status", "reason": reason, "code": code, "message": f"no: {code}", "details": details or None}
    headers = {"Retry-After": str(details["retryAfterSeconds"])} if details else {}
    return web.Response(status=code, body=orjson.dumps(body), content_type="application/json", headers=headers)


def test_who_is_told_when_to_come_back_comes_back(answered: Served) -> None:
    """Teaches: 429 with Retry-After is obeyed; without, it is an answer like any other."""
    answers = [status(429, "TooManyRequests", retryAfterSeconds=1), status(503, "ServiceUnavailable"), status(429)]

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return answers.pop(0)

    async def test(client: Client) -> None:
        with pytest.raises(ServiceUnavailableError):
            await client.get(NODES, "a")
        with pytest.raises(TooManyRequestsError):
            await client.get(NODES, "a")
        assert not answers

    answered(answer, test)


@pytest.mark.parametrize(
    ("code", "body", "kind", "words"),
    [
        (404, b"404 page not found", NotFoundError, "the server could not find the requested resource"),
        (502, b"<html>", ServiceUnavailableError, "^the server is currently unable to handle the request$"),
        (418, b"teapot", Exception, r"^the server answered with code 418 \(teapot\)$"),
        (200, b"<html>login</html>", TransportError, "what answered is no apiserver"),
    ],
)
def test_what_is_no_status_becomes_an_error_by_its_code(
    code: int, body: bytes, kind: type[Exception], words: str, answered: Served
) -> None:
    """Teaches: between a client and its apiserver there may be proxies with words of their own."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=code, body=body)

    async def test(client: Client) -> None:
        with pytest.raises(kind, match=words):
            await client.get(NODES, "a")

    answered(answer, test)


def test_a_connection_lost_before_the_answer_may_have_had_its_effect(answered: Served) -> None:
    """Teaches: a write without an answer is the one thing that nobody can know."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def test(client: Client) -> None:
        with pytest.raises(TransportError) as caught:
            await client.create(CONFIG_MAPS, config_map("a"))
        assert not caught.value.definite

    answered(answer, test)


def test_a_watch_that_breaks_says_so_after_the_events_that_came(answered: Served) -> None:
    """Teaches: half a line is no event."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        obj = {"metadata": {"name": "a", "resourceVersion": "5"}}
        await response.write(orjson.dumps({"type": "ADDED", "object": obj}) + b'\n{"type":"MOD')
        assert request.transport is not None
        request.transport.close()
        return response

    async def test(client: Client) -> None:
        stream = await client.watch(NODES)
        (event,) = await stream.next()
        assert (event.type, event.stored.revision, event.stored.object["kind"]) == ("ADDED", 5, "Node")
        with pytest.raises(TransportError, match=r"^a watch of nodes broke: "):
            await stream.next()

    answered(answer, test)


def test_an_error_event_is_raised_after_the_events_before_it(answered: Served) -> None:
    """Teaches: 410 ends a watch; the reflector lists anew."""
    lines = [
        {"type": "BOOKMARK", "object": {"kind": "Node", "metadata": {"resourceVersion": "8"}}},
        {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}},
    ]

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"\n".join(map(orjson.dumps, lines)) + b"\n")

    async def test(client: Client) -> None:
        stream = await client.watch(NODES)
        (event,) = await stream.next()
        assert (event.type, event.stored.revision) == ("BOOKMARK", 8)
        with pytest.raises(ExpiredError, match="too old"):
            await stream.next()
        assert not await stream.next()

    answered(answer, test)


def test_nobody_at_home_is_a_definite_failure_and_told_once() -> None:
    """Teaches: what never left had no effect; that it works again is told as well."""
    told: list[str] = []

    async def main(_: Simulation) -> None:
        access = Access("main", "c", "u", "http://127.0.0.1:1")
        transport = HttpTransport(access)
        transport.on_reachable = lambda lost: told.append(str(lost))
        for _ in range(2):
            with pytest.raises(TransportError) as caught:
                await Client(transport, "tester").create(PODS, {"metadata": {"namespace": "a"}})
            assert caught.value.definite
        await transport.close()
        with pytest.raises(TransportError, match="the connection is closed"):
            await Client(transport, "tester").list(DEPLOYMENTS)

    run_in_wall_time(main)
    assert told == ["dial 127.0.0.1:1: connect: connection refused"]


def test_credentials_go_with_every_request(answered: Served, tmp_path: Any) -> None:
    """Teaches: a token from a file, and whom its owner impersonates."""
    (tmp_path / "token").write_text("abc\n")
    seen: list[dict[str, Any]] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(
            {key: request.headers.getall(key) for key in request.headers if key.startswith(("Auth", "Imp", "User"))}
        )
        return web.Response(body=b'{"items": []}')

    async def test(client: Client) -> None:
        await client.list(NODES)

    who = Impersonation("jane", ("a", "b"), "7", (("example.com/x", ("1",)),))
    answered(answer, test, token_file=tmp_path / "token", impersonation=who)
    assert seen == [
        {"User-Agent": ["tester"], "Authorization": ["Bearer abc"], "Impersonate-User": ["jane"],
         "Impersonate-Group": ["a", "b"], "Impersonate-Uid": ["7"], "Impersonate-Extra-example.com%2Fx": ["1"]}
    ]  # fmt: skip


def test_a_password_is_sent_as_such(answered: Served) -> None:
    """Teaches: basic authentication, which real apiservers gave up and proxies in front of them have not."""
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        return web.Response(body=b'{"items": []}')

    async def test(client: Client) -> None:
        await client.list(NODES)

    answered(answer, test, username="me", password="secret")
    assert seen == ["Basic bWU6c2VjcmV0"]


def test_a_token_that_cannot_be_read_is_no_traceback(answered: Served, tmp_path: Any) -> None:
    """Teaches: what is wrong with the kubeconfig comes out as what is wrong with the connection."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        raise AssertionError("nothing is sent")

    async def test(client: Client) -> None:
        with pytest.raises(TransportError, match=r"the token file .*/gone cannot be read \(No such file"):
            await client.list(NODES)

    answered(answer, test, token_file=tmp_path / "gone")


def test_a_proxy_is_asked_for_the_whole_address(answered: Served) -> None:
    """Teaches: proxy-url; the apiserver's name need not even be known here."""
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(f"{request.host.partition(':')[0]} {request.path}")
        return web.Response(body=b'{"items": []}')

    async def test(client: Client) -> None:
        assert isinstance(client.transport, HttpTransport)
        proxy = client.transport.access.server
        access = Access("main", "c", "u", "http://apiserver.invalid:6443", proxy_url=proxy)
        for url, words in ((proxy, ""), ("http://127.0.0.1:1", "^the proxy http://127.0.0.1:1 cannot be reached$")):
            through = HttpTransport(msgspec.structs.replace(access, proxy_url=url))
            if words:
                with pytest.raises(TransportError, match=words):
                    await Client(through, "tester").list(NODES)
            else:
                await Client(through, "tester").list(NODES)
            await through.close()

    answered(answer, test)
    assert seen == ["apiserver.invalid /api/v1/nodes"]


def test_a_server_whose_name_nobody_knows_is_said_so() -> None:
    """Teaches: DNS is the first thing that fails."""

    async def main(_: Simulation) -> None:
        transport = HttpTransport(Access("main", "c", "u", "https://apiserver.invalid:6443"))
        with pytest.raises(
            TransportError, match=r"^dial apiserver.invalid:6443: lookup apiserver.invalid: no such host$"
        ):
            await Client(transport, "tester").list(NODES)
        await transport.close()

    run_in_wall_time(main)


def test_a_refused_token_is_asked_for_anew_once(answered: Served, tmp_path: Any) -> None:
    """Teaches: 401 with an exec plugin; the program is asked again, and the request is sent again."""
    script = tmp_path / "login.py"
    version = "client.authentication.k8s.io/v1"
    script.write_text(
        "import json, pathlib\n"
        f"runs = pathlib.Path({str(tmp_path / 'runs')!r})\n"
        "count = len(runs.read_text()) if runs.exists() else 0\n"
        "runs.write_text('x' * (count + 1))\n"
        f"answer = {{'kind': 'ExecCredential', 'apiVersion': {version!r}, 'status': {{'token': f't{{count}}'}}}}\n"
        "print(json.dumps(answer))\n"
    )
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        return status(401, "Unauthorized") if seen[-1] == "Bearer t0" else web.Response(body=b'{"items": []}')

    async def test(client: Client) -> None:
        await client.list(NODES)
        await client.list(NODES)

    plugin = ExecConfig(version, sys.executable, (str(script),), interactive_mode="Never")
    answered(answer, test, exec=plugin)
    assert seen == ["Bearer t0", "Bearer t1", "Bearer t1"]
