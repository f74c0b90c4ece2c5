from __future__ import annotations

import orjson

from kubesim.bridge.roster import Roster


def heard(*messages: tuple[str, object]) -> Roster:
    roster = Roster("room/")
    for topic, fields in messages:
        payload = b"" if fields is None else orjson.dumps(fields)
        roster.hear(f"room/kubesim/{topic}", payload)
    return roster


def test_a_row_counts_what_is_ready_and_names_what_is_not() -> None:
    """Teaches: thirty clusters fit on a screen if each is one line."""
    roster = heard(
        ("ada/bridge", {"schema": 1, "state": "online", "dropped": 0}),
        ("ada/nodes/node-1/status", {"schema": 1, "ready": "True"}),
        ("ada/nodes/node-2/status", {"schema": 1, "ready": "Unknown"}),
        ("ada/pods/default/web/status", {"schema": 1, "phase": "Running", "ready": True}),
        ("ada/pods/default/gone/status", {"schema": 1, "phase": "Running", "ready": True}),
        ("ada/pods/default/gone/status", None),
        ("ada/components/kubelet.node-2/status", {"schema": 1, "name": "kubelet/node-2", "state": "crashed"}),
        ("ada/trace/record", {"schema": 1, "record": {"event": "fault", "verb": "crash", "name": "node-2"}}),
    )
    (row,) = roster.rows()
    assert (row["online"], row["nodesReady"], row["nodes"], row["pods"]) == (True, 1, 2, 1)
    assert (row["nodesDown"], row["componentsDown"]) == (["node-2"], ["kubelet/node-2"])
    assert row["lastFault"] == "crash node-2"


def test_what_is_no_message_of_ours_is_passed_over() -> None:
    """Teaches: a bus is open to everybody."""
    roster = Roster("room/")
    for payload in (b"{", b"[]", b"\xff", b'"x"'):
        roster.hear("room/kubesim/ada/bridge", payload)
    roster.hear("elsewhere/kubesim/ada/bridge", b"{}")
    assert roster.rows() == []


def test_another_version_of_the_schema_is_counted_not_misread() -> None:
    """Teaches: a format that may change says its version."""
    (row,) = heard(("ada/bridge", {"schema": 2, "state": "online"})).rows()
    assert (row["online"], row["otherSchema"]) == (False, 1)
