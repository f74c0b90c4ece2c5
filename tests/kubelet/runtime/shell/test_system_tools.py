"""Looking around in a container: the machine, pipelines, and the clients of well-known programs."""

from __future__ import annotations

import msgspec
import pytest

from kubesim.api.session import session_pair
from kubesim.api.views import Container
from kubesim.kubelet.runtime import PLAUSIBLE, Containerd
from kubesim.kubelet.runtime.cri import Container as Started
from kubesim.kubelet.runtime.cri import ContainerState, SandboxConfig
from kubesim.kubelet.runtime.process import Signal, Surroundings, Write
from kubesim.kubelet.runtime.shell import Interpreter, apps_of
from kubesim.kubelet.runtime.shell.files import Files
from kubesim.kubelet.runtime.terminal import Terminal
from kubesim.sim import Simulation

EXACT = msgspec.structs.replace(PLAUSIBLE, sandbox_seconds=(0.5, 0.5), create_seconds=0.1)
NAMES = {"/data/names": b"ann:1:blue\nbob:2:red\nbob:2:red\n"}


def run(script: str, image: str = "busybox:1.36", files: Files | None = None) -> tuple[str, str, int]:
    around = Surroundings("web", "10.0.0.2", {"PATH": "/bin"}, NAMES, main_command="nginx -g", image=image)
    program = Interpreter(around, files or Files(), lambda: 1_705_136_405 * 10**9).command(["sh", "-c", script])
    printed = {1: "", 2: ""}
    try:
        while True:
            effect = program.send(None)
            if isinstance(effect, Write):
                printed[effect.stream] += effect.data.decode()
    except StopIteration as end:
        return printed[1], printed[2], end.value


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("cut -d: -f1,3 /data/names", "ann:blue\nbob:red\nbob:red\n"),
        ("cut -c1-3 /data/names | uniq -c", "      1 ann\n      2 bob\n"),
        ("head -1 /data/names | tr a-z A-Z", "ANN:1:BLUE\n"),
        ("echo a b | tr -d ' '", "ab\n"),
        ("sed -n 2p /data/names", "bob:2:red\n"),
        ("sed 's/bob/eve/; /ann/d' /data/names | uniq", "eve:2:red\n"),
        ("sed -i s/ann/amy/ /data/names || true; echo x > /tmp/a; sed -i s/x/y/ /tmp/a; cat /tmp/a", "y\n"),
        ("awk -F: '{print $2, $NF}' /data/names | head -1", "1 blue\n"),
        ("awk '/red/ {print NR}' /data/names", "2\n3\n"),
        ("echo a b c | xargs -n 1 echo n", "n a\nn b\nn c\n"),
        ("ls /data | xargs -I% echo /data/%", "/data/names\n"),
        ("find /data -name 'na*' -type f", "/data/names\n"),
        ("basename /a/b.txt .txt; dirname /a/b.txt", "b\n/a\n"),
        ("which sh ls nosuch", "/usr/bin/sh\n/usr/bin/ls\n"),
        ("echo -n hi > /tmp/x; md5sum /tmp/x", "49f68a5c8493ec2c0bf489821c21fc3b  /tmp/x\n"),
        ("tac /data/names | head -1; nproc", "bob:2:red\n2\n"),
        ("df -h / | sed -n 2p | awk '{print $1, $2, $5}'", "overlay 58.4G 15%\n"),
        ("free -m | awk 'NR==2 {print $2}'", "3934\n"),
        ("pgrep nginx", "1\n"),
        ("head -1 /etc/resolv.conf", "search default.svc.cluster.local svc.cluster.local cluster.local\n"),
    ],
)
def test_pipelines_as_people_type_them(script: str, out: str) -> None:
    """Teaches: a container is looked into with the tools that are in it."""
    assert run(script)[0] == out


@pytest.mark.parametrize(
    ("image", "script", "out"),
    [
        ("redis:8", "redis-cli ping; redis-cli set k v; redis-cli get k; redis-cli incr n", "PONG\nOK\nv\n1\n"),
        ("postgres:18", "pg_isready", "/var/run/postgresql:5432 - accepting connections\n"),
        ("mysql:9", "mysqladmin ping; mysql -uroot -e 'select 1'", "mysqld is alive\n1\n1\n"),
        ("python:3.14", "python -c \"print('hi')\"", "hi\n"),
        ("example.com/unheard-of", "node --version", "v24.11.0\n"),
    ],
)
def test_clients_come_with_their_images(image: str, script: str, out: str) -> None:
    """Teaches: `kubectl exec deploy/redis -- redis-cli ping`."""
    assert run(script, image)[0] == out


def test_a_client_is_not_in_another_image() -> None:
    """Teaches: redis-cli is not part of nginx."""
    assert run("redis-cli ping", "nginx:1.29") == ("", "sh: redis-cli: not found\n", 127)
    assert "nginx" in apps_of("nginx:1.29")


def test_redis_keeps_what_was_set() -> None:
    """Teaches: what a container has written is there until it ends."""
    files = Files()
    run("redis-cli set visits 41", "redis:8", files)
    assert run("redis-cli incr visits; redis-cli keys '*'", "redis:8", files)[0] == "42\nvisits\n"


@pytest.mark.parametrize(
    ("script", "numbers"),
    [("kill 1", [15]), ("kill -9 1", [9]), ("kill -s HUP 1", [1]), ("killall nginx", [15]), ("kill 99", [])],
)
def test_kill_sends_signals_to_process_1(script: str, numbers: list[int]) -> None:
    """Teaches: inside of a container the program is process 1."""
    program = Interpreter(Surroundings(main_command="nginx"), Files(), lambda: 0).command(["sh", "-c", script])
    assert [effect.number for effect in program if isinstance(effect, Signal)] == numbers


@pytest.mark.parametrize(
    ("image", "command", "script", "ends"),
    [
        ("nginx:1.29", (), "kill 1", True),
        ("nginx:1.29", (), "kill -9 1", False),
        ("busybox:1.36", ("sleep", "1000"), "kill 1", False),
    ],
)
async def test_only_a_program_that_listens_is_ended_from_inside(
    sim: Simulation, image: str, command: tuple[str, ...], script: str, ends: bool
) -> None:
    """Teaches: `kubectl exec POD -- kill 1` restarts nginx; a sleep, and SIGKILL from within, is ignored."""
    made = Containerd(sim, "node-1", EXACT, pod_cidr="10.244.1.0/24", present_images=[image])
    sandbox = await made.run_pod_sandbox(SandboxConfig("uid-1", "default", "web"))
    container = await made.create_container(sandbox, Container(name="c", image=image, command=command), 0)
    await made.start_container(container)
    await type_in(made, container, script)
    assert (container.state is ContainerState.EXITED) is ends


async def type_in(made: Containerd, container: Started, script: str) -> None:
    import asyncio

    _, ours = session_pair(None)
    terminal = Terminal(ours, stdin=False, tty=False, on_signal=lambda number: made.signal(container, number))
    around = Surroundings(image=container.image)
    await terminal.run(made.insides(container).program(["sh", "-c", script], around, tty=False))
    await asyncio.sleep(1)
