"""Faults as commands: what each driver can do, and that the programs would take what we say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kubesim.client.kubeconfig import Access
from kubesim.realcluster.drivers import CommandFailedError, Operation, choose, operations, undo_of
from kubesim.realcluster.drivers.driver import KUBELET, LINK, NODE, run_command
from kubesim.realcluster.errors import RealClusterError
from kubesim.scenario.schema import Fault
from kubesim.sim import Simulation
from kubesim.sim.wall import run_in_wall_time

Asked = Callable[[], list[str]]


def access(context: str, **fields: str) -> Access:
    return Access(context, "c", "u", "https://127.0.0.1:1", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"crash": "node-2"}, [Operation(NODE, "crash", "node-2")]),
        ({"stop": "kubelet/node-2"}, [Operation(KUBELET, "stop", "node-2")]),
        ({"partition": ("node-2", "control-plane")}, [Operation(LINK, "partition", "node-2")]),
        ({"repair": ("apiserver", "kubelet/node-2")}, [Operation(LINK, "repair", "node-2")]),
        ({"partition": ("node-1", "node-2")}, None),
        ({"partition": ("node-1", "control-plane"), "oneWay": True}, None),
        ({"crash": "scheduler"}, None),
        ({"crash": "control-plane"}, None),
        ({"skew": "node-1", "seconds": 5}, None),
        ({"slow": ("node-1", "control-plane"), "latency": "1s"}, None),
    ],
)
def test_a_fault_means_something_for_a_node_or_it_cannot_be_made(
    fault: dict[str, object], expected: list[Operation] | None
) -> None:
    """Teaches: a real machine can be switched off, frozen and cut off; its clock and its links are its own."""
    assert operations(Fault.model_validate(fault)) == expected


def test_what_was_broken_and_not_mended_is_undone_last_first() -> None:
    """Teaches: a run that mends what it broke leaves nothing to do."""
    crash, restart = Operation(NODE, "crash", "a"), Operation(NODE, "restart", "a")
    assert undo_of([crash, restart]) == []
    pause, partition = Operation(NODE, "pause", "b"), Operation(LINK, "partition", "c")
    assert undo_of([crash, pause, partition, crash]) == [
        Operation(LINK, "repair", "c"), Operation(NODE, "resume", "b"), restart,
    ]  # fmt: skip


EXPECTED = {
    "minikube": {
        (NODE, "crash"): "minikube node stop m02 -p minikube",
        (NODE, "stop"): "minikube node stop m02 -p minikube",
        (NODE, "restart"): "minikube node start m02 -p minikube",
        (NODE, "add"): "minikube node add -p minikube",
        (NODE, "delete"): "minikube node delete m02 -p minikube",
        (NODE, "pause"): "docker pause m02",
        (NODE, "resume"): "docker unpause m02",
        (KUBELET, "crash"): "minikube ssh -p minikube -n m02 -- sudo systemctl stop kubelet",
        (KUBELET, "stop"): "minikube ssh -p minikube -n m02 -- sudo systemctl stop kubelet",
        (KUBELET, "restart"): "minikube ssh -p minikube -n m02 -- sudo systemctl start kubelet",
    },
    "kind-lab": {
        (NODE, "crash"): "docker stop --time 0 m02",
        (NODE, "stop"): "docker stop m02",
        (NODE, "restart"): "docker start m02",
        (NODE, "pause"): "docker pause m02",
        (NODE, "resume"): "docker unpause m02",
        (LINK, "partition"): "docker network disconnect kind m02",
        (LINK, "repair"): "docker network connect kind m02",
    },
    "k3d-lab": {
        (LINK, "partition"): "docker network disconnect k3d-lab m02",
        (LINK, "repair"): "docker network connect k3d-lab m02",
    },
}


@pytest.mark.parametrize("context", list(EXPECTED))
def test_every_command_of_a_driver_is_one_that_its_program_documents(context: str, stand_ins: Asked) -> None:
    """Teaches: the stand-ins refuse every verb and flag that is not in the documentation."""
    driver = choose("auto", access(context))
    expected = EXPECTED[context]
    if not context.startswith("k3d"):
        assert list(driver.templates) == list(expected)

    async def main(_: Simulation) -> None:
        for what, verb in expected:
            for command in driver.commands(Operation(what, verb, "node-2"), "m02") or ():
                await run_command(command)

    run_in_wall_time(main)
    assert stand_ins() == list(expected.values())


def test_a_program_that_refuses_or_is_not_there_is_quoted(stand_ins: Asked) -> None:
    """Teaches: the message holds the command, its code and its words."""

    async def main(_: Simulation) -> None:
        with pytest.raises(CommandFailedError, match=r"^`docker kill m02` failed with exit code 64: unknown command"):
            await run_command(["docker", "kill", "m02"])
        with pytest.raises(
            CommandFailedError, match=r"^`vagrant halt m02` cannot be run \(No such file or directory\)"
        ):
            await run_command(["vagrant", "halt", "m02"])

    run_in_wall_time(main)


def test_the_driver_goes_by_the_context_unless_told() -> None:
    """Teaches: docker-desktop has one node, which nobody can switch off."""
    assert choose("auto", access("minikube")).name == "minikube"
    assert choose("kind", access("mine")).fields == {"network": "kind"}
    assert choose("auto", access("docker-desktop")).name == "none"
    assert choose("auto", access("allowed-by-name")).name == "none"
    ours = choose("auto", access("demo", profile="/state/kubesim/demo"))
    (command,) = ours.commands(Operation(NODE, "crash", "node-2"), "node-2") or ()
    assert " ".join(command[1:]) == "-m kubesim.cli.main node stop node-2 -p demo --data-dir /state/kubesim"
    with pytest.raises(RealClusterError, match=r"was not made by `kubesim start`"):
        choose("kubesim", access("minikube"))
    with pytest.raises(RealClusterError, match=r'^there is no driver "vagrant"; there is auto, minikube, kind, k3d'):
        choose("vagrant", access("minikube"))


def test_commands_from_a_file_drive_any_cluster(tmp_path: Path) -> None:
    """Teaches: words with blanks stay words, whatever the node is called."""
    file = tmp_path / "driver.yaml"
    file.write_text(
        "node:\n  crash: ssh root@{node} 'echo o > /proc/sysrq-trigger'\n"
        "  restart:\n  - ipmi {node} on\n  - sleep 1\nlink:\n  partition: cut {node} {context}\n"
    )
    driver = choose(f"exec:{file}", access("lab"))
    assert driver.commands(Operation(NODE, "crash", "node-1"), "w 1") == [
        ["ssh", "root@w 1", "echo o > /proc/sysrq-trigger"]
    ]
    assert driver.commands(Operation(NODE, "restart", "node-1"), "w1") == [["ipmi", "w1", "on"], ["sleep", "1"]]
    assert driver.commands(Operation(LINK, "partition", "node-1"), "w1") == [["cut", "w1", "lab"]]
    assert driver.commands(Operation(NODE, "pause", "node-1"), "w1") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no driver file"),
        ("a: [", "line 2 is not valid YAML"),
        ("nodes: {}", '"nodes" is unknown; a driver file has node, kubelet, link'),
        ("node: {explode: x}", 'node has no verb "explode"; there is crash, stop'),
        ("node: {crash: 5}", "node.crash: a command is a text"),
        ("node: {crash: 'a {nodes}'}", r"cannot be used \(KeyError\('nodes'\)\); it may name \{node\}, \{context\}"),
        ('node: {crash: "a \'b"}', "No closing quotation"),
    ],
)
def test_a_driver_file_that_is_no_good_is_refused(text: str, words: str, tmp_path: Path) -> None:
    """Teaches: before a run, not in its middle."""
    file = tmp_path / "driver.yaml"
    file.write_text(text + "\n")
    with pytest.raises(RealClusterError, match=words):
        choose(f"exec:{file}", access("lab"))
    with pytest.raises(RealClusterError, match=r"cannot be read \(No such file or directory\)"):
        choose("exec:/no/file", access("lab"))
