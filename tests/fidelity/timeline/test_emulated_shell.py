"""The little shell that plays recorded steps: what it knows, and that it says so when it does not know."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, NODES, PODS
from kubesim.client.kubectl.command import KubectlError
from kubesim.cluster import SimCluster
from kubesim.fidelity.timeline.emulated_shell import Shell, ShellError, commands, flag, without_namespace

HOLLOW = pytest.mark.cluster(nodes=1, behavior="hollow")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a; b", ["a", "b"]),
        ("a\nb;", ["a", "b"]),
        ("a 'x;y' \"z;\"; b", ["a 'x;y' \"z;\"", "b"]),
        ("p=($(a; b)); c", ["p=($(a; b))", "c"]),
        ("", []),
    ],
)
def test_a_line_is_split_as_a_shell_would(line: str, expected: list[str]) -> None:
    """Teaches: quotes and brackets hold a command together."""
    assert list(commands(line)) == expected


def test_flags_come_in_two_forms() -> None:
    """Teaches: --flag=value and --flag value are the same."""
    assert flag(["get", "-l", "a=b", "--field-selector=c"], "-l") == "a=b"
    assert flag(["get", "--field-selector=c"], "--field-selector") == "c"
    assert flag(["get"], "-l") == ""
    assert without_namespace(["-n", "other", "get", "pods"]) == ["get", "pods"]


async def three_pods(cluster: SimCluster) -> Shell:
    shell = Shell(cluster.kubectl)
    for name in ("a", "b", "c"):
        await shell.run(f"$KUBECTL run {name} --image=nginx --labels=app=x")
    await cluster.settle()
    return shell


@HOLLOW
async def test_names_that_a_command_prints_can_be_used_in_another(cluster: SimCluster) -> None:
    """Teaches: head and tail pick the first and the last by name."""
    shell = await three_pods(cluster)
    await shell.run("$KUBECTL delete $($KUBECTL get pods -l app=x -o name --sort-by=.metadata.name | head -1)")
    await shell.run("$KUBECTL label $($KUBECTL get pods -o name | tail -1) last=yes")
    await asyncio.sleep(1)
    assert {pod.name: pod.object["metadata"]["labels"].get("last") for pod in cluster.all(PODS)} == {
        "b": None,
        "c": "yes",
    }


@HOLLOW
async def test_arrays_hold_names(cluster: SimCluster) -> None:
    """Teaches: an array is made from what a command prints and lives from line to line."""
    shell = await three_pods(cluster)
    await shell.run("p=($($KUBECTL get pods -o name --sort-by=.metadata.name)); $KUBECTL annotate ${p[1]} cost=5")
    await shell.run("$KUBECTL annotate ${p[2]} cost=7")
    await asyncio.sleep(1)
    costs = [(pod.object["metadata"].get("annotations") or {}).get("cost") for pod in cluster.all(PODS)]
    assert costs == [None, "5", "7"]


@HOLLOW
async def test_a_script_is_a_loop_over_names(cluster: SimCluster, tmp_path: Path) -> None:
    """Teaches: `bash gate.sh True NAMES` patches each of them."""
    script = 'for p in $2; do $KUBECTL patch $p -p \'{"metadata":{"labels":{"gate":"\'$1\'"}}}\'; done\n'
    (tmp_path / "gate.sh").write_text(script)
    cluster.kubectl.folder = tmp_path
    shell = await three_pods(cluster)
    await shell.run('bash gate.sh True "$($KUBECTL get pods -o name)"')
    await asyncio.sleep(1)
    assert [pod.object["metadata"]["labels"].get("gate") for pod in cluster.all(PODS)] == ["True"] * 3


@HOLLOW
async def test_what_only_looks_is_left_out_and_a_refusal_is_no_reason_to_stop(cluster: SimCluster) -> None:
    """Teaches: a shell goes on with the next command."""
    shell = Shell(cluster.kubectl)
    line = "$KUBECTL get pods -o wide; $KUBECTL delete pod nobody; true; $KUBECTL rollout history deployment/x"
    await shell.run(f"{line}; $KUBECTL -n default create configmap late --from-literal=a=b")
    stored = await cluster.client.get(CONFIG_MAPS, "late", "default")
    assert stored.object["data"] == {"a": "b"}


@HOLLOW
async def test_set_resources_changes_the_template(cluster: SimCluster) -> None:
    """Teaches: every container of the template asks for it."""
    shell = Shell(cluster.kubectl)
    await shell.run(
        "$KUBECTL create deployment web --image=nginx; $KUBECTL set resources deployment/web --requests=cpu=5"
    )
    stored = await cluster.client.get(DEPLOYMENTS, "web", "default")
    assert stored.object["spec"]["template"]["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "5"}}


@HOLLOW
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("echo hello", "a shell command that is not known here: echo hello"),
        ("$KUBECTL delete $(cat n)", "a command whose output is not known here: cat n"),
        ("$KUBECTL delete $($KUBECTL get pods -o name | wc)", "a filter that is not known here: wc"),
    ],
)
async def test_what_is_not_known_is_an_error(cluster: SimCluster, line: str, words: str) -> None:
    """Teaches: a recording that cannot be played says why, instead of differing somewhere."""
    with pytest.raises(ShellError, match=words):
        await Shell(cluster.kubectl).run(line)


@HOLLOW
async def test_a_kubectl_command_that_is_not_known_is_an_error_too(cluster: SimCluster) -> None:
    """Teaches: only what the apiserver refuses is passed over."""
    with pytest.raises(KubectlError):
        await Shell(cluster.kubectl).run("$KUBECTL dance")


@HOLLOW
async def test_a_file_keeps_a_name_for_later_commands(cluster: SimCluster, tmp_path: Path) -> None:
    """Teaches: `> n` and `$(cat n)`, as the scenario of a drained node uses them."""
    cluster.kubectl.folder = tmp_path
    shell = Shell(cluster.kubectl)
    await shell.run("$KUBECTL get nodes -o jsonpath='{.items[0].metadata.name}' > n; $KUBECTL cordon $(cat n)")
    assert (await cluster.client.get(NODES, "node-1")).object["spec"]["unschedulable"] is True
