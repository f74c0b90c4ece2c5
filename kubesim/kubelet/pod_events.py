"""The events that a kubelet writes about a Pod and its containers; a hollow kubelet writes none."""

from __future__ import annotations

from kubesim.client.events import NORMAL, WARNING, EventRecorder
from kubesim.kubelet.pod_state import PodState


class PodEvents:
    """Says what happens to Pods, to everybody who reads events."""

    def __init__(self, recorder: EventRecorder, *, enabled: bool) -> None:
        self._recorder = recorder
        self._enabled = enabled

    def normal(self, pod: PodState, container: str, reason: str, message: str) -> None:
        """Something went as it should; `container` "" means the whole Pod."""
        self._event(pod, container, NORMAL, reason, message)

    def warning(self, pod: PodState, container: str, reason: str, message: str) -> None:
        """Something went wrong."""
        self._event(pod, container, WARNING, reason, message)

    def _event(self, pod: PodState, container: str, kind: str, reason: str, message: str) -> None:
        if not self._enabled:
            return
        field_path = ""
        if container:
            kinds = {"initContainers": pod.spec.init_containers, "ephemeralContainers": pod.spec.ephemeral_containers}
            found = [kind for kind, containers in kinds.items() if any(each.name == container for each in containers)]
            field_path = f"spec.{(*found, 'containers')[0]}{{{container}}}"
        self._recorder.event(pod.stored, kind, reason, message, field_path=field_path)
