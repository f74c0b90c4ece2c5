"""The status of a Pod as its kubelet writes it: phase, conditions, addresses. Pure.

Upstream: getPhase and generateAPIPodStatus in pkg/kubelet/kubelet_pods.go, pkg/kubelet/status/generate.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kubesim.api.views import Container as ContainerSpec
from kubesim.api.views import PodSpec
from kubesim.kubelet.container_status import ContainerFacts, container_statuses
from kubesim.kubelet.pod_actions import is_sidecar, restarts_after

Status = dict[str, Any]

PENDING, RUNNING, SUCCEEDED, FAILED = "Pending", "Running", "Succeeded", "Failed"
TERMINAL = (SUCCEEDED, FAILED)
OWNED_CONDITIONS = (
    "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled", "PodResizePending",
)  # fmt: skip
DISRUPTION_TARGET, TERMINATION_BY_KUBELET = "DisruptionTarget", "TerminationByKubelet"


class Verdict(NamedTuple):
    """One condition before its date is known."""

    status: str
    reason: str = ""
    message: str = ""


TRUE = Verdict("True")
FALSE = Verdict("False")


class PodFacts(NamedTuple):
    """What a Pod's status depends on besides its containers."""

    containers: ContainerFacts
    generation: int
    old: Status  # The status in the API, or the last one that was written.
    host_ip: str
    start_time: str
    now: str
    failure: tuple[str, str] | None = None  # Reason and message of a Pod that was rejected or ran out of time.
    foreign: Sequence[Status] = ()  # The conditions that others wrote.
    disruption: str = ""  # Why the kubelet itself ended the Pod.
    resize: tuple[str, str] | None = None  # Why a resize has to wait.


def generate_status(facts: PodFacts) -> Status:
    """The whole status. What other components own in the old one (conditions, nominatedNodeName) is kept."""
    spec, runtime = facts.containers.spec, facts.containers.runtime
    init = container_statuses(spec.init_containers, facts.containers, init=True)
    main = container_statuses(spec.containers, facts.containers, init=False)
    phase = pod_phase(spec, init, main, ended=facts.containers.ended)
    old_phase = facts.old.get("phase")
    if facts.failure is not None:
        phase = FAILED
    elif old_phase in TERMINAL:
        phase = old_phase
    elif facts.containers.ended and phase not in TERMINAL:
        phase = FAILED
    status = {name: value for name, value in facts.old.items() if name not in ("reason", "message")}
    status["observedGeneration"] = facts.generation
    status["phase"] = phase
    if facts.failure is not None:
        status["reason"], status["message"] = facts.failure
    else:
        status |= {name: facts.old[name] for name in ("reason", "message") if name in facts.old}
    sandbox = runtime.sandbox()
    networked = sandbox is not None and sandbox.ready
    status["conditions"] = conditions(facts, phase, init, main, networked=networked)
    status["hostIP"] = facts.host_ip
    status["hostIPs"] = [{"ip": facts.host_ip}]
    if sandbox is not None and (networked or "podIP" in status):
        address = facts.host_ip if spec.host_network else sandbox.ip
        if address and networked:
            status["podIP"], status["podIPs"] = address, [{"ip": address}]
    status["startTime"] = facts.start_time
    if init:
        status["initContainerStatuses"] = init
    status["containerStatuses"] = main
    if spec.ephemeral_containers:
        ephemeral = container_statuses(spec.ephemeral_containers, facts.containers, init=False)
        for each in ephemeral:  # Nothing depends on them.
            each["ready"] = False
            del each["started"]
        status["ephemeralContainerStatuses"] = ephemeral
    status.setdefault("resources", {})
    return status


def rejected_status(old: Status, generation: int, reason: str, message: str) -> Status:
    """The status of a Pod that was not let in: nothing of it ever ran."""
    return {**old, "observedGeneration": generation, "phase": FAILED, "reason": reason, "message": message}


def pod_phase(spec: PodSpec, init: Sequence[Status], main: Sequence[Status], *, ended: bool) -> str:
    """Where the Pod is in its life, from its containers."""
    waits_for_init = False
    for container, status in zip(spec.init_containers, init, strict=True):
        if is_sidecar(container):
            waits_for_init |= "waiting" in status["state"] and "terminated" not in status["lastState"]
            continue
        code = exit_code(status)
        if code is not None and code != 0 and not restarts_after(container, spec, code):
            return FAILED
        waits_for_init |= code != 0
    running = sum("running" in status["state"] for status in main)
    ends = [(each, exit_code(status)) for each, status in zip(spec.containers, main, strict=True)]
    codes = [code for _, code in ends if code is not None]
    if waits_for_init or running + len(codes) < len(main):
        return PENDING
    if running:
        return RUNNING
    if not ended and any(code is not None and restarts_after(container, spec, code) for container, code in ends):
        return RUNNING
    return FAILED if any(codes) else SUCCEEDED


def exit_code(status: Status) -> int | None:
    """The exit code of a container that has ended and does not run again yet; None for others."""
    state = status["state"]
    terminated = state.get("terminated") or ("waiting" in state and status["lastState"].get("terminated"))
    return terminated["exitCode"] if terminated else None


def conditions(
    facts: PodFacts, phase: str, init: Sequence[Status], main: Sequence[Status], *, networked: bool
) -> list[Status]:
    """The conditions: others' first, then the kubelet's own in upstream's order."""
    spec = facts.containers.spec
    containers_ready = containers_ready_condition(spec, init, main, phase)
    verdicts = {
        "PodReadyToStartContainers": TRUE if networked else FALSE,
        "Initialized": initialized_condition(spec, init, phase, facts.old),
        "Ready": ready_condition(spec, containers_ready, facts.foreign),
        "ContainersReady": containers_ready,
        "PodScheduled": TRUE,
    }
    old = {condition["type"]: condition for condition in facts.old.get("conditions") or ()}
    if facts.resize is not None:
        verdicts["PodResizePending"] = Verdict("True", *facts.resize)
    if facts.disruption and facts.containers.ended:
        verdicts[DISRUPTION_TARGET] = Verdict("True", TERMINATION_BY_KUBELET, facts.disruption)
    return [each for each in facts.foreign if each["type"] not in verdicts] + [
        _condition(name, verdict, old.get(name), facts.generation, facts.now) for name, verdict in verdicts.items()
    ]


def _condition(name: str, verdict: Verdict, old: Status | None, generation: int, now: str) -> Status:
    since = old["lastTransitionTime"] if old is not None and old["status"] == verdict.status else now
    condition: Status = {"type": name, "observedGeneration": generation, "status": verdict.status}
    condition["lastProbeTime"] = None
    condition["lastTransitionTime"] = since
    if verdict.reason:
        condition["reason"] = verdict.reason
    if verdict.message:
        condition["message"] = verdict.message
    return condition


def containers_ready_condition(spec: PodSpec, init: Sequence[Status], main: Sequence[Status], phase: str) -> Verdict:
    """Whether all containers and sidecars are ready."""
    if phase == SUCCEEDED:
        return Verdict("False", "PodCompleted")
    if phase == FAILED:
        return Verdict("False", "PodFailed")
    sidecars = [status for container, status in zip(spec.init_containers, init, strict=True) if is_sidecar(container)]
    unready = [status["name"] for status in (*sidecars, *main) if not status["ready"]]
    if unready:
        return Verdict("False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    return TRUE


def ready_condition(spec: PodSpec, containers_ready: Verdict, foreign: Sequence[Status]) -> Verdict:
    """ContainersReady and every readiness gate."""
    if containers_ready.status != "True" or not spec.readiness_gates:
        return containers_ready
    known = {condition["type"]: condition["status"] for condition in foreign}
    messages = []
    for gate in spec.readiness_gates:
        name = gate.condition_type
        if name not in known:
            messages.append(f'corresponding condition of pod readiness gate "{name}" does not exist.')
        elif known[name] != "True":
            messages.append(f'the status of pod readiness gate "{name}" is not "True", but {known[name]}')
    return Verdict("False", "ReadinessGatesNotReady", ", ".join(messages)) if messages else TRUE


def initialized_condition(spec: PodSpec, init: Sequence[Status], phase: str, old: Mapping[str, Any]) -> Verdict:
    """Whether all init containers have succeeded (sidecars: have started)."""
    if phase == SUCCEEDED:
        return Verdict("True", "PodCompleted")
    if any(
        condition["type"] == "Initialized" and condition["status"] == "True"
        for condition in old.get("conditions") or ()
    ):
        return TRUE  # Once initialised, a Pod stays so until its sandbox is made anew.
    incomplete = [
        status["name"]
        for container, status in zip(spec.init_containers, init, strict=True)
        if not _is_through(container, status)
    ]
    if not incomplete:
        return TRUE
    reason = "PodFailed" if phase == FAILED else "ContainersNotInitialized"
    return Verdict("False", reason, f"containers with incomplete status: [{' '.join(incomplete)}]")


def _is_through(container: ContainerSpec, status: Status) -> bool:
    return bool(status["started"]) if is_sidecar(container) else bool(status["ready"])
