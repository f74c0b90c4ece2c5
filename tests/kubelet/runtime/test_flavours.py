"""containerd, docker and CRI-O: the same verbs, and what differs where a user sees it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubesim.api.views import Container
from kubesim.kubelet.runtime import PLAUSIBLE, RUNTIMES, Registries, SimulatedRuntime
from kubesim.kubelet.runtime.cri import ContainerState, CriError, SandboxConfig
from kubesim.kubelet.runtime.insides import ExecError
from kubesim.kubelet.runtime.process import Surroundings
from kubesim.sim import Simulation

EXACT = msgspec.structs.replace(PLAUSIBLE, sandbox_seconds=(0.5, 0.5), create_seconds=0.1)
LIMIT = (
    "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
)


def runtime(sim: Simulation, kind: str, registries: Registries | None = None) -> SimulatedRuntime:
    return RUNTIMES[kind](
        sim, "node-1", EXACT, pod_cidr="10.244.1.0/24", present_images=["busybox:1.36"], registries=registries
    )


async def started(made: SimulatedRuntime, **spec: Any) -> Any:
    sandbox = await made.run_pod_sandbox(SandboxConfig("uid-1", "default", "web"))
    container = await made.create_container(sandbox, Container(name="c", **spec), 0)
    await made.start_container(container)
    return container


@pytest.mark.parametrize(
    ("kind", "name", "ref", "size"),
    [
        ("containerd", "docker.io/library/nginx:1.27", "docker.io/library/nginx@sha256:", 72_000_000),
        ("docker", "nginx:1.27", "docker-pullable://nginx@sha256:", 194_400_000),
        ("cri-o", "docker.io/library/nginx:1.27", "docker.io/library/nginx@sha256:", 194_400_000),
    ],
)
async def test_each_names_and_measures_images_its_own_way(
    sim: Simulation, kind: str, name: str, ref: str, size: int
) -> None:
    """Teaches: `image` and `imageID` of a container come from the runtime, and so does the size of an image."""
    image = await runtime(sim, kind).pull_image("nginx:1.27")
    assert (image.name, image.ref[: len(ref)], image.size_bytes) == (name, ref, size)
    assert image.names == (image.ref.removeprefix("docker-pullable://"), name)


N = "docker.io/library/nginx:nope"
DENIED = "pull access denied, repository does not exist or may require authorization"
CRI_O = "unable to pull image or OCI artifact: pull image err: initializing source docker://"
ARTIFACT = "artifact err: get manifest: build image source"


@pytest.mark.parametrize(
    ("kind", "trouble", "image", "words"),
    [
        (
            "containerd", "missing", "nginx:nope",
            f'failed to pull and unpack image "{N}": failed to resolve reference "{N}": {N}: not found',
        ),
        ("docker", "missing", "nginx:nope",
         "Error response from daemon: manifest for nginx:nope not found: manifest unknown: manifest unknown"),
        (
            "cri-o", "missing", "nginx:nope",
            f"{CRI_O}nginx:nope: reading manifest nope in docker.io/library/nginx: manifest unknown; "
            f"{ARTIFACT}: reading manifest nope in docker.io/library/nginx: manifest unknown",
        ),
        (
            "containerd", "repository", "nope/app:1",
            'failed to pull and unpack image "docker.io/nope/app:1": failed to resolve reference '
            f'"docker.io/nope/app:1": {DENIED}: server message: insufficient_scope: authorization failed',
        ),
        (
            "docker", "repository", "nope/app:1",
            "Error response from daemon: pull access denied for nope/app, repository does not exist or may require "
            "'docker login': denied: requested access to the resource is denied",
        ),
        (
            "containerd", "private", "r.example.com/a:1",
            'failed to pull and unpack image "r.example.com/a:1": failed to resolve reference "r.example.com/a:1": '
            f"{DENIED}: authorization failed: no basic auth credentials",
        ),
        (
            "docker", "private", "r.example.com/a:1",
            'Error response from daemon: Head "https://r.example.com/v2/a/manifests/1": no basic auth credentials',
        ),
        ("docker", "limit", "nginx", f"Error response from daemon: {LIMIT}"),
        (
            "cri-o", "limit", "nginx",
            f"{CRI_O}nginx:latest: reading manifest latest in docker.io/library/nginx: {LIMIT}; "
            f"{ARTIFACT}: reading manifest latest in docker.io/library/nginx: {LIMIT}",
        ),
        (
            "docker", "down", "quay.io/a/b:1",
            'Error response from daemon: Get "https://quay.io/v2/": dial tcp: lookup quay.io on 192.168.49.1:53: '
            "no such host",
        ),
        (
            "containerd", "down", "quay.io/a/b:1",
            'failed to pull and unpack image "quay.io/a/b:1": failed to resolve reference "quay.io/a/b:1": failed to '
            'do request: Head "https://quay.io/v2/a/b/manifests/1": dial tcp: lookup quay.io on 192.168.49.1:53: '
            "no such host",
        ),
    ],
)  # fmt: skip
async def test_each_tells_of_a_failed_pull_in_its_own_words(
    sim: Simulation, kind: str, trouble: str, image: str, words: str
) -> None:
    """Teaches: the cause is the same and the text is not; who searches for it must know the runtime."""
    registries = Registries()
    if trouble == "missing":
        registries.delete("nginx:nope")
    elif trouble == "repository":
        registries.delete("docker.io/nope/app")
    elif trouble == "private":
        registries.private("r.example.com", "me", "secret")
    elif trouble == "limit":
        registries.limit("docker.io", 0)
    else:
        registries.down("quay.io", "no-such-host")
    with pytest.raises(CriError) as caught:
        await runtime(sim, kind, registries).pull_image(image)
    assert caught.value.description == words
    assert caught.value.code == ("NotFound" if (kind, trouble) == ("containerd", "missing") else "Unknown")


async def test_containerd_says_429_with_the_address(sim: Simulation) -> None:
    """Teaches: what a rate limit looks like on most clusters."""
    registries = Registries()
    registries.limit("docker.io", 0)
    with pytest.raises(CriError) as caught:
        await runtime(sim, "containerd", registries).pull_image("nginx:1.27")
    place = "https://registry-1.docker.io/v2/library/nginx/manifests/sha256:"
    assert f"failed to copy: httpReadSeeker: failed open: unexpected status code {place}" in caught.value.description
    assert caught.value.description.endswith(f": 429 Too Many Requests - Server message: {LIMIT}")


@pytest.mark.parametrize(
    ("kind", "reason", "code", "frame"),
    [
        ("containerd", "StartError", 128, "failed to create containerd task: failed to create shim task: "),
        ("docker", "ContainerCannotRun", 127, "failed to create task for container: failed to create shim task: "),
    ],
)
async def test_a_missing_program_ends_a_container_before_it_begins(
    sim: Simulation, kind: str, reason: str, code: int, frame: str
) -> None:
    """Teaches: a mistyped command shows as exit code 128 or 127 and a text that says what is missing."""
    made = runtime(sim, kind)
    with pytest.raises(CriError, match=r'exec: "nosuch": executable file not found in \$PATH'):
        await started(made, image="busybox:1.36", command=("nosuch",))
    container = made.pod_status("uid-1").latest("c")
    assert container is not None
    assert (container.state, container.reason, container.exit_code) == (ContainerState.EXITED, reason, code)
    assert container.message.startswith(f"{frame}OCI runtime create failed: runc create failed: unable to start ")


async def test_cri_o_finds_a_missing_program_while_creating(sim: Simulation) -> None:
    """Teaches: with crun there is no container at all, so nothing crashes in a loop."""
    made = runtime(sim, "cri-o")
    with pytest.raises(CriError) as caught:
        await started(made, image="busybox:1.36", command=("nosuch",))
    assert caught.value.description == (
        "container create failed: executable file `nosuch` not found in $PATH: No such file or directory"
    )
    assert made.pod_status("uid-1").latest("c") is None


@pytest.mark.parametrize(("kind", "code"), [("containerd", 0), ("docker", 127), ("cri-o", 255)])
async def test_exec_of_a_missing_program_is_an_error_or_an_exit_code(sim: Simulation, kind: str, code: int) -> None:
    """Teaches: `kubectl exec POD -- nosuch` fails in three ways."""
    made = runtime(sim, kind)
    container = await started(made, image="busybox:1.36", command=("sleep", "1000"))
    with pytest.raises(ExecError) as caught:
        made.insides(container).program(["nosuch"], Surroundings(), tty=False)
    assert caught.value.code == code
    assert bool(caught.value.output) is bool(code)


@pytest.mark.parametrize(("kind", "survives"), [("containerd", True), ("cri-o", True), ("docker", False)])
async def test_a_daemon_that_dies_takes_containers_with_it_only_in_docker(
    sim: Simulation, kind: str, survives: bool
) -> None:
    """Teaches: shims and monitors hold containers; docker without live-restore does not leave them."""
    made = runtime(sim, kind)
    container = await started(made, image="busybox:1.36", command=("sleep", "1000"))
    daemon = sim.loop.create_task(made.run())
    await sim_turns(sim)
    daemon.cancel()
    await sim_turns(sim)
    assert not made.is_up
    assert (container.state is ContainerState.RUNNING) is survives
    with pytest.raises(CriError, match=rf"code = Unavailable .* dial unix {made.socket}: connect: connection refused"):
        await made.run_pod_sandbox(SandboxConfig("uid-2", "default", "db"))


async def test_what_ended_while_the_daemon_was_dead_is_told_when_it_is_back(sim: Simulation) -> None:
    """Teaches: nobody restarts a container while the runtime is down, and nothing is forgotten."""
    made = runtime(sim, "containerd")
    container = await started(made, image="busybox:1.36", command=("sleep", "10"))
    heard: list[float] = []
    made.subscribe(lambda _, changed: heard.append(sim.clock.now()) if changed is container else None)
    daemon = sim.loop.create_task(made.run())
    await sim_turns(sim)
    daemon.cancel()
    await sim_turns(sim)
    began = sim.clock.now()
    await sleep_until(began + 30)
    assert container.state is ContainerState.EXITED
    assert heard == []
    sim.loop.create_task(made.run())
    await sim_turns(sim)
    assert heard == [began + 30]


async def sim_turns(sim: Simulation) -> None:
    for _ in range(3):
        over = sim.loop.create_future()
        sim.loop.call_soon(over.set_result, None)
        await over


async def sleep_until(second: float) -> None:
    import asyncio

    await asyncio.sleep(second - asyncio.get_running_loop().time())
