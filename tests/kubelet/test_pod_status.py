"""The status that a kubelet writes, as a function of what it knows."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubesim.api.views import PodSpec
from kubesim.kubelet.container_status import ContainerFacts
from kubesim.kubelet.pod_status import PodFacts, generate_status
from kubesim.kubelet.runtime.cri import Container, ContainerState, RuntimePod, Sandbox
from kubesim.kubelet.runtime.model import Behaviour

NOW, BEFORE = "2024-01-13T09:01:00Z", "2024-01-13T09:00:00Z"
RUNNING = Container("c1", "c", "uid", "s", 0, "docker.io/library/nginx:1", "docker.io/library/nginx@sha256:1",
                    Behaviour(), ContainerState.RUNNING, started_at=NOW, started_ns=1)  # fmt: skip


def exited(code: int, attempt: int = 0, name: str = "c", reason: str = "") -> Container:
    return Container(
        f"{name}{attempt}", name, "uid", "s", attempt, "i", "r", Behaviour(), ContainerState.EXITED,
        started_at=BEFORE, started_ns=1, finished_at=NOW, exit_code=code,
        reason=reason or ("Error" if code else "Completed"),
    )  # fmt: skip


def status(
    *containers: Container, policy: str = "Always", old: Any = None, sandbox: bool = True, spec: Any = None, **more: Any
) -> dict[str, Any]:
    """The status of a Pod with one container c."""
    raw = {"restartPolicy": policy, "containers": [{"name": "c", "image": "nginx:1"}], **(spec or {})}
    old = old or {"phase": "Pending", "qosClass": "BestEffort"}
    known = {each["name"]: each for each in old.get("containerStatuses", ())}
    runtime = RuntimePod([Sandbox("s", "uid", 0, "10.244.1.2", sandbox)] if sandbox else [], list(containers))
    facts = {"reasons": {}, "ready": {}, "started": {}, "deleting": False, "ended": False}
    facts |= {name: more.pop(name) for name in tuple(more) if name in facts}
    container_facts = ContainerFacts(msgspec.convert(raw, PodSpec), runtime, "containerd", known, **facts)
    return generate_status(PodFacts(container_facts, 1, old, "192.168.49.2", BEFORE, NOW, **more))


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {
        each["type"]: (each["status"], each.get("reason", ""), each.get("message", "")) for each in status["conditions"]
    }


def test_a_pod_that_has_just_arrived_is_creating_its_containers() -> None:
    """Teaches: the first thing a kubelet writes: it knows of the Pod, and nothing runs yet."""
    new = status(sandbox=False)
    unready = ("False", "ContainersNotReady", "containers with unready status: [c]")
    assert conditions(new) == {
        "PodReadyToStartContainers": ("False", "", ""),
        "Initialized": ("True", "", ""),
        "Ready": unready,
        "ContainersReady": unready,
        "PodScheduled": ("True", "", ""),
    }
    assert (new["phase"], new["observedGeneration"], new["startTime"]) == ("Pending", 1, BEFORE)
    assert new["hostIPs"] == [{"ip": "192.168.49.2"}]
    assert "podIP" not in new
    assert new["containerStatuses"] == [
        {
            "name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {}, "ready": False,
            "restartCount": 0, "image": "nginx:1", "imageID": "", "started": False,
        }
    ]  # fmt: skip


def test_a_running_pod_is_ready_and_has_an_address() -> None:
    """Teaches: without a readiness probe a container is ready as soon as it runs."""
    running = status(RUNNING)
    assert running["phase"] == "Running"
    assert (running["podIP"], running["podIPs"]) == ("10.244.1.2", [{"ip": "10.244.1.2"}])
    assert conditions(running)["Ready"] == ("True", "", "")
    container = running["containerStatuses"][0]
    assert (container["state"], container["ready"], container["started"]) == (
        {"running": {"startedAt": NOW}},
        True,
        True,
    )
    assert (container["image"], container["containerID"]) == ("docker.io/library/nginx:1", "containerd://c1")
    assert running["qosClass"] == "BestEffort"  # What others wrote stays.


def test_a_container_that_is_not_ready_makes_the_pod_unready() -> None:
    """Teaches: started is the startup probe's word, ready the readiness probe's."""
    assert conditions(status(RUNNING, ready={"c": False}))["ContainersReady"][1] == "ContainersNotReady"
    starting = status(RUNNING, started={"c": False}, ready={"c": True})["containerStatuses"][0]
    assert (starting["started"], starting["ready"]) == (False, False)


def test_transition_times_move_only_with_the_status() -> None:
    """Teaches: lastTransitionTime says since when it is so."""
    first = status(sandbox=False, old={"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": BEFORE},
    ]})  # fmt: skip
    times = {each["type"]: each["lastTransitionTime"] for each in first["conditions"]}
    assert (times["PodScheduled"], times["Ready"]) == (BEFORE, NOW)


@pytest.mark.parametrize(
    ("policy", "code", "phase", "reason"),
    [
        ("Always", 0, "Running", "ContainersNotReady"),
        ("Always", 1, "Running", "ContainersNotReady"),
        ("OnFailure", 0, "Succeeded", "PodCompleted"),
        ("OnFailure", 1, "Running", "ContainersNotReady"),
        ("Never", 0, "Succeeded", "PodCompleted"),
        ("Never", 1, "Failed", "PodFailed"),
    ],
)
def test_the_phase_follows_exit_code_and_restart_policy(policy: str, code: int, phase: str, reason: str) -> None:
    """Teaches: Succeeded and Failed are for Pods whose containers do not come back."""
    ended = status(exited(code), policy=policy)
    assert (ended["phase"], conditions(ended)["Ready"][1]) == (phase, reason)


def test_a_crashing_container_waits_and_remembers_how_it_ended() -> None:
    """Teaches: CrashLoopBackOff is a waiting reason; lastState has the exit code."""
    message = "back-off 10s restarting failed container=c pod=web_default(uid)"
    crashing = status(exited(1, 0), exited(2, 1), reasons={"c": ("CrashLoopBackOff", message)})
    container = crashing["containerStatuses"][0]
    assert container["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    assert container["lastState"]["terminated"]["exitCode"] == 2
    assert (container["restartCount"], crashing["phase"]) == (1, "Running")


def test_a_restarted_container_keeps_its_last_state() -> None:
    """Teaches: state is now, lastState the run before."""
    again = Container("c2", "c", "uid", "s", 1, "i", "r", Behaviour(), ContainerState.RUNNING, started_at=NOW)
    container = status(exited(3, 0), again)["containerStatuses"][0]
    assert list(container["state"]) == ["running"]
    assert container["lastState"]["terminated"] == {
        "exitCode": 3, "reason": "Error", "startedAt": BEFORE, "finishedAt": NOW, "containerID": "containerd://c0",
    }  # fmt: skip


def test_a_container_that_the_runtime_lost_counts_as_restarted() -> None:
    """Teaches: after a hollow node's crash: ContainerStatusUnknown, exit code 137, restartCount + 1."""
    before = status(RUNNING)
    lost = status(sandbox=False, old=before)
    container = lost["containerStatuses"][0]
    assert container["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert container["restartCount"] == 1
    assert container["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"
    assert lost["phase"] == "Running"
    again = status(sandbox=False, old=lost)
    assert again["containerStatuses"][0]["restartCount"] == 1  # Counted once.
    ended = status(sandbox=False, old=status(sandbox=False, old=before, deleting=True), deleting=True, ended=True)
    assert (ended["phase"], ended["containerStatuses"][0]["restartCount"]) == ("Failed", 0)
    assert ended["containerStatuses"][0]["state"]["terminated"]["message"] == (
        "The container could not be located when the pod was terminated"
    )


def test_a_terminal_phase_never_changes() -> None:
    """Teaches: a Pod that has failed stays failed."""
    failed = status(exited(1), policy="Never")
    assert status(RUNNING, policy="Never", old=failed)["phase"] == "Failed"


def test_a_pod_that_ran_out_of_time_fails_with_a_reason() -> None:
    """Teaches: activeDeadlineSeconds."""
    late = status(exited(0), ended=True, failure=("DeadlineExceeded", "too long"))
    assert (late["phase"], late["reason"], late["message"]) == ("Failed", "DeadlineExceeded", "too long")


def test_readiness_gates_wait_for_somebody_elses_condition() -> None:
    """Teaches: a load balancer's controller may hold a Pod's readiness back."""
    spec = {"readinessGates": [{"conditionType": "example.com/lb"}]}
    ready = conditions(status(RUNNING, spec=spec))["Ready"]
    assert ready == (
        "False", "ReadinessGatesNotReady",
        'corresponding condition of pod readiness gate "example.com/lb" does not exist.',
    )  # fmt: skip
    gate = {"type": "example.com/lb", "status": "False", "lastTransitionTime": BEFORE}
    refused = status(RUNNING, spec=spec, foreign=[gate])
    assert conditions(refused)["Ready"][2] == (
        'the status of pod readiness gate "example.com/lb" is not "True", but False'
    )
    assert refused["conditions"][0] == gate
    assert conditions(status(RUNNING, spec=spec, foreign=[gate | {"status": "True"}]))["Ready"][0] == "True"


def test_init_containers_hold_everything_back() -> None:
    """Teaches: Initialized, PodInitializing, and Pending until the last one is through."""
    spec = {"initContainers": [{"name": "i", "image": "b"}, {"name": "j", "image": "b"}]}
    first = status(exited(0, name="i"), spec=spec)
    assert first["phase"] == "Pending"
    assert conditions(first)["Initialized"] == (
        "False", "ContainersNotInitialized", "containers with incomplete status: [j]",
    )  # fmt: skip
    assert first["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert [each["ready"] for each in first["initContainerStatuses"]] == [True, False]
    assert conditions(status(exited(0, name="i"), exited(0, name="j"), spec=spec))["Initialized"][0] == "True"
    assert status(exited(1, name="i"), spec=spec, policy="Never")["phase"] == "Failed"


def test_a_pod_on_the_hosts_network_has_the_hosts_address() -> None:
    """Teaches: hostNetwork."""
    assert status(RUNNING, spec={"hostNetwork": True})["podIP"] == "192.168.49.2"


def test_what_a_container_was_given_is_told() -> None:
    """Teaches: allocatedResources and resources are what the node set aside; volumeMounts what it mounted."""
    container = {
        "name": "c", "image": "nginx:1", "resources": {"requests": {"cpu": "450m"}, "limits": {"cpu": "1"}},
        "volumeMounts": [{"name": "t", "mountPath": "/t", "readOnly": True}, {"name": "d", "mountPath": "/d"}],
    }  # fmt: skip
    told = status(RUNNING, spec={"containers": [container]})["containerStatuses"][0]
    assert told["allocatedResources"] == {"cpu": "450m"}
    assert told["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "450m"}}
    assert told["volumeMounts"] == [
        {"name": "t", "mountPath": "/t", "readOnly": True, "recursiveReadOnly": "Disabled"},
        {"name": "d", "mountPath": "/d"},
    ]
