"""What to do next for one Pod: a pure decision from its spec and what the runtime has.

The order is upstream's: a sandbox first, then init containers one after another (sidecars, which are init
containers that keep running, as soon as the one before has started), then all containers together. A dead
container is started again as its restart policy says; back-off is the caller's business.
Upstream: computePodActions in pkg/kubelet/kuberuntime/kuberuntime_manager.go. Ephemeral
containers are started once, whatever the others do. Left out: the rule action RestartAllContainers, which restarts
only the container that ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubesim.api.views import Container as ContainerSpec
from kubesim.api.views import PodSpec
from kubesim.kubelet.runtime.cri import Container, ContainerState, RuntimePod


class Kill(NamedTuple):
    """A running container that must end now, the words for its event, and the probe that is to blame."""

    container: Container
    message: str
    probe: str = ""


class PodActions(NamedTuple):
    """What to do, in this order."""

    kill: tuple[Kill, ...] = ()
    create_sandbox: bool = False
    attempt: int = 0  # Of the sandbox.
    start_init: tuple[ContainerSpec, ...] = ()
    start: tuple[ContainerSpec, ...] = ()
    kill_pod: bool = False  # Nothing runs and nothing will: the sandbox can go.


def compute_pod_actions(
    spec: PodSpec, runtime: RuntimePod, started: Mapping[str, bool], failed_probes: Mapping[str, str]
) -> PodActions:
    """The next actions.

    `started` says which containers' startup probes succeeded (absent: no such probe), `failed_probes` which
    container ids' liveness or startup probes failed, with the kind of probe.
    """
    sandbox = runtime.sandbox()
    if sandbox is None or not sandbox.ready:
        return _with_new_sandbox(spec, runtime)
    kills = tuple(_kills(spec, runtime, failed_probes))
    killed = {kill.container.name for kill in kills}
    ephemeral = tuple(each for each in spec.ephemeral_containers if runtime.latest(each.name) is None)
    init = _next_init(spec, runtime, started, killed)
    if init is not None:
        return PodActions(kills, start_init=init, start=ephemeral)
    start = tuple(
        container
        for container in spec.containers
        if container.name in killed or should_start(container, spec, runtime.latest(container.name))
    )
    sidecars = tuple(
        container
        for container in spec.init_containers
        if is_sidecar(container) and (container.name in killed or not is_running(runtime.latest(container.name)))
    )
    keeps = any(is_running(runtime.latest(container.name)) for container in spec.containers)
    if not start and not keeps:
        return PodActions(kills, kill_pod=True)
    return PodActions(kills, start_init=sidecars, start=(*ephemeral, *start))


def _with_new_sandbox(spec: PodSpec, runtime: RuntimePod) -> PodActions:
    """There is no sandbox, or a dead one: make one, unless everything has ended for good."""
    attempt = runtime.sandboxes[-1].attempt + 1 if runtime.sandboxes else 0
    if attempt and spec.restart_policy == "Never" and runtime.containers:
        return PodActions(kill_pod=True)
    start = tuple(each for each in spec.containers if should_start(each, spec, runtime.latest(each.name)))
    if not start:
        return PodActions(kill_pod=True)
    if spec.init_containers:  # A new sandbox runs them all again.
        return PodActions(create_sandbox=True, attempt=attempt, start_init=spec.init_containers[:1])
    return PodActions(create_sandbox=True, attempt=attempt, start=start)


def _next_init(
    spec: PodSpec, runtime: RuntimePod, started: Mapping[str, bool], killed: set[str]
) -> tuple[ContainerSpec, ...] | None:
    """The init container to start now; () while one is at work; None when all are through."""
    sandbox = runtime.sandbox()
    assert sandbox is not None, "init containers need a sandbox"
    if any(_in_sandbox(runtime.latest(each.name), sandbox.id) for each in spec.containers):
        return None  # The containers were started already, so initialisation is over.
    for container in spec.init_containers:
        latest = runtime.latest(container.name)
        if latest is None or latest.sandbox_id != sandbox.id or container.name in killed:
            return (container,)
        if is_sidecar(container):
            if latest.state is not ContainerState.RUNNING:
                return (container,)
            if not started.get(container.name, True):
                return ()
        elif latest.state is ContainerState.RUNNING:
            return ()
        elif latest.state is ContainerState.CREATED or latest.exit_code != 0:
            again = latest.state is ContainerState.CREATED or restarts_after(container, spec, latest.exit_code)
            return (container,) if again else ()
    return None


def _in_sandbox(container: Container | None, sandbox_id: str) -> bool:
    return container is not None and container.sandbox_id == sandbox_id


def _kills(spec: PodSpec, runtime: RuntimePod, failed_probes: Mapping[str, str]) -> list[Kill]:
    """The running containers whose probe failed or whose image was changed."""
    kills = []
    for container in (*spec.init_containers, *spec.containers):
        latest = runtime.latest(container.name)
        if latest is None or latest.state is not ContainerState.RUNNING:
            continue
        if probe := failed_probes.get(latest.id, ""):
            kills.append(Kill(latest, f"Container {container.name} failed {probe} probe, will be restarted", probe))
        elif latest.spec is not None and latest.spec.image != container.image:
            kills.append(Kill(latest, f"Container {container.name} definition changed, will be restarted"))
        elif latest.spec is not None and resized(latest.spec, container):
            kills.append(Kill(latest, f"Container {container.name} resize requires restart"))
    return kills


def resized(before: ContainerSpec, after: ContainerSpec) -> bool:
    """Whether cpu or memory changed in a way that needs a restart."""
    if not after.resize_policy or before.resources == after.resources:
        return False
    for each in after.resize_policy:
        if each["restartPolicy"] == "RestartContainer":
            name = each["resourceName"]
            parts = [
                (found.resources.requests.get(name), found.resources.limits.get(name)) if found.resources else None
                for found in (before, after)
            ]
            if parts[0] != parts[1]:
                return True
    return False


def should_start(container: ContainerSpec, spec: PodSpec, latest: Container | None) -> bool:
    """Whether a container that is not running shall be started (again)."""
    if latest is None or latest.state is ContainerState.CREATED:
        return True
    if latest.state is ContainerState.RUNNING:
        return False
    return restarts_after(container, spec, latest.exit_code)


def restarts_after(container: ContainerSpec, spec: PodSpec, code: int) -> bool:
    """Whether a container that ended with `code` runs again: its rules come first, then its policy, then the Pod's."""
    for rule in container.restart_policy_rules:
        wanted = rule.get("exitCodes") or {}
        if (code in (wanted.get("values") or ())) == (wanted.get("operator") == "In"):
            return True
    policy = container.restart_policy or spec.restart_policy
    return policy in ("Always", "") or (policy == "OnFailure" and code != 0)


def is_sidecar(container: ContainerSpec) -> bool:
    """Whether an init container keeps running beside the others."""
    return container.restart_policy == "Always"


def is_running(container: Container | None) -> bool:
    """Whether it runs now."""
    return container is not None and container.state is ContainerState.RUNNING
