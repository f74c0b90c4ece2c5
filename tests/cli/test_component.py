"""`kubesim component`: what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Call

KUBECONFIG = """\
current-context: main
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts: [{name: main, context: {cluster: c, user: u}}]
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return str(path)


def test_a_cluster_that_is_not_there_is_said_in_one_sentence(call: Call, file: str) -> None:
    """Teaches: exit code 2 for what cannot be reached."""
    code, _, err = call("component", "scheduler", "--kubeconfig", file)
    assert code == 2
    assert err == (
        'Error: the cluster of context "main" (https://127.0.0.1:1) cannot be reached: '
        "dial 127.0.0.1:1: connect: connection refused\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("scheduler", "--context", "other"), 'there is no context "other" in '),
        (("scheduler", "--config", "/no/file"), "/no/file"),
        (("controller-manager", "--controllers", "x"), '"x" is not in the list of known controllers: '),
        (("controller-manager", "--root-ca-file", "/no/ca"), "/no/ca cannot be read (No such file or directory)"),
        (("controller-manager", "--service-account-private-key-file", "/no/key"), "/no/key holds no RSA private key"),
        (("kubelet", "--node-labels", "a"), '--node-labels: "a" has no value; write KEY=VALUE'),
        (("kubelet", "--register-with-taints", "a"), '"a" is no taint; write key=value:effect'),
    ],
)
def test_bad_options_are_refused(arguments: tuple[str, ...], words: str, call: Call, file: str) -> None:
    """Teaches: what is wrong is said before anything starts."""
    code, _, err = call("component", *arguments, "--kubeconfig", file)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


def test_a_kubeconfig_that_is_not_there_is_refused(call: Call) -> None:
    """Teaches: the file is named."""
    code, _, err = call("component", "kubelet", "--kubeconfig", "/no/kubeconfig")
    assert (code, err) == (2, "Error: the kubeconfig /no/kubeconfig does not exist\n")


def test_machines_without_kubelets_are_none(call: Call, tmp_path: Path) -> None:
    """Teaches: a node is what its kubelet registers."""
    code, _, err = call("start", "--data-dir", str(tmp_path), "--without", "kubelet", "--nodes", "2")
    assert (code, err) == (2, "Error: without kubelet there are no machines; leave out --nodes\n")
