"""Which Pods are just making room for themselves: until the last victim is asked to leave, they are not tried again.

Upstream: `IsPodRunningPreemption` in pkg/scheduler/framework/preemption/executor.go.
"""

from __future__ import annotations

from collections.abc import Callable

from kubesim.api.stored import Stored


class Preempting:
    """Pods by uid, each with the key of the victim it still waits to have asked ("" while there are several)."""

    def __init__(self, find_pod: Callable[[str], Stored | None]) -> None:
        self._find_pod = find_pod
        self._last_victim: dict[str, str] = {}

    def begin(self, uid: str) -> None:
        """The Pod's victims are about to be asked."""
        self._last_victim[uid] = ""

    def wait_for(self, uid: str, victim: str) -> None:
        """All have been asked but this one."""
        self._last_victim[uid] = victim

    def end(self, uid: str) -> None:
        """All have been asked, or it was given up."""
        self._last_victim.pop(uid, None)

    def is_running(self, uid: str) -> bool:
        """Whether the Pod has to wait. News of the last victim's end may be here before the answer to the request."""
        key = self._last_victim.get(uid)
        if not key:
            return key is not None
        victim = self._find_pod(key)
        return victim is not None and "deletionTimestamp" not in victim.object["metadata"]
