"""What was tried for a Pod: the scheduler's attempts, gathered from a recording or from a trace.

The story of one Pod is plain data: `pod`, `node` (where it is), `gates` (why nothing was tried yet), `scheduler` (whom
it asks) and `attempts`: number, time `t`, what was chosen or why not, and the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Story = dict[str, Any]


class AttemptsOfRecording:
    """The attempts of a recording's lines, and the Pods that it shows, by "namespace/name"."""

    def __init__(self, lines: Iterable[Mapping[str, Any]]) -> None:
        self._attempts: list[Story] = []
        self._pods: dict[str, Mapping[str, Any]] = {}
        for line in lines:
            if "attempt" in line:
                self._attempts.append({"t": line["t"], **line["attempt"]})
            elif line.get("kind") == "Pod" and "verb" in line:
                self._pods[f"{line['namespace']}/{line['name']}"] = line["object"]

    def __len__(self) -> int:
        return len(self._attempts)

    def pods(self) -> list[Story]:
        """Every Pod that was tried, with how often and what came of it."""
        return latest_stories(self._attempts)

    def knows(self, key: str) -> bool:
        """Whether the recording shows the Pod."""
        return key in self._pods or any(attempt["pod"] == key for attempt in self._attempts)

    def all_pods(self) -> list[str]:
        """The keys of all Pods, sorted."""
        return sorted({*self._pods, *(attempt["pod"] for attempt in self._attempts)})

    def story(self, key: str, number: int | None = None) -> Story:
        """The attempts for one Pod (of several of this name the latest), or only the one of that number."""
        attempts = [attempt for attempt in self._attempts if attempt["pod"] == key]
        attempts = [attempt for attempt in attempts if attempt["uid"] == attempts[-1]["uid"]]
        chosen = [attempt for attempt in attempts if number in (None, attempt["attempt"])]
        return story_of(key, self._pods.get(key), chosen)


def story_of(key: str, pod: Mapping[str, Any] | None, attempts: list[Story]) -> Story:
    """The story of one Pod; `pod` is its last known state."""
    spec = pod["spec"] if pod is not None else {}
    story: Story = {"pod": key, "node": spec.get("nodeName", "")}
    if gates := [gate["name"] for gate in spec.get("schedulingGates") or ()]:
        story["gates"] = gates
    story["scheduler"] = spec.get("schedulerName", "")
    return story | {"attempts": attempts}


def latest_stories(attempts: Iterable[Mapping[str, Any]]) -> list[Story]:
    """Pods in the order of their first attempts: how often each was tried, and what the last attempt came to."""
    pods: dict[str, Story] = {}
    for attempt in attempts:
        pods[attempt["pod"]] = {
            "pod": attempt["pod"],
            "attempts": attempt["attempt"],
            "node": attempt.get("chosen", ""),
            "message": attempt.get("message") or attempt.get("error", ""),
        }
    return list(pods.values())
