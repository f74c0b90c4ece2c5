"""The correlator against what a real deployment-controller wrote during a rollout (rolling-update-default)."""

from __future__ import annotations

import asyncio
from typing import Any

from kubesim.client.event_correlator import EventCorrelator
from kubesim.sim import Simulation

OLD, NEW = "web-7866ccff64", "web-57dbd5bc75"
SAID = (  # Seconds, what the controller said; from the tenth on the recording shows one combined Event.
    (1.258, f"Scaled up replica set {OLD} from 0 to 8"),
    (12.196, f"Scaled up replica set {NEW} from 0 to 2"),
    (12.383, f"Scaled down replica set {OLD} from 8 to 6"),
    (12.755, f"Scaled up replica set {NEW} from 2 to 4"),
    (12.953, f"Scaled down replica set {OLD} from 6 to 4"),
    (13.091, f"Scaled up replica set {NEW} from 4 to 6"),
    (13.256, f"Scaled down replica set {OLD} from 4 to 3"),
    (13.372, f"Scaled up replica set {NEW} from 6 to 7"),
    (13.463, f"Scaled down replica set {OLD} from 3 to 1"),
    (13.499, f"Scaled up replica set {NEW} from 7 to 8"),
    (13.760, f"Scaled down replica set {OLD} from 1 to 0"),
)
COMBINED_SINCE = 9


def event(sim: Simulation, message: str) -> dict[str, Any]:
    now = sim.clock.timestamp()
    return {
        "metadata": {"name": f"web.{sim.clock.unix_ns():x}", "namespace": "default"},
        "involvedObject": {"kind": "Deployment", "namespace": "default", "name": "web", "uid": "u"},
        "source": {"component": "deployment-controller"},
        "type": "Normal",
        "reason": "ScalingReplicaSet",
        "message": message,
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "reportingComponent": "deployment-controller",
        "reportingInstance": "",
    }


async def test_a_rollout_of_eight_is_told_as_a_real_controller_tells_it(sim: Simulation) -> None:
    """Teaches: which of a rollout's messages one can still read afterwards."""
    correlator = EventCorrelator(sim.clock, lambda name: f"{name}.combined")
    for number, (seconds, message) in enumerate(SAID):
        await asyncio.sleep(seconds - sim.clock.now())
        written = correlator.correlate(event(sim, message))
        assert written is not None
        if number < COMBINED_SINCE:
            assert (written.event["message"], written.event["count"], written.patch) == (message, 1, None)
            continue
        assert written.event["message"] == f"(combined from similar events): {message}"
        assert written.event["metadata"]["name"] == "web.combined"
        assert written.event["count"] == number - COMBINED_SINCE + 1
        assert (written.patch is None) is (number == COMBINED_SINCE)
