"""`explain-schedule` of a running cluster: the attempts for a Pod, explained from the history of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubesim.api.errors import BadRequestError, ExpiredError, NotFoundError
from kubesim.api.resources import PODS, Resource
from kubesim.api.stored import Stored
from kubesim.cluster import SimCluster
from kubesim.recording import ATTEMPT, ATTEMPT_SUMMARY, latest_stories, story_of
from kubesim.sim import Record

EXPLAINED_MAX = 10  # So many attempts of one Pod are explained at once, the latest; one that is asked for always.
FORGOTTEN = "the state of the cluster at that moment is forgotten; `kubesim start --history` keeps more of the past"

Story = dict[str, Any]


def list_attempts(cluster: SimCluster) -> list[Story]:
    """Every Pod that was tried, with how often and what came of it."""
    return latest_stories(record.fields for record in _attempts(cluster))


async def explain_schedule(cluster: SimCluster, namespace: str, name: str, number: int | None = None) -> Story:
    """The attempts for one Pod (of several of this name the latest), or only the one of that number."""
    key = f"{namespace}/{name}"
    records = [record for record in _attempts(cluster) if record.fields["pod"] == key]
    stored = cluster.get(PODS, key)
    if stored is None and not records:
        raise NotFoundError(f'there is no Pod "{name}" in the namespace "{namespace}", and none was ever tried there')
    uid = records[-1].fields["uid"] if stored is None else stored.uid
    records = [record for record in records if record.fields["uid"] == uid]
    shown = [record for record in records if number in (None, record.fields["attempt"])]
    if number is not None and not shown:
        raise NotFoundError(f'the Pod "{name}" has no attempt {number}; {_how_many(records)}')
    attempts = []
    for place, record in enumerate(shown):
        explained = number is not None or place >= len(shown) - EXPLAINED_MAX
        attempts.append(await _explain(cluster, record) if explained else _facts(record))
    return story_of(key, None if stored is None else stored.object, attempts)


def attempt_number(body: Mapping[str, Any]) -> int | None:
    """The attempt that a body asks for."""
    number = body.get("attempt")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
        raise BadRequestError(f"attempt is a whole number from 1 on, not {number}")
    return number


async def _explain(cluster: SimCluster, record: Record) -> Story:
    """One attempt, with its table as far as the past is still known."""
    from kubesim.scheduler.explain.hindsight import Hindsight, placed_before

    story = _facts(record)
    if "seen" not in record.fields:
        return story
    hindsight = Hindsight(cluster.scheduler_configuration, record.fields)
    listed: dict[Resource, Sequence[Stored]] = {}
    try:
        for resource, revision in hindsight.needs().items():
            listed[resource] = (await cluster.at(revision, resource)).items
    except ExpiredError:
        summary = {key: record.fields[key] for key in ("rejected", "scores") if key in record.fields}
        return story | summary | {"forgotten": FORGOTTEN}
    hindsight.fill(listed, placed_before(cluster.sim.trace.records, record))
    table = hindsight.table(listed)
    return story if table is None else story | {"table": table}


def _facts(record: Record) -> Story:
    fields = {key: value for key, value in record.fields.items() if key not in ATTEMPT_SUMMARY}
    return {"t": round(record.time_ns / 1e9, 6), **fields}


def _attempts(cluster: SimCluster) -> list[Record]:
    return [record for record in cluster.sim.trace.records if record.event == ATTEMPT]


def _how_many(records: Sequence[Record]) -> str:
    last = max((record.fields["attempt"] for record in records), default=0)
    return f"the last is {last}" if last else "there was none yet"
