"""`kubesim import`: what it prints and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Call

CLUSTER = """\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: n-1}, status: {capacity: {cpu: "2", memory: 4Gi, pods: "10"}}}
- apiVersion: v1
  kind: Pod
  metadata: {name: hello, namespace: default}
  spec: {nodeName: n-1, containers: [{name: c, image: busybox}]}
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.yaml"
    path.write_text(CLUSTER)
    return path


def test_files_become_a_scenario_that_runs(call: Call, cluster: Path, tmp_path: Path) -> None:
    """Teaches: what was taken over, and where it is."""
    done = call("import", str(cluster), "-o", str(tmp_path / "mine"))
    assert done.code == 0
    assert (
        done.out.splitlines()
        == [
            f"{tmp_path}/mine/scenario.yaml: 1 nodes; 1 in 30-pods.yaml",
            "  n-1 was not ready; it is imported as a machine that runs",
        ][:1]
    )
    assert call("run", str(tmp_path / "mine"), "--quiet").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name files, or a live cluster with --context"),
        (["cluster.yaml"], "say where the scenario goes with -o FOLDER"),
        (["cluster.yaml", "--context", "x", "-o", "y"], "name files, or a live cluster"),
        (["cluster.yaml", "-o", "y", "-p", "x"], "-p goes with --start"),
        (["nowhere.yaml", "-o", "y"], "nowhere.yaml cannot be read (No such file or directory)"),
        (["cluster.yaml", "-o", "cluster.yaml/x"], "cannot be written"),
        (["--context", "nowhere", "--kubeconfig", "none", "-o", "y"], "none"),
    ],
)
def test_bad_input_ends_with_two(
    call: Call, cluster: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    """Teaches: in one sentence, before anything is written."""
    monkeypatch.chdir(cluster.parent)
    done = call("import", *arguments)
    assert done.code == 2
    assert words in done.err
    assert not (cluster.parent / "y").exists()


def test_what_is_there_is_not_written_over(call: Call, cluster: Path, tmp_path: Path) -> None:
    """Teaches: a folder that somebody may have changed stays as it is."""
    assert call("import", str(cluster), "-o", str(tmp_path / "mine")).code == 0
    done = call("import", str(cluster), "-o", str(tmp_path / "mine"))
    assert done.code == 2
    assert "holds a scenario already; name another folder" in done.err


def test_an_object_that_cannot_be_created_is_said_with_its_place(call: Call, cluster: Path, tmp_path: Path) -> None:
    """Teaches: what was written is checked before anybody runs it."""
    cluster.write_text(CLUSTER.replace("containers: [{name: c, image: busybox}]", "containers: 7"))
    done = call("import", str(cluster), "-o", str(tmp_path / "mine"))
    assert done.code == 2
    assert "Pod/default/hello is not as Kubernetes has it" in done.err
