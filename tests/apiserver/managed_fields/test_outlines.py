"""What creators own is remembered by the outline of what they create."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.resources import CONFIG_MAPS, EVENTS, NODES, Resource
from kubesim.api.schema import Schema
from kubesim.api.stored import Object
from kubesim.api.wire import Request
from kubesim.apiserver.authn import User
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.managed_fields.tracking import FieldTracker, outline_of
from kubesim.sim import Simulation, run

SCHEMA = Schema.load()
WORDS = st.sampled_from(["", "a", "b"])
EVENT = st.fixed_dictionaries(
    {"involvedObject": st.dictionaries(st.sampled_from(["kind", "name", "uid"]), WORDS)},
    optional={
        "reason": WORDS, "message": WORDS, "count": st.integers(0, 2), "firstTimestamp": st.sampled_from([None, "x"]),
        "source": st.dictionaries(st.sampled_from(["component", "host"]), WORDS),
        "series": st.fixed_dictionaries({}, optional={"count": st.integers(0, 1)}),
    },
)  # fmt: skip
CONFIG_MAP = st.fixed_dictionaries(
    {},
    optional={"data": st.dictionaries(st.sampled_from(["", "k", "l"]), WORDS), "immutable": st.booleans()},
)
NODE = st.fixed_dictionaries(
    {},
    optional={
        "spec": st.fixed_dictionaries({}, optional={"unschedulable": st.booleans(), "providerID": WORDS}),
        "status": st.just({"conditions": [{"type": "Ready", "status": "True"}]}),
    },
)
LABELS = st.sampled_from([None, {}, {"app": "a"}])


def made(kind: Resource) -> st.SearchStrategy[tuple[Resource, Object, Any]]:
    bodies = {EVENTS.kind: EVENT, CONFIG_MAPS.kind: CONFIG_MAP, NODES.kind: NODE}
    return st.tuples(st.just(kind), bodies[kind.kind], LABELS)


def owned(tracker: FieldTracker, sim: Simulation, kind: Resource, body: Object, labels: Any) -> Any:
    """The managedFields of a new object."""
    metadata: Object = {"name": "x"} | ({} if labels is None else {"labels": labels})
    obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata, **body}
    request = Request("create", kind, "default", "", "", body, user_agent="test")
    tracker.created(RequestContext(sim, request, User("test")), obj)
    return obj["metadata"].get("managedFields")


def tracker_of(kind: Resource) -> FieldTracker:
    return FieldTracker(kind, lambda: SCHEMA.node(kind))


@settings(deadline=None, max_examples=150)
@given(objects=st.sampled_from([EVENTS, CONFIG_MAPS, NODES]).flatmap(lambda kind: st.lists(made(kind), max_size=6)))
def test_one_outline_is_one_set_of_fields(objects: list[tuple[Resource, Object, Any]]) -> None:
    """Teaches: who owns what depends on names of fields, and on values only where they are empty."""

    async def main() -> None:
        sim = Simulation()
        remembering: dict[str, FieldTracker] = {}
        for kind, body, labels in objects:
            tracker = remembering.setdefault(kind.kind, tracker_of(kind))
            assert owned(tracker, sim, kind, body, labels) == owned(tracker_of(kind), sim, kind, body, labels)

    run(main)


def test_what_goes_deeper_has_no_outline() -> None:
    """Teaches: items of lists are named by what is in them."""
    assert outline_of({"status": {"conditions": []}}) is None
    assert outline_of({"items": [1]}) is None
    assert outline_of({"a": "", "b": 1}) != outline_of({"a": {}, "b": 1})
