"""A cluster of somebody else under the names of a scenario, and the guard in front of it."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError
from kubesim.api.resources import EVENTS, LEASES, NAMESPACES, NODES, PODS, PRIORITY_CLASSES
from kubesim.api.stored import Stored
from kubesim.api.wire import Options, Request, Response
from kubesim.client.client import Client
from kubesim.realcluster.renaming import RenamedTransport, Renaming, node_map

NODES_OF = {"node-1": "minikube", "node-2": "minikube-m02"}
OURS = "kubesim-x-abc12"


class Echo:
    """A transport that keeps what it is asked, and answers with an object of the cluster's."""

    def __init__(self, obj: dict[str, Any] | None = None) -> None:
        self.asked: list[Request] = []
        self.obj = obj or {"metadata": {"name": "made", "namespace": OURS}}

    async def request(self, request: Request) -> Response:
        self.asked.append(request)
        stored = Stored(7, self.obj)
        return Response(items=[stored]) if request.verb == "list" else Response(stored=stored)

    async def watch(self, request: Request) -> Any:
        raise AssertionError

    async def connect(self, request: Request) -> Any:
        raise AssertionError


def client_of(echo: Echo, *, may_disrupt: bool = False, namespace: str = OURS) -> Client:
    return Client(RenamedTransport(echo, NODES_OF, namespace, "x-abc12", may_disrupt=may_disrupt), "tester")


def test_whole_words_are_renamed_in_one_go() -> None:
    """Teaches: minikube is also the beginning of minikube-m02, and node-1 that of node-10."""
    there = Renaming({"node-1": "node-2", "node-2": "node-1"})
    assert there.text("node-1, node-2 and node-10 (kubelet/node-1).") == "node-2, node-1 and node-10 (kubelet/node-2)."
    back = Renaming({"minikube": "node-1", "minikube-m02": "node-2"})
    assert back.text("minikube-m02 minikube k8s-minikube") == "node-2 node-1 k8s-minikube"
    same = {"a": 1}
    assert Renaming({}).json(same) is same


async def test_the_scenario_s_default_is_the_run_s_own_namespace() -> None:
    """Teaches: names are translated on the way out, in paths, selectors and bodies, and back in everything."""
    about = {"name": "e", "namespace": OURS}
    echo = Echo({"metadata": about, "message": f"Successfully assigned {OURS}/web to minikube-m02"})
    client = client_of(echo)
    body = {"metadata": {"namespace": "default"}, "spec": {"nodeName": "node-2", "serviceAccountName": "default"}}
    made = await client.create(PODS, body, "default")
    assert made.object["metadata"]["namespace"] == "default"
    assert made.object["message"] == "Successfully assigned default/web to node-2"
    (asked,) = echo.asked
    assert asked.namespace == OURS
    assert asked.body == {
        "metadata": {"namespace": OURS}, "spec": {"nodeName": "minikube-m02", "serviceAccountName": "default"},
    }  # fmt: skip


async def test_a_scenario_sees_its_namespace_the_nodes_and_their_leases() -> None:
    """Teaches: nothing of anybody else is looked at."""
    echo = Echo()
    client = client_of(echo)
    await client.list(PODS, options=Options(field_selector="spec.nodeName=node-2"))
    await client.list(LEASES)
    await client.list(NAMESPACES)
    await client.get(NODES, "node-2")
    await client.list(EVENTS, "kube-node-lease")
    assert [(each.namespace, each.name, each.options.field_selector) for each in echo.asked] == [
        (OURS, "", "spec.nodeName=minikube-m02"),
        ("kube-node-lease", "", ""),
        ("", "", f"metadata.name={OURS}"),
        ("", "minikube-m02", ""),
        ("kube-node-lease", "", ""),
    ]


async def test_nothing_is_written_elsewhere() -> None:
    """Teaches: the guard stands in the transport, so it guards against every mistake above it."""
    echo = Echo()
    client = client_of(echo)
    with pytest.raises(ForbiddenError, match='not to "kube-system"'):
        await client.delete(PODS, "a", "kube-system")
    with pytest.raises(ForbiddenError, match="what concerns the whole cluster needs --allow-disruption"):
        await client.merge_patch(NODES, "node-1", {"spec": {"unschedulable": True}})
    with pytest.raises(ForbiddenError, match="this only looks on"):
        await client_of(echo, namespace="").create(PODS, {"metadata": {}}, "default")
    assert not echo.asked


async def test_what_lies_in_no_namespace_is_labelled_when_it_may_be_made() -> None:
    """Teaches: by the label it is found again, and removed."""
    echo = Echo()
    await client_of(echo, may_disrupt=True).create(PRIORITY_CLASSES, {"metadata": {"name": "high"}})
    assert echo.asked[0].body["metadata"] == {"name": "high", "labels": {"kubesim.dev/run": "x-abc12"}}


def node(name: str, *, control_plane: bool = False) -> dict[str, Any]:
    labels = {"node-role.kubernetes.io/control-plane": ""} if control_plane else {}
    return {"metadata": {"name": name, "labels": labels}}


def test_workers_play_the_scenario_s_nodes_first() -> None:
    """Teaches: a scenario that kills node-1 had better not kill the control plane."""
    nodes = [node("kind-control-plane", control_plane=True), node("kind-worker2"), node("kind-worker")]
    assert node_map(["node-1", "node-2", "node-3"], nodes) == {
        "node-1": "kind-worker", "node-2": "kind-worker2", "node-3": "kind-control-plane",
    }  # fmt: skip
    assert node_map(["node-1", "node-2"], [node("node-2"), node("node-1"), node("a")]) == {
        "node-1": "node-1", "node-2": "node-2",
    }  # fmt: skip
    assert node_map(["node-1", "node-2"], [node("only")]) == {"node-1": "only"}
