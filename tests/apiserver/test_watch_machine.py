"""Random writes, random watchers: whatever the selector, list + watch is always the list.

Each watcher begins with a list, at any moment, and applies its events. At the end what it holds is what a list
with its selector shows; on the way its revisions only grow, nothing is added twice and nothing unknown changes.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.errors import ApiError
from kubesim.api.resources import PODS
from kubesim.api.wire import ADDED, BOOKMARK, DELETED, MODIFIED, WatchEvent, WatchStream
from kubesim.sim import Simulation, run

NAMES = st.sampled_from(["a", "b", "c", "d"])
APPS = st.sampled_from(["web", "db"])
NODES = st.sampled_from(["n1", "n2"])
SELECTIONS: tuple[dict[str, str], ...] = (
    {},
    {"namespace": "default"},
    {"label_selector": "app=web"},
    {"label_selector": "app!=web"},
    {"field_selector": "spec.nodeName=n1"},
    {"field_selector": "spec.nodeName=", "label_selector": "app"},
    {"field_selector": "spec.nodeName!=n1"},
    {"field_selector": "metadata.name=a", "namespace": "default"},
    {"namespace": "kube-public"},
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), NAMES, APPS),
        st.tuples(st.just("label"), NAMES, APPS),
        st.tuples(st.just("bind"), NAMES, NODES),
        st.tuples(st.just("delete"), NAMES, st.sampled_from([0, 5])),
        st.tuples(st.just("watch"), st.sampled_from(SELECTIONS)),
        st.tuples(st.just("wait"), st.sampled_from([0.0, 0.5])),
    ),
    min_size=5,
    max_size=30,
)


class Follower:
    """A client that lists, watches from there, and keeps what it is told."""

    def __init__(self, selection: dict[str, str], listed: Any, stream: WatchStream) -> None:
        self.selection = selection
        self.revision = listed.revision
        self.known = {item.key: item.revision for item in listed.items}
        self.stream = stream

    def apply(self, event: WatchEvent) -> None:
        stored = event.stored
        assert stored.revision > self.revision, "revisions never go back, and nothing is told twice"
        self.revision = stored.revision
        if event.type == BOOKMARK:
            return
        assert (stored.key in self.known) == (event.type in (MODIFIED, DELETED)), event
        assert event.type in (ADDED, MODIFIED, DELETED)
        if event.type == DELETED:
            del self.known[stored.key]
        else:
            self.known[stored.key] = stored.revision


async def play(api: Any, step: tuple[Any, ...], followers: list[Follower]) -> None:
    """One step; what is refused (no such Pod, bound already) is refused."""
    match step:
        case ("create", name, app):
            await api.pod(name, labels={"app": app})
        case ("label", name, app):
            await api.patch(PODS, name, {"metadata": {"labels": {"app": app}}})
        case ("bind", name, node):
            await api.bind(name, node)
        case ("delete", name, grace):
            await api.delete(PODS, name, {"gracePeriodSeconds": grace})
        case ("watch", selection):
            listed = await api.list(PODS, **selection)
            stream = await api.watch(PODS, resource_version=str(listed.revision), **selection)
            followers.append(Follower(selection, listed, stream))
        case ("wait", seconds):
            await asyncio.sleep(seconds)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_every_watcher_ends_up_with_the_list(boot: Any, drained: Any, steps: list[tuple[Any, ...]]) -> None:
    """Teaches: why controllers can work from a cache: it converges to the store."""

    async def main() -> None:
        async with boot(Simulation(1)) as api:
            followers: list[Follower] = []
            for step in [*(("watch", selection) for selection in SELECTIONS), *steps]:
                try:
                    await play(api, step, followers)
                except ApiError:
                    continue
            for follower in followers:
                for event in await drained(follower.stream):
                    follower.apply(event)
                listed = await api.list(PODS, **follower.selection)
                assert follower.known == {item.key: item.revision for item in listed.items}

    run(main)
