"""What the front bears: bodies, nesting, selectors and options that make no sense, and clients that do not read."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import socket
from typing import Any

import pytest

from kubesim.apiserver.http.listener import STUCK_LOOKS_MAX, SlowReaders
from kubesim.sim import run
from kubesim.sim.wall_timers import WallTimers

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
JSON = {"Content-Type": "application/json"}


async def revision(http: Any) -> str:
    found: str = (await http.get(f"{CONFIG_MAPS}?limit=1"))["metadata"]["resourceVersion"]
    return found


@pytest.mark.parametrize(
    ("body", "media", "code", "words"),
    [
        (b"x" * (3 * 1024 * 1024 + 1), "application/json", 413, "Request entity too large: limit is 3145728"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "application/json", 400, "json parse error"),
        (b"[" * 201 + b"]" * 201, "application/json", 400, "exceeded max depth"),
        (b"[" * 10_000 + b"]" * 10_000, "application/yaml", 400, "exceeded max depth"),
        (b"a: &a [x]\nb: *a", "application/yaml", 400, "aliases are not supported"),
        (b'{"data":{"a":"\\ud800"}}', "application/json", 400, "json parse error"),
        (b"\xff\xfe", "application/json", 400, "json parse error"),
        (b"[]", "application/json", 400, "the object provided is unrecognized (must be of type ConfigMap)"),
        (b"k8s\x00\xff\xff", "application/vnd.kubernetes.protobuf", 400, "unable to decode the protobuf message"),
        (b"\xa1aa\x01", "application/cbor", 415, "the body of the request was in an unknown format"),
        (b"{}", "text/plain", 415, "the body of the request was in an unknown format"),
    ],
)
def test_a_body_that_is_no_object_is_refused(served: Any, body: bytes, media: str, code: int, words: str) -> None:
    """Teaches: what cannot be read is refused in one sentence, and nothing is stored."""

    async def test(http: Any) -> None:
        before = await revision(http)
        found, status = await http.call("POST", CONFIG_MAPS, data=io.BytesIO(body), headers={"Content-Type": media})
        assert (found, status["kind"]) == (code, "Status")
        assert words in status["message"]
        assert await revision(http) == before

    served(test)


def test_a_compressed_body_is_not_opened(served: Any) -> None:
    """Teaches: the real server does not know compressed requests, so they cannot be bombs."""

    async def test(http: Any) -> None:
        body = gzip.compress(b"[" + b"0," * 10_000_000 + b"0]")
        headers = {**JSON, "Content-Encoding": "gzip"}
        code, status = await http.call("POST", CONFIG_MAPS, data=body, headers=headers)
        assert (code, status["reason"]) == (400, "BadRequest")

    served(test)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("resourceVersion=abc", 'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint'),
        ("resourceVersion=99999999999999999999", "value out of range"),
        (f"resourceVersion={'9' * 5000}", "value out of range"),
        ("limit=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("limit=%EF%BC%91", "invalid syntax"),
        ("continue=%21", "invalid continue token: continue key is not valid"),
        (
            "continue=" + base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":0,"start":"x"}').decode().rstrip("="),
            "start resource",
        ),
        (
            "continue=" + base64.urlsafe_b64encode(b'{"v":"v9","rv":1,"start":"x"}').decode().rstrip("="),
            "does not recognize",
        ),
        (
            "continue=" + base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":1e9,"start":[]}').decode().rstrip("="),
            "continue key is not valid",
        ),
        ("labelSelector=a+in+(", "found"),
        ("fieldSelector=spec.nope%3D1", "spec.nope"),
    ],
)
def test_options_of_a_list_that_cannot_be_understood_are_refused(served: Any, query: str, words: str) -> None:
    """Teaches: a bad option is the client's mistake: 400, with the words of the real server."""

    async def test(http: Any) -> None:
        code, status = await http.call("GET", f"{CONFIG_MAPS}?{query}")
        assert code == 400
        assert words in status["message"]

    served(test)


def test_a_limit_below_zero_is_none(served: Any) -> None:
    """Teaches: only a positive limit cuts a list into pages."""

    async def test(http: Any) -> None:
        await http.call("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
        found = await http.get(f"{CONFIG_MAPS}?limit=-1")
        assert [item["metadata"]["name"] for item in found["items"]] == ["a"]

    served(test)


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "add", "path": "/data", "value": {"a": "b" * 1000}}]
        + [{"op": "copy", "from": "", "path": f"/data/x{number}"} for number in range(40)],  # Doubles each time.
        [{"op": "add", "path": "/data" + "/a" * depth, "value": {"a": {}}} for depth in range(600)],
        [{"op": "add", "path": 5}],
        [{"op": "add"}],
        ["add"],
    ],
)
def test_a_json_patch_cannot_explode(served: Any, operations: list[Any]) -> None:
    """Teaches: a few operations could make an object of any size or depth; the server counts along."""

    async def test(http: Any) -> None:
        await http.call("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
        before = await revision(http)
        headers = {"Content-Type": "application/json-patch+json"}
        code, status = await http.call(
            "PATCH", f"{CONFIG_MAPS}/a", data=io.BytesIO(json.dumps(operations).encode()), headers=headers
        )
        assert (code, status["message"]) == (422, "the server rejected our request due to an error in our request")
        assert await revision(http) == before

    served(test)


def test_who_may_not_ask_is_told_so_before_his_body_is_read(served: Any) -> None:
    """Teaches: authorization comes before decoding: a stranger cannot make the server work."""

    async def test(http: Any) -> None:
        headers = {**JSON, "Nobody": "yes"}
        code, status = await http.call("POST", CONFIG_MAPS, data=b"{not json", headers=headers)
        assert (code, status["reason"]) == (403, "Forbidden")

    served(test)


def test_a_refusal_leaves_the_connection_usable(served: Any) -> None:
    """Teaches: the body of a refused request is read to its end; else its sender finds the connection broken."""

    async def test(http: Any) -> None:
        for _ in range(3):
            code, _ = await http.call("PATCH", f"{CONFIG_MAPS}/a?timeoutSeconds=x", data=b"x" * 500_000, headers=JSON)
            assert code == 400
        assert len(http.session.connector._conns) == 1

    served(test)


def test_a_stranger_sees_only_version_and_health(served: Any) -> None:
    """Teaches: what everybody may know of a cluster, and that it is nothing else."""

    async def test(http: Any) -> None:
        nobody = {"Nobody": "yes"}
        for path in ("/version", "/healthz", "/livez", "/readyz"):
            async with http.session.get(http.base + path, headers=nobody) as response:
                assert response.status == 200, path
        for path in ("/", "/api", "/apis", "/api/v1", "/openapi/v3", "/metrics", CONFIG_MAPS, "/api/v1/nodes", "/nope"):
            async with http.session.get(http.base + path, headers=nobody) as response:
                assert response.status == 403, path

    served(test)


def test_a_reader_who_takes_nothing_is_hung_up_on() -> None:
    """Teaches: what a client does not read is kept for a minute, then the connection ends and frees it."""

    class Transport(asyncio.Transport):
        unsent, aborted = 5, False

        def get_write_buffer_size(self) -> int:
            return self.unsent

        def abort(self) -> None:
            self.aborted = True

    async def main() -> None:
        stuck, slow, idle = Transport(), Transport(), Transport()
        idle.unsent = 0
        readers = SlowReaders(WallTimers(asyncio.get_running_loop()), lambda: [stuck, slow, idle])
        for look in range(STUCK_LOOKS_MAX + 1):
            assert not stuck.aborted
            slow.unsent = 100 - look
            readers.look()
        assert (stuck.aborted, slow.aborted, idle.aborted) == (True, False, False)

    run(main)


def test_a_watcher_who_vanishes_is_forgotten(served: Any) -> None:
    """Teaches: a watch ends with its connection, on the server too."""

    async def test(http: Any) -> None:
        watchers = http.server.registries["", "configmaps"].cache._watchers
        before = len(list(watchers))
        port = int(http.base.rpartition(":")[2])
        connections = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {CONFIG_MAPS}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            connections.append(writer)
        assert len(list(watchers)) == before + 20
        for writer in connections:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()
        for _ in range(1000):
            if len(list(watchers)) == before:
                break
            await asyncio.sleep(0.001)
        assert len(list(watchers)) == before

    served(test)
