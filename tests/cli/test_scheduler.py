"""`kubesim scheduler compare`."""

from __future__ import annotations

import json

from tests.cli.conftest import Call

LESSON = ("scheduler", "compare", "bin-packing-or-spreading")


def test_packing_leaves_a_node_for_the_big_pod_and_spreading_does_not(call: Call) -> None:
    """Teaches: LeastAllocated against MostAllocated on the same workload."""
    spread, packed = json.loads(call(*LESSON, "default", "most-allocated.yaml", "-o", "json").out)
    assert (spread["pending"], spread["skew"]) == (["default/big"], 0)
    assert [node["cpu"] for node in spread["nodes"]] == [40, 40, 40]
    assert packed["pending"] == []
    assert sorted(node["cpu"] for node in packed["nodes"]) == [20, 90, 100]
    told = call(*LESSON, "default", "most-allocated.yaml")
    assert told.out.splitlines()[-2] == (
        "default: Pods that wait: default/big; most and fewest Pods on a node differ by 0"
    )


def test_a_configuration_that_is_not_there_is_refused(call: Call) -> None:
    """Teaches: a file, or the word default."""
    outcome = call(*LESSON, "default", "nowhere.yaml")
    assert outcome.code == 2
    assert outcome.err.startswith('Error: there is no file "nowhere.yaml", neither here nor in ')
    assert call("scheduler", "compare", "no-such", "default", "default").code == 2
