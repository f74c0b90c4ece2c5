"""What must be undone, and how a node becomes what it was."""

from __future__ import annotations

import os
import socket
from typing import Any

from kubesim.api.stored import Stored
from kubesim.client.kubeconfig import Access
from kubesim.realcluster.cleaning import by_hand, is_abandoned
from kubesim.realcluster.drivers import choose
from kubesim.realcluster.journal import NodeBefore, Undo, node_before, read_undo, repair_patch

OURS = {"key": "dedicated", "value": "x", "effect": "NoSchedule"}
THEIRS = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}


def node(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "n", "labels": spec.pop("labels", {})}, "spec": spec}


def test_a_node_becomes_what_it_was_and_no_more() -> None:
    """Teaches: taints of the control plane come and go by themselves, and are left to it."""
    before = node_before(node(labels={"a": "1", "b": "2"}, taints=[THEIRS]))
    assert before == NodeBefore(labels={"a": "1", "b": "2"})
    assert repair_patch(node(labels={"a": "1", "b": "2"}), before) == {}
    changed = node(labels={"a": "9", "c": "3"}, unschedulable=True, taints=[THEIRS, OURS])
    assert repair_patch(changed, before) == {
        "spec": {"unschedulable": None, "taints": [THEIRS]},
        "metadata": {"labels": {"a": "1", "b": "2", "c": None}},
    }
    cordoned = NodeBefore(unschedulable=True, taints=[OURS])
    assert repair_patch(node(), cordoned) == {"spec": {"unschedulable": True, "taints": [OURS]}}


def namespace(**annotations: str) -> dict[str, Any]:
    return {"metadata": {"name": "kubesim-x", "annotations": annotations}}


def test_a_journal_that_cannot_be_read_undoes_nothing() -> None:
    """Teaches: somebody may have written over it; the namespace is still removed."""
    assert read_undo(namespace()) == Undo()
    assert read_undo(namespace(**{"kubesim.dev/undo": "{"})) == Undo()
    assert read_undo(namespace(**{"kubesim.dev/undo": '{"operations":[["node","crash","m02"]]}'})).operations == [
        ("node", "crash", "m02")
    ]


def test_only_runs_whose_process_is_gone_from_this_machine_are_left_over() -> None:
    """Teaches: a run on another machine may still be going."""

    def left(owner: str) -> bool:
        return is_abandoned(Stored(1, namespace(**{"kubesim.dev/owner": owner})))

    here = socket.gethostname()
    assert left(f"{here}/2147483646")
    assert not left(f"{here}/{os.getpid()}")
    assert not left("another-machine/2147483646")
    assert not left("")


def test_the_commands_by_hand_are_the_exact_ones() -> None:
    """Teaches: when the cluster is gone, a person does it later."""
    access = Access("minikube", "c", "u", "https://127.0.0.1:1")
    undo = Undo(
        operations=[("node", "crash", "m02"), ("node", "pause", "m03")],
        nodes={"m04": NodeBefore(), "m05": NodeBefore(unschedulable=True)},
        made=[("scheduling.k8s.io/v1", "priorityclasses", "high")],
    )
    assert by_hand(access, choose("auto", access), "kubesim-x", undo) == [
        "docker unpause m03",
        "minikube node start m02 -p minikube",
        "kubectl --context minikube uncordon m04",
        "kubectl --context minikube delete priorityclasses high",
        "kubectl --context minikube delete namespace kubesim-x",
    ]
