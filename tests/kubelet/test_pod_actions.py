"""What a kubelet does next for a Pod: a pure decision."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubesim.api.views import Container as ContainerSpec
from kubesim.api.views import PodSpec
from kubesim.kubelet.pod_actions import PodActions, compute_pod_actions
from kubesim.kubelet.runtime.cri import Container, ContainerState, RuntimePod, Sandbox
from kubesim.kubelet.runtime.model import Behaviour
from kubesim.kubelet.runtime.names import normalised


def spec(containers: str = "a b", init: Any = (), policy: str = "Always") -> PodSpec:
    raw = {
        "restartPolicy": policy,
        "containers": [{"name": name, "image": "nginx:1"} for name in containers.split()],
        "initContainers": list(init),
    }
    return msgspec.convert(raw, PodSpec)


def container(name: str, state: str = "running", code: int = 0, *, sandbox: str = "s0") -> Container:
    image = normalised("nginx:1")
    return Container(
        f"id-{name}", name, "uid", sandbox, 0, image, image, Behaviour(), ContainerState(state), exit_code=code,
        spec=ContainerSpec(name=name, image="nginx:1"),
    )  # fmt: skip


def pod(*containers: Container, ready: bool = True, attempt: int = 0) -> RuntimePod:
    return RuntimePod([Sandbox(f"s{attempt}", "uid", attempt, "10.0.0.2", ready)], list(containers))


def names(actions: PodActions) -> dict[str, Any]:
    """Only what is to be done."""
    done: dict[str, Any] = {}
    if actions.create_sandbox:
        done["sandbox"] = actions.attempt
    for field in ("start_init", "start"):
        if value := getattr(actions, field):
            done[field] = " ".join(each.name for each in value)
    if actions.kill:
        done["kill"] = " ".join(each.container.name for each in actions.kill)
    if actions.kill_pod:
        done["kill_pod"] = True
    return done


def test_a_new_pod_gets_a_sandbox_and_then_all_its_containers() -> None:
    """Teaches: the sandbox first, the containers together."""
    assert names(compute_pod_actions(spec(), RuntimePod(), {}, {})) == {"sandbox": 0, "start": "a b"}
    assert names(compute_pod_actions(spec(), pod(), {}, {})) == {"start": "a b"}


def test_a_running_pod_needs_nothing() -> None:
    """Teaches: the decision is about the difference; there is none."""
    assert names(compute_pod_actions(spec(), pod(container("a"), container("b")), {}, {})) == {}


@pytest.mark.parametrize(
    ("policy", "code", "restarts"),
    [("Always", 0, True), ("Always", 1, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 1, False)],
)
def test_the_restart_policy_decides_about_a_dead_container(policy: str, code: int, restarts: bool) -> None:
    """Teaches: Always, OnFailure, Never."""
    actions = compute_pod_actions(spec(policy=policy), pod(container("a"), container("b", "exited", code)), {}, {})
    assert names(actions) == ({"start": "b"} if restarts else {})


def test_when_nothing_runs_and_nothing_will_the_pod_ends() -> None:
    """Teaches: a completed Job's Pod gives its sandbox back."""
    dead = pod(container("a", "exited"), container("b", "exited"))
    assert names(compute_pod_actions(spec(policy="Never"), dead, {}, {})) == {"kill_pod": True}


def test_a_dead_sandbox_is_replaced_and_counted() -> None:
    """Teaches: after a reboot the Pod stays, its sandbox is new."""
    lost = pod(container("a", "exited", 255), container("b", "exited", 255), ready=False)
    assert names(compute_pod_actions(spec(), lost, {}, {})) == {"sandbox": 1, "start": "a b"}
    assert names(compute_pod_actions(spec(policy="Never"), lost, {}, {})) == {"kill_pod": True}


def test_a_failed_liveness_probe_kills_and_starts_again() -> None:
    """Teaches: only the container that failed is restarted."""
    actions = compute_pod_actions(spec(), pod(container("a"), container("b")), {}, {"id-b": "liveness"})
    assert names(actions) == {"kill": "b", "start": "b"}
    assert actions.kill[0].message == "Container b failed liveness probe, will be restarted"


def test_a_changed_image_kills_and_starts_again() -> None:
    """Teaches: a container's image is one of the few things that may change in a Pod."""
    changed = spec()
    changed = msgspec.structs.replace(
        changed, containers=(msgspec.structs.replace(changed.containers[0], image="nginx:2"), changed.containers[1])
    )
    actions = compute_pod_actions(changed, pod(container("a"), container("b")), {}, {})
    assert names(actions) == {"kill": "a", "start": "a"}
    assert actions.kill[0].message == "Container a definition changed, will be restarted"


INIT = [{"name": "i", "image": "nginx:1"}, {"name": "j", "image": "nginx:1"}]
SIDECAR = [{"name": "s", "image": "nginx:1", "restartPolicy": "Always"}, {"name": "j", "image": "nginx:1"}]


def test_init_containers_run_one_after_another_before_all_others() -> None:
    """Teaches: the next one starts when the one before has exited 0."""
    plan = spec(init=INIT)
    assert names(compute_pod_actions(plan, RuntimePod(), {}, {})) == {"sandbox": 0, "start_init": "i"}
    assert names(compute_pod_actions(plan, pod(container("i")), {}, {})) == {}
    done = container("i", "exited")
    assert names(compute_pod_actions(plan, pod(done), {}, {})) == {"start_init": "j"}
    assert names(compute_pod_actions(plan, pod(done, container("j", "exited")), {}, {})) == {"start": "a b"}


def test_a_failed_init_container_is_tried_again_unless_never() -> None:
    """Teaches: Init:CrashLoopBackOff, or Init:Error for good."""
    failed = pod(container("i", "exited", 1))
    assert names(compute_pod_actions(spec(init=INIT), failed, {}, {})) == {"start_init": "i"}
    assert names(compute_pod_actions(spec(init=INIT, policy="Never"), failed, {}, {})) == {}


def test_after_a_reboot_init_containers_run_again() -> None:
    """Teaches: a new sandbox means new volumes and networks, so init containers must be idempotent."""
    lost = pod(container("i", "exited"), container("j", "exited"), container("a", "exited", 255), ready=False)
    assert names(compute_pod_actions(spec("a", init=INIT), lost, {}, {})) == {"sandbox": 1, "start_init": "i"}
    fresh = RuntimePod([Sandbox("s1", "uid", 1, "ip")], [*lost.containers, container("i", "exited", sandbox="s1")])
    assert names(compute_pod_actions(spec("a", init=INIT), fresh, {}, {})) == {"start_init": "j"}


def test_a_sidecar_only_has_to_have_started() -> None:
    """Teaches: a sidecar is an init container that keeps running; its startup probe holds the others back."""
    plan = spec("a", init=SIDECAR)
    running = pod(container("s"))
    assert names(compute_pod_actions(plan, running, {"s": False}, {})) == {}
    assert names(compute_pod_actions(plan, running, {"s": True}, {})) == {"start_init": "j"}
    started = pod(container("s"), container("j", "exited"))
    assert names(compute_pod_actions(plan, started, {}, {})) == {"start": "a"}


def test_a_dead_sidecar_comes_back_beside_the_running_containers() -> None:
    """Teaches: a sidecar restarts whatever the Pod's restart policy says."""
    plan = spec("a", init=SIDECAR, policy="Never")
    state = pod(container("s", "exited", 1), container("j", "exited"), container("a"))
    assert names(compute_pod_actions(plan, state, {}, {})) == {"start_init": "s"}
