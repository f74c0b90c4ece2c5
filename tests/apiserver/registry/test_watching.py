"""WATCH: where it begins, what it shows, what it costs, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubesim.api.errors import ExpiredError, InvalidError
from kubesim.api.resources import CONFIG_MAPS, LEASES, PODS
from kubesim.api.wire import ADDED, BOOKMARK, DELETED, MODIFIED
from kubesim.apiserver import watcher as watcher_module
from kubesim.apiserver.watch_cache import WINDOW_CHANGES_MAX
from kubesim.apiserver.watcher import Change
from kubesim.etcd import Member
from kubesim.sim import Simulation


async def test_a_list_and_the_watch_from_its_revision_miss_and_repeat_nothing(
    sim: Simulation, boot: Any, events_of: Any
) -> None:
    """Teaches: the pattern of every client: list, then watch from the revision of the list."""
    async with boot(sim) as api:
        await api.pod("before")
        listed = await api.list(PODS)
        await api.pod("between")
        stream = await api.watch(PODS, resource_version=str(listed.revision))
        await api.pod("after")
        await api.delete(PODS, "before")
        assert await events_of(stream) == [
            (ADDED, "between"), (ADDED, "after"), (MODIFIED, "before"), (DELETED, "before"),
        ]  # fmt: skip


@pytest.mark.parametrize("version", ["", "0"])
async def test_a_watch_from_nowhere_begins_with_what_is_there(
    sim: Simulation, boot: Any, events_of: Any, version: str
) -> None:
    """Teaches: synthetic ADDED events in the order of a list, then what happens."""
    async with boot(sim) as api:
        for name in "ba":
            await api.create(CONFIG_MAPS, {"metadata": {"name": name}})
        await api.list(CONFIG_MAPS)
        stream = await api.watch(CONFIG_MAPS, resource_version=version)
        await api.delete(CONFIG_MAPS, "a")
        assert await events_of(stream) == [(ADDED, "a"), (ADDED, "b"), (DELETED, "a")]


async def test_a_streaming_list_says_when_it_is_complete(sim: Simulation, boot: Any, drained: Any) -> None:
    """Teaches: sendInitialEvents: the list comes as events, closed by a bookmark with an annotation."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        options = {"allow_watch_bookmarks": True, "resource_version_match": "NotOlderThan"}
        stream = await api.watch(CONFIG_MAPS, send_initial_events=True, **options)
        first, end = await drained(stream)
        assert (first.type, first.stored) == (ADDED, made)
        assert end.type == BOOKMARK
        assert end.stored.object["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert end.stored.revision >= made.revision
        with pytest.raises(InvalidError, match="sendInitialEvents requires setting resourceVersionMatch"):
            await api.watch(CONFIG_MAPS, send_initial_events=True)
        with pytest.raises(InvalidError, match="is forbidden for watch unless sendInitialEvents is provided"):
            await api.watch(CONFIG_MAPS, resource_version_match="NotOlderThan")


async def test_a_selector_sees_objects_come_and_go(sim: Simulation, boot: Any, drained: Any) -> None:
    """Teaches: an object that begins to match is ADDED, one that ceases to is DELETED, as it last matched."""
    async with boot(sim) as api:
        made = await api.pod("p", labels={"app": "web"})
        stream = await api.watch(PODS, resource_version=str(made.revision), label_selector="app=db")
        for app in ("db", "db", "web", "other"):
            await api.patch(PODS, "p", {"metadata": {"labels": {"app": app}, "annotations": {"n": app}}})
        await api.patch(PODS, "p", {"metadata": {"labels": {"app": "db"}}})
        noted = await api.patch(PODS, "p", {"metadata": {"annotations": {"n": "x"}}})
        events = await drained(stream)
        assert [event.type for event in events] == [ADDED, DELETED, ADDED, MODIFIED]
        left = events[1].stored
        assert left.object["metadata"]["labels"] == {"app": "db"}
        assert left.object["metadata"]["resourceVersion"] == str(left.revision)
        assert events[0].stored.revision < left.revision < events[2].stored.revision
        assert events[3].stored is noted


async def test_a_watch_of_one_node_sees_pods_when_they_are_bound_to_it(
    sim: Simulation, boot: Any, events_of: Any
) -> None:
    """Teaches: what a kubelet watches: spec.nodeName=n1."""
    async with boot(sim) as api:
        await api.pod("a")
        await api.pod("b")
        one = await api.watch(PODS, field_selector="spec.nodeName=n1")
        two = await api.watch(PODS, field_selector="spec.nodeName=n2")
        nobody = await api.watch(PODS, field_selector="spec.nodeName=")
        await api.bind("a", "n1")
        await api.bind("b", "n2")
        await api.delete(PODS, "a")
        assert await events_of(one) == [(ADDED, "a"), (MODIFIED, "a")]
        assert await events_of(two) == [(ADDED, "b")]
        assert await events_of(nobody) == [(ADDED, "a"), (ADDED, "b"), (DELETED, "a"), (DELETED, "b")]


async def test_a_watcher_of_one_node_costs_the_others_nothing(
    sim: Simulation, boot: Any, events_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teaches: an index by field value: of a thousand kubelets only the one concerned is asked."""
    asked: list[str] = []
    seen_through = Change.seen_through

    def counting(self: Change, matches: Any) -> Any:
        asked.append(self.stored.name)
        return seen_through(self, matches)

    async with boot(sim) as api:
        streams = [await api.watch(PODS, field_selector=f"spec.nodeName=n{number}") for number in range(1000)]
        leases = [
            await api.watch(LEASES, namespace="kube-node-lease", field_selector=f"metadata.name=n{number}")
            for number in range(100)
        ]
        monkeypatch.setattr(watcher_module.Change, "seen_through", counting)
        await api.pod("p", node="n7")
        await api.create(LEASES, {"metadata": {"name": "n7"}, "spec": {}}, namespace="kube-node-lease")
        assert await events_of(streams[7]) == [(ADDED, "p")]
        assert await events_of(leases[7]) == [(ADDED, "n7")]
        assert asked == ["p", "n7"]


async def test_a_namespace_is_watched_by_itself(sim: Simulation, boot: Any, events_of: Any) -> None:
    """Teaches: watchers of a namespace are kept by it; an indexed one minds its namespace too."""
    async with boot(sim) as api:
        here = await api.watch(CONFIG_MAPS, namespace="default")
        there = await api.watch(CONFIG_MAPS, namespace="kube-public")
        lease = await api.watch(LEASES, namespace="kube-public", field_selector="metadata.name=l")
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        await api.create(CONFIG_MAPS, {"metadata": {"name": "b"}}, namespace="kube-public")
        await api.create(LEASES, {"metadata": {"name": "l"}, "spec": {}})
        assert await events_of(here) == [(ADDED, "a")]
        assert await events_of(there) == [(ADDED, "b")]
        assert await events_of(lease) == []


async def test_an_old_revision_is_answered_from_etcds_history(sim: Simulation, boot: Any, drained: Any) -> None:
    """Teaches: beyond the cache's window etcd still knows; selectors work on the past as on the present."""
    async with boot(sim) as api:
        made = await api.pod("p", labels={"app": "web"})
        await api.patch(PODS, "p", {"metadata": {"labels": {"app": "db"}}})
        await api.delete(PODS, "p")
        for number in range(WINDOW_CHANGES_MAX + 10):
            await api.pod(f"filler-{number}")
        await api.list(PODS)
        assert api.server.registries["", "pods"].cache.changes_after(made.revision) is None
        all_events = await drained(await api.watch(PODS, resource_version=str(made.revision)))
        assert [event.type for event in all_events[:3]] == [MODIFIED, MODIFIED, DELETED]
        assert len(all_events) == 3 + WINDOW_CHANGES_MAX + 10
        revisions = [event.stored.revision for event in all_events]
        assert revisions == sorted(set(revisions))
        selected = await api.watch(PODS, resource_version=str(made.revision), label_selector="app=db")
        assert [event.type for event in await drained(selected)] == [ADDED, MODIFIED, DELETED]


async def test_after_compaction_an_old_revision_is_gone(sim: Simulation, boot: Any) -> None:
    """Teaches: 410 Expired: list again. It comes as the stream's first word."""
    etcd = Member(sim)
    async with boot(sim, etcd) as api:
        made = await api.pod("p")
        for number in range(WINDOW_CHANGES_MAX + 10):
            await api.pod(f"filler-{number}")
        latest = (await api.list(PODS)).revision
        await etcd.compact(latest)
        stream = await api.watch(PODS, resource_version=str(made.revision))
        with pytest.raises(ExpiredError) as refusal:
            await stream.next()
        assert str(refusal.value) == f"too old resource version: {made.revision} ({latest})"
        assert refusal.value.code == 410
        assert list(await stream.next()) == []


async def test_a_watch_from_the_future_is_refused(sim: Simulation, boot: Any) -> None:
    """Teaches: nobody can have seen that revision."""
    async with boot(sim) as api:
        stream = await api.watch(PODS, resource_version="100000")
        with pytest.raises(Exception, match=r"^Too large resource version: 100000, current: \d+$"):
            await stream.next()


async def test_bookmarks_come_once_a_minute(sim: Simulation, boot: Any, drained: Any) -> None:
    """Teaches: a quiet watcher learns how far it is, so that it can resume from there after a break."""
    async with boot(sim) as api:
        listed = await api.list(PODS)
        quiet = await api.watch(
            PODS, resource_version=str(listed.revision), field_selector="spec.nodeName=n1", allow_watch_bookmarks=True
        )
        plain = await api.watch(PODS, resource_version=str(listed.revision), field_selector="spec.nodeName=n1")
        made = await api.pod("elsewhere", node="n2")
        await asyncio.sleep(59)
        assert await drained(quiet) == []
        await asyncio.sleep(2)
        (bookmark,) = await drained(quiet)
        assert bookmark.type == BOOKMARK
        assert bookmark.stored.object["kind"] == "Pod"
        assert bookmark.stored.revision == made.revision
        assert await drained(plain) == []
        await asyncio.sleep(120)
        assert await drained(quiet) == [], "nothing new, nothing to say"


async def test_a_watch_ends_after_its_timeout(sim: Simulation, boot: Any) -> None:
    """Teaches: timeoutSeconds: what is in the buffer is still delivered, then the end."""
    async with boot(sim) as api:
        stream = await api.watch(PODS, timeout_seconds=30)
        await api.pod("p")
        await asyncio.sleep(31)
        assert sim.clock.now() == 31.0
        assert [event.stored.name for event in await stream.next()] == ["p"]
        assert list(await stream.next()) == []


async def test_a_slow_watcher_is_cut_off(sim: Simulation, boot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: every buffer has a limit; who cannot follow has to resume from the last revision it read."""
    monkeypatch.setattr(watcher_module, "BUFFER_EVENTS_MAX", 5)
    async with boot(sim) as api:
        slow = await api.watch(CONFIG_MAPS)
        for number in range(20):
            await api.create(CONFIG_MAPS, {"metadata": {"name": f"c{number:02d}"}})
        await asyncio.sleep(0.001)
        read = list(await slow.next())
        assert [event.stored.name for event in read] == [f"c{number:02d}" for number in range(6)]
        assert list(await slow.next()) == []
        resumed = await api.watch(CONFIG_MAPS, resource_version=str(read[-1].stored.revision))
        assert len(await resumed.next()) == 14


async def test_who_has_closed_hears_nothing_more(sim: Simulation, boot: Any) -> None:
    """Teaches: a waiting reader wakes up with nothing."""
    async with boot(sim) as api:
        stream = await api.watch(CONFIG_MAPS)
        reader = asyncio.get_running_loop().create_task(stream.next())
        await asyncio.sleep(0.001)
        stream.close()
        assert list(await reader) == []
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        assert list(await stream.next()) == []


async def test_when_etcd_drops_the_watch_everybody_begins_again(sim: Simulation, boot: Any, events_of: Any) -> None:
    """Teaches: a cache that may have missed something starts anew and ends its watchers."""
    async with boot(sim) as api:
        stream = await api.watch(CONFIG_MAPS)
        cache = api.server.registries["", "configmaps"].cache
        cache._watch.cancel()
        await asyncio.sleep(0.001)
        assert list(await stream.next()) == []
        fresh = await api.watch(CONFIG_MAPS)
        await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        assert await events_of(fresh) == [(ADDED, "a")]
