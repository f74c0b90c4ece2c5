"""Watches over HTTP: lines of JSON, their beginning, their end, and what time they live in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubesim.sim import run
from kubesim.sim.wall_timers import wall_time

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def config_map(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}}


async def lines(http: Any, query: str, **headers: str) -> list[Any]:
    """All events of a watch that ends by itself."""
    async with http.session.get(f"{http.base}{CONFIG_MAPS}?watch=1&{query}", headers=headers) as response:
        return [json.loads(line) for line in (await response.read()).splitlines()]


def test_a_watch_begins_with_what_is_there_and_ends_with_its_time(served: Any) -> None:
    """Teaches: timeoutSeconds is the server's way to end a watch in peace."""

    async def test(http: Any) -> None:
        await http.call("POST", CONFIG_MAPS, config_map("a"))
        began = wall_time()
        events = await lines(http, "timeoutSeconds=1")
        assert [(e["type"], e["object"]["metadata"]["name"]) for e in events] == [("ADDED", "a")]
        assert 0.9 < wall_time() - began < 5

    served(test)


def test_a_watch_hears_what_happens_while_it_lasts(served: Any) -> None:
    """Teaches: one line an event, sent at once."""

    async def test(http: Any) -> None:
        async with http.session.get(f"{http.base}{CONFIG_MAPS}?watch=true") as response:
            for verb, path in (("POST", CONFIG_MAPS), ("DELETE", f"{CONFIG_MAPS}/a")):
                await http.call(verb, path, config_map("a") if verb == "POST" else None)
                event = json.loads(await response.content.readline())
                assert event["type"] == {"POST": "ADDED", "DELETE": "DELETED"}[verb]

    served(test)


def test_a_watch_as_a_table_names_its_columns_once(served: Any) -> None:
    """Teaches: `kubectl get --watch` prints rows that the server made."""

    async def test(http: Any) -> None:
        for name in "ab":
            await http.call("POST", CONFIG_MAPS, config_map(name))
        events = await lines(http, "timeoutSeconds=1", Accept=TABLE)
        assert [e["object"]["rows"][0]["cells"][:2] for e in events] == [["a", 0], ["b", 0]]
        assert [c["name"] for c in events[0]["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
        assert events[1]["object"]["columnDefinitions"] is None

    served(test)


def test_a_streaming_list_says_where_it_ends(served: Any) -> None:
    """Teaches: sendInitialEvents, and the bookmark that closes the initial events."""

    async def test(http: Any) -> None:
        await http.call("POST", CONFIG_MAPS, config_map("a"))
        query = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"
        events = await lines(http, query)
        assert [e["type"] for e in events] == ["ADDED", "BOOKMARK"]
        assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}

    served(test)


def test_a_name_in_the_path_of_a_watch_is_a_selector(served: Any) -> None:
    """Teaches: the old paths /watch/ and a watch of one object still work."""

    async def test(http: Any) -> None:
        for name in "ab":
            await http.call("POST", CONFIG_MAPS, config_map(name))
        for path in (f"{CONFIG_MAPS}/b?watch=1&", "/api/v1/watch/namespaces/default/configmaps/b?"):
            async with http.session.get(f"{http.base}{path}timeoutSeconds=1") as response:
                events = [json.loads(line) for line in (await response.read()).splitlines()]
            assert [e["object"]["metadata"]["name"] for e in events] == ["b"]

    served(test)


def test_who_hangs_up_leaves_nothing_behind(served: Any) -> None:
    """Teaches: a watch whose client has gone is closed, though nothing was ever written to it."""

    async def test(http: Any) -> None:
        cache = http.server.registries["", "configmaps"].cache
        before = len(list(cache._watchers))
        async with http.session.get(f"{http.base}{CONFIG_MAPS}?watch=1"):
            assert len(list(cache._watchers)) == before + 1
        for _ in range(50):
            await http.get("/healthz")
        assert len(list(cache._watchers)) == before

    served(test)


@pytest.mark.parametrize("speed", [0.1, 1000.0])
def test_connections_live_in_wall_time(serve: Any, speed: float) -> None:
    """Teaches: at any speed of the cluster's time a socket's seconds are real ones."""

    async def main() -> None:
        async with serve(speed) as http:
            began = wall_time()
            await http.call("POST", CONFIG_MAPS, config_map("a"))
            assert [e["type"] for e in await lines(http, "timeoutSeconds=1")] == ["ADDED"]
            assert 0.9 < wall_time() - began < 5
            assert (await http.get(f"{CONFIG_MAPS}/a"))["metadata"]["name"] == "a"  # The connection was kept.

    run(main)


def test_a_paused_cluster_still_answers(served: Any) -> None:
    """Teaches: a request takes no virtual time."""

    async def test(http: Any) -> None:
        http.sim.loop.pause()
        now = http.sim.clock.now_ns()
        code, _ = await http.call("POST", CONFIG_MAPS, config_map("a"))
        assert (code, http.sim.clock.now_ns()) == (201, now)
        http.sim.loop.pace(1.0)

    served(test)
