"""The first lesson, step by step, with the times of a real cluster at default settings; read from the recording."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

UNREACHABLE = "node.kubernetes.io/unreachable"
CRASHED_AT = 60.0
Row = dict[str, Any]


@pytest.fixture(params=[1, 2, 3], ids=lambda seed: f"seed {seed}")
def rows(request: pytest.FixtureRequest, played: Any) -> list[Row]:
    found: list[Row] = played("node-failure", request.param).recording
    return found


def of(rows: list[Row], kind: str, name: str = "") -> Iterator[Row]:
    """The changes of objects of a kind."""
    return (row for row in rows if row.get("kind") == kind and name in ("", row["name"]) and not row.get("initial"))


def ready(row: Row) -> str:
    conditions = row["object"].get("status", {}).get("conditions", ())
    return next((entry["status"] for entry in conditions if entry["type"] == "Ready"), "")


def effects(row: Row) -> set[str]:
    return {taint["effect"] for taint in row["object"]["spec"].get("taints", ()) if taint["key"] == UNREACHABLE}


def became_unknown(rows: list[Row]) -> float:
    return next(row["t"] for row in of(rows, "Node", "node-2") if ready(row) == "Unknown")


def tainted(rows: list[Row], effect: str) -> float:
    return next(row["t"] for row in of(rows, "Node", "node-2") if effect in effects(row))


def deletions(rows: list[Row]) -> dict[str, float]:
    """Pod -> when it was marked for deletion."""
    found: dict[str, float] = {}
    for row in of(rows, "Pod"):
        if row["object"]["metadata"].get("deletionTimestamp"):
            found.setdefault(row["name"], row["t"])
    return found


def replacements(rows: list[Row]) -> dict[str, float]:
    """Pod -> when it was created, after the crash."""
    return {row["name"]: row["t"] for row in of(rows, "Pod") if row["verb"] == "ADDED" and row["t"] > CRASHED_AT}


def test_the_node_is_given_up_once_its_lease_is_fifty_seconds_old(rows: list[Row]) -> None:
    """Teaches: the grace period counts from the last heartbeat, not from the crash; the monitor looks every 5 s."""
    last = next(row["lease_last"] for row in rows if "lease_last" in row)
    assert last["node"] == "node-2"
    assert CRASHED_AT - 10 <= last["renewed_t"] <= CRASHED_AT, "a kubelet renews every 10 s"
    assert 50 <= became_unknown(rows) - last["renewed_t"] <= 55


def test_nothing_is_written_about_the_node_between_crash_and_unknown(rows: list[Row]) -> None:
    """Teaches: nobody reports that a machine has lost its power."""
    written = [row["t"] for row in of(rows, "Node", "node-2") if row["t"] > CRASHED_AT]
    assert written[0] == became_unknown(rows)


def test_both_taints_follow_at_once(rows: list[Row]) -> None:
    """Teaches: NoSchedule keeps new Pods away, NoExecute sends the old ones off."""
    unknown = became_unknown(rows)
    assert unknown <= tainted(rows, "NoSchedule") <= tainted(rows, "NoExecute") <= unknown + 2


def test_its_pods_are_not_ready_any_more_and_leave_the_service(rows: list[Row]) -> None:
    """Teaches: traffic stops when the node is given up, not when its Pods are."""
    unknown = became_unknown(rows)
    lost = {row["name"] for row in of(rows, "Pod") if unknown <= row["t"] < unknown + 1 and ready(row) == "False"}
    assert len(lost) == 2
    after = next(row for row in of(rows, "EndpointSlice") if row["t"] >= unknown)
    assert after["t"] < unknown + 1
    assert ready_endpoints(after) == 4


def test_pods_are_deleted_exactly_300_seconds_after_the_taint(rows: list[Row]) -> None:
    """Teaches: every Pod tolerates the taint for 300 s, since admission gave it a toleration."""
    deleted = deletions(rows)
    assert len(deleted) == 2
    for when in deleted.values():
        assert when - tainted(rows, "NoExecute") == pytest.approx(300, abs=0.001)
    on_node = {row["name"]: row["object"]["spec"].get("nodeName") for row in of(rows, "Pod")}
    assert {on_node[name] for name in deleted} == {"node-2"}


def test_the_dead_pods_stay_since_nobody_confirms_their_end(rows: list[Row]) -> None:
    """Teaches: only their kubelet could say that the containers have ended."""
    assert not [row for row in of(rows, "Pod") if row["verb"] == "DELETED"]


def test_each_replacement_goes_its_way_in_order(rows: list[Row]) -> None:
    """Teaches: created, bound, pulled, Running, ready, and then in the Service: each waits for the one before."""
    made = replacements(rows)
    assert len(made) == 2
    for name, created in made.items():
        bound = next(row for row in of(rows, "Pod", name) if row["object"]["spec"].get("nodeName"))
        pulled = next(row for row in of(rows, "Event") if is_about(row, name) and row["object"]["reason"] == "Pulled")
        running = next(row for row in of(rows, "Pod", name) if row["object"]["status"].get("phase") == "Running")
        served = next(row for row in of(rows, "EndpointSlice") if serves(row, name))
        assert max(deletions(rows).values()) <= created <= bound["t"] < pulled["t"] < running["t"] < served["t"]
        assert bound["rev"] < pulled["rev"] < running["rev"] < served["rev"]
        assert bound["object"]["spec"]["nodeName"] in ("node-1", "node-3")


def test_in_the_end_the_service_has_six_ready_endpoints_again(rows: list[Row]) -> None:
    """Teaches: the wanted state is reached without anybody's help."""
    *_, last = of(rows, "EndpointSlice")
    assert ready_endpoints(last) == 6


def test_the_timeline_tells_it_in_this_order(played: Any) -> None:
    """Teaches: what `make demo` shows."""
    texts = [f"{line.actor} {line.text} {line.because}" for line in played("node-failure").lines]
    parts = [
        "fault crash node-2",
        "kubelet/node-2 is silent",
        "Node node-2 is now Ready=Unknown (NodeStatusUnknown) no heartbeat for 50.9 s",
        f"node-2 gets the taint {UNREACHABLE}:NoSchedule",
        f"node-2 gets the taint {UNREACHABLE}:NoExecute",
        "are deleted with 30 s to end gracefully 300.0 s after Node node-2 gets the taint",
        "are created",
        "are bound to node-1 and node-3",
        "have the image nginx:1.27 already",
        "are Running and ready",
        "now has 6 ready endpoints",
    ]
    crash = texts.index("fault crash node-2 ")
    told = [next((n for n, text in enumerate(texts) if n >= crash and part in text), -1) for part in parts]
    assert -1 not in told, parts[told.index(-1)]
    assert told == sorted(told)


def is_about(row: Row, pod: str) -> bool:
    return bool(row["object"]["involvedObject"]["name"] == pod)


def serves(row: Row, pod: str) -> bool:
    return any(
        endpoint["targetRef"]["name"] == pod and endpoint["conditions"]["ready"]
        for endpoint in row["object"].get("endpoints") or ()
    )


def ready_endpoints(row: Row) -> int:
    return sum(bool(endpoint["conditions"]["ready"]) for endpoint in row["object"].get("endpoints") or ())
