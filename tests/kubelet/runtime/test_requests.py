"""What containers answer, what that costs them, and what they do while they cannot reach others."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from kubesim.api.traffic import (
    CONNECTED,
    REFUSED,
    Addresses,
    Connection,
    HttpCall,
    Name,
    Reply,
    containers_on,
    kernel_of,
)
from kubesim.api.views import Container
from kubesim.kubelet.runtime import PLAUSIBLE, Containerd, Profile, Workload
from kubesim.kubelet.runtime.cri import Container as Started
from kubesim.kubelet.runtime.cri import ContainerState, SandboxConfig
from kubesim.kubelet.runtime.model import Answer, Behaviour, Dependency
from kubesim.kubelet.runtime.pages import HttpAnswer, HttpRequest
from kubesim.sim import Simulation

EXACT = msgspec.structs.replace(PLAUSIBLE, sandbox_seconds=(0.5, 0.5), create_seconds=0.1)
IMAGE = "example.com/app:1"


def runtime(sim: Simulation, behaviour: Behaviour | type[Workload] | None = None) -> Containerd:
    profile: Profile = EXACT if behaviour is None else msgspec.structs.replace(EXACT, behaviours={IMAGE: behaviour})
    return Containerd(sim, "node-1", profile, pod_cidr="10.244.1.0/24", present_images=[IMAGE, "nginx:1.27"])


async def started(made: Containerd, image: str = IMAGE, **spec: Any) -> Started:
    sandbox = await made.run_pod_sandbox(SandboxConfig("uid-1", "default", "web"))
    raw = {"name": "c", "image": image, **spec}
    container = await made.create_container(sandbox, msgspec.convert(raw, Container), 0)
    await made.start_container(container)
    return container


def ask(made: Containerd, container: Started, path: str = "/", port: int = 80) -> HttpAnswer | None:
    page = made.insides(container).page(port)
    if page is None:
        return None
    answer = page.answer(HttpRequest("GET", path, {}), "web")
    page.answered()
    return answer


async def test_answers_are_chosen_by_path_port_and_time(sim: Simulation) -> None:
    """Teaches: a web server is a list of answers; the longest path counts."""
    answers = (
        Answer("/", 200, "v1 from {hostname}"),
        Answer("/slow", 500, after_seconds=10),
        Answer("/api", 404, port=9000),
    )
    made = runtime(sim, Behaviour(http=answers))
    container = await started(made, ports=[{"containerPort": 80}])
    first = ask(made, container)
    assert first is not None
    assert (first.code, first.body) == (200, b"v1 from web")
    codes = [answer.code for path in ("/slow", "/api") if (answer := ask(made, container, path))]
    assert codes == [200, 200]
    await asyncio.sleep(10)
    slow = ask(made, container, "/slow/page")
    assert slow is not None
    assert slow.code == 500
    assert ask(made, container, port=81) is None


async def test_an_error_now_and_then(sim: Simulation) -> None:
    """Teaches: `every: 3` spoils each third request."""
    made = runtime(sim, Behaviour(http=(Answer("/"), Answer("/", 503, every=3))))
    container = await started(made, ports=[{"containerPort": 80}])
    assert [answer.code for _ in range(6) if (answer := ask(made, container))] == [200, 200, 503, 200, 200, 503]


async def test_a_program_can_end_at_a_request(sim: Simulation) -> None:
    """Teaches: exitAfterRequests: the last answer is still sent."""
    made = runtime(sim, Behaviour(exit_after_requests=2, exit_code=9))
    container = await started(made, ports=[{"containerPort": 80}])
    assert ask(made, container) is not None
    await asyncio.sleep(1)
    assert container.state is ContainerState.RUNNING
    ask(made, container)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (container.state, container.exit_code) == (ContainerState.EXITED, 9)


async def test_requests_cost_cpu_and_may_leak(sim: Simulation) -> None:
    """Teaches: load is what an autoscaler sees; a leak per request ends in OOMKilled."""
    made = runtime(sim, Behaviour(request_cpu_milliseconds=20, request_leak_bytes=1 << 20, memory_bytes=10 << 20))
    limits = {"resources": {"limits": {"cpu": "300m", "memory": "64Mi"}}}
    container = await started(made, ports=[{"containerPort": 80}], **limits)
    for _ in range(10):
        ask(made, container)
        await asyncio.sleep(1)
    assert made.container_stats(container) == (10 + 20, 20 << 20)
    for _ in range(45):
        ask(made, container)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (container.state, container.reason, container.exit_code) == (ContainerState.EXITED, "OOMKilled", 137)


async def test_nobody_listens_before_the_program_is_up(sim: Simulation) -> None:
    """Teaches: a container that runs is not a server that answers."""
    made = runtime(sim, Behaviour(ready_after_seconds=5))
    container = await started(made, ports=[{"containerPort": 80}])
    assert not made.insides(container).listens(80)
    await asyncio.sleep(5)
    assert made.insides(container).listens(80)


@pytest.mark.parametrize(("image", "port", "code"), [("nginx:1.27", 80, 200), (IMAGE, 8080, 200)])
async def test_images_answer_with_no_annotation(sim: Simulation, image: str, port: int, code: int) -> None:
    """Teaches: a known server has its page, an unknown one answers at the port that it declares."""
    made = runtime(sim)
    container = await started(made, image, ports=[{"containerPort": port}])
    answer = ask(made, container, port=port)
    assert answer is not None
    assert answer.code == code


class Warming(Workload):
    behaviour = Behaviour(start_seconds=1.0)

    def is_ready(self, seconds: float) -> bool:
        return self.requests >= 2 or seconds > 60

    def usage(self, seconds: float) -> tuple[int, int]:
        return 100 + self.requests, 5 << 20

    def answer(self, request: HttpRequest, seconds: float) -> HttpAnswer | None:
        return HttpAnswer(200, {}, f"{request.path} {seconds:g} {self.attempt}".encode())


async def test_a_class_says_what_data_cannot(sim: Simulation) -> None:
    """Teaches: a Python class decides for itself when it is ready, what it uses and what it answers."""
    made = runtime(sim, Warming)
    container = await started(made, ports=[{"containerPort": 80}])
    assert sim.clock.now() == pytest.approx(1.6)
    assert made.probe_failure(container, "readiness", sim.clock.now_ns())
    answer = ask(made, container, "/a")
    assert answer is not None
    assert answer.body == b"/a 0 0"
    ask(made, container)
    assert not made.probe_failure(container, "readiness", sim.clock.now_ns())
    assert not made.probe_failure(container, "liveness", sim.clock.now_ns())
    assert made.container_stats(container) == (102, 5 << 20)


class Network:
    """A kernel on which one Service is reachable, or not."""

    def __init__(self, sim: Simulation) -> None:
        self.up = False
        self.asked: list[tuple[float, str, int]] = []
        self._sim = sim
        sim.network.attach(kernel_of("node-1"), "node-1", self.handle)
        sim.network.attach(containers_on("node-1"), "node-1")

    async def handle(self, message: Any) -> Any:
        if isinstance(message, Name):
            return Addresses(("10.96.0.9",)) if message.name == "db" else Addresses(reason="NXDOMAIN")
        assert isinstance(message, Connection)
        self.asked.append((round(self._sim.clock.now(), 3), message.destination, message.port))
        assert message.data is None or isinstance(message.data, HttpCall)
        return Reply(CONNECTED if self.up else REFUSED)


async def test_a_program_is_not_ready_without_its_database(sim: Simulation) -> None:
    """Teaches: dependsOn: it tries every two seconds, says 503 meanwhile, and recovers by itself."""
    network = Network(sim)
    made = runtime(sim, Behaviour(depends_on=(Dependency("db:5432"),)))
    container = await started(made, ports=[{"containerPort": 80}])
    await asyncio.sleep(3)
    assert made.probe_failure(container, "readiness", sim.clock.now_ns())
    answer = ask(made, container)
    assert answer is not None
    assert (answer.code, answer.body) == (503, b"cannot reach db:5432\n")
    network.up = True
    await asyncio.sleep(2)
    assert not made.probe_failure(container, "readiness", sim.clock.now_ns())
    assert network.asked == [(0.8, "10.96.0.9", 5432), (2.8, "10.96.0.9", 5432), (4.8, "10.96.0.9", 5432)]
    network.up = False
    await asyncio.sleep(2)
    assert made.probe_failure(container, "readiness", sim.clock.now_ns())
    made.power_off()


async def test_or_it_gives_up(sim: Simulation) -> None:
    """Teaches: a program that ends when its database is away crashes in a loop until that is there."""
    Network(sim)
    made = runtime(sim, Behaviour(depends_on=(Dependency("nosuch", "exit", patience_seconds=3, exit_code=7),)))
    container = await started(made)
    await asyncio.sleep(10)
    assert (container.state, container.exit_code) == (ContainerState.EXITED, 7)
    assert container.finished_ns == 4_800_000_000


@pytest.mark.parametrize(
    ("image", "spec", "port", "body"),
    [
        ("hashicorp/http-echo", {"args": ["-text=apple", "-listen=:9000"]}, 9000, b"apple\n"),
        ("registry.k8s.io/e2e-test-images/agnhost:2.53", {"args": ["serve-hostname", "--port=9376"]}, 9376, b"web"),
        ("registry.k8s.io/e2e-test-images/agnhost:2.53", {"args": ["netexec", "--http-port", "80"]}, 80, b"NOW: web\n"),
    ],
)
async def test_arguments_say_what_is_served_and_where(
    sim: Simulation, image: str, spec: dict[str, Any], port: int, body: bytes
) -> None:
    """Teaches: the images of lessons are told by their arguments what to say."""
    made = Containerd(sim, "node-1", EXACT, pod_cidr="10.244.1.0/24", present_images=[image])
    container = await started(made, image, **spec)
    answer = ask(made, container, port=port)
    assert answer is not None
    assert answer.body == body
    assert ask(made, container, port=5678) is None


async def test_a_python_web_server_listens_where_it_was_told(sim: Simulation) -> None:
    """Teaches: `python -m http.server 8000` needs no image of its own."""
    image = "python:3.14"
    made = Containerd(sim, "node-1", EXACT, pod_cidr="10.244.1.0/24", present_images=[image])
    container = await started(made, image, command=["python", "-m", "http.server", "8000"])
    assert container.state is ContainerState.RUNNING
    answer = ask(made, container, "/a", port=8000)
    assert answer is not None
    assert b"Directory listing for /a" in answer.body
