"""How each container of a Pod is, in the words of `status.containerStatuses`: a pure function.

It is made from what the runtime has, what the API knew before (a runtime may have lost its records), why the
last start did not happen, and what the probes say.
Upstream: convertToAPIContainerStatuses in pkg/kubelet/kubelet_pods.go, prober/prober_manager.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kubesim.api.views import Container as ContainerSpec
from kubesim.api.views import PodSpec
from kubesim.kubelet.pod_actions import is_sidecar, should_start
from kubesim.kubelet.runtime.cri import Container, ContainerState, RuntimePod

Status = dict[str, Any]

EXIT_CODE_LOST = 137
LOST_WHILE_RUNNING = "The container could not be located when the pod was deleted.  The container used to be Running"
LOST_AT_THE_END = "The container could not be located when the pod was terminated"


class ContainerFacts(NamedTuple):
    """What the status of a Pod's containers depends on."""

    spec: PodSpec
    runtime: RuntimePod
    runtime_name: str  # The scheme of container ids.
    old: Mapping[str, Status]  # The statuses in the API, by container name.
    reasons: Mapping[str, tuple[str, str]]  # Why a container does not start: (reason, message).
    ready: Mapping[str, bool]  # Readiness by container name; absent: no such probe.
    started: Mapping[str, bool]  # The same for startup probes.
    deleting: bool
    ended: bool  # Everything was stopped; nothing will be started.
    always_ready: bool = False  # What has not ended is ready: nobody probes.


def container_statuses(containers: Sequence[ContainerSpec], facts: ContainerFacts, *, init: bool) -> list[Status]:
    """The statuses of `containers`, in order."""
    return [_status(container, facts, init=init) for container in containers]


def _status(container: ContainerSpec, facts: ContainerFacts, *, init: bool) -> Status:
    name = container.name
    latest = facts.runtime.latest(name)
    old = facts.old.get(name)
    status: Status = {"name": name}
    if latest is not None and latest.state is not ContainerState.CREATED:
        state = _state(latest, facts.runtime_name)
        last = _last_state(facts.runtime.previous(name), old, latest, facts.runtime_name)
        restart_count = latest.attempt
    else:
        state, last, restart_count = _state_without_runtime(facts, old, latest)
    ephemeral = any(each is container for each in facts.spec.ephemeral_containers)
    starts = latest is None if ephemeral else should_start(container, facts.spec, latest)
    if (reason := facts.reasons.get(name)) and not facts.ended and starts:
        if "terminated" in state:
            last = state
        state = {"waiting": {"reason": reason[0], "message": reason[1]} if reason[1] else {"reason": reason[0]}}
    if facts.ended and "terminated" not in state:
        state = {"terminated": lost(LOST_AT_THE_END)}
    running = "running" in state
    started = running and facts.started.get(name, True)
    status["state"] = state
    status["lastState"] = last
    if init and not is_sidecar(container):
        status["ready"] = state.get("terminated", {}).get("exitCode") == 0
    else:
        unprobed = facts.always_ready and "terminated" not in state and name not in facts.reasons
        status["ready"] = unprobed or (started and facts.ready.get(name, True))
    status["restartCount"] = restart_count
    status["image"] = latest.image if latest is not None else container.image
    status["imageID"] = latest.image_ref if latest is not None else ""
    if latest is not None:
        status["containerID"] = f"{facts.runtime_name}://{latest.id}"
    status["started"] = started
    if container.lifecycle is not None and container.lifecycle.stop_signal:
        status["stopSignal"] = container.lifecycle.stop_signal
    _add_resources(status, container, created=latest is not None)
    return status


def _add_resources(status: Status, container: ContainerSpec, *, created: bool) -> None:
    """What the container was given, and where its volumes are."""
    resources = container.resources
    if resources is not None and resources.requests:
        status["allocatedResources"] = resources.requests
    if created:
        parts = () if resources is None else (("limits", resources.limits), ("requests", resources.requests))
        status["resources"] = {name: values for name, values in parts if values}
    if container.volume_mounts:
        status["volumeMounts"] = [
            {"name": mount.name, "mountPath": mount.mount_path}
            | ({"readOnly": True, "recursiveReadOnly": "Disabled"} if mount.read_only else {})
            for mount in container.volume_mounts
        ]


def _state(container: Container, runtime_name: str) -> Status:
    """`state` of a container that the runtime has."""
    if container.state is ContainerState.RUNNING:
        return {"running": {"startedAt": container.started_at}}
    terminated: Status = {"exitCode": container.exit_code}
    if container.reason:
        terminated["reason"] = container.reason
    if container.message:
        terminated["message"] = container.message
    terminated["startedAt"] = container.started_at
    terminated["finishedAt"] = container.finished_at
    terminated["containerID"] = f"{runtime_name}://{container.id}"
    return {"terminated": terminated}


def _last_state(previous: Container | None, old: Status | None, latest: Container, runtime_name: str) -> Status:
    """How the start before ended: by the runtime, or by the API if the runtime has forgotten."""
    if previous is not None and previous.state is ContainerState.EXITED:
        return _state(previous, runtime_name)
    return old["lastState"] if old is not None and latest.attempt > 0 else {}


def _state_without_runtime(
    facts: ContainerFacts, old: Status | None, created: Container | None
) -> tuple[Status, Status, int]:
    """`state`, `lastState` and restart count of a container that the runtime has not, or only just made."""
    waiting = {"waiting": {"reason": "PodInitializing" if facts.spec.init_containers else "ContainerCreating"}}
    if old is None:
        return waiting, {}, created.attempt if created is not None else 0
    state, last, count = old["state"], old["lastState"], old["restartCount"]
    if created is not None:
        previous = facts.runtime.previous(created.name)
        if previous is not None and previous.state is ContainerState.EXITED:
            last = _state(previous, facts.runtime_name)
            state = last if "running" not in state else state
        return (state if "terminated" in state else waiting), last, count
    if "terminated" in state:
        return state, last, count
    if "running" in state:
        return waiting, {"terminated": lost(LOST_WHILE_RUNNING)}, count if facts.deleting else count + 1
    return waiting, last, count


def lost(message: str) -> Status:
    """`terminated` of a container that nobody saw end."""
    return {
        "exitCode": EXIT_CODE_LOST,
        "reason": "ContainerStatusUnknown",
        "message": message,
        "startedAt": None,
        "finishedAt": None,
    }
