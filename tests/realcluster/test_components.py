"""Our components on an apiserver behind HTTP: composition, options, and what is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError, NotFoundError
from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, ENDPOINT_SLICES, LEASES, PODS, SERVICES
from kubesim.api.stored import Stored
from kubesim.api.wire import ClientCertificate, Options, Request, Response
from kubesim.apiserver import ApiServer
from kubesim.apiserver.http import HttpFront
from kubesim.client.client import Client
from kubesim.client.http import HttpTransport
from kubesim.client.kubeconfig import Access
from kubesim.controllers.manager import ALL_CONTROLLERS
from kubesim.etcd import Member
from kubesim.kubelet import NodeConfig
from kubesim.proxy import ProxyConfig
from kubesim.realcluster import components
from kubesim.realcluster.connecting import ServerVersion, greet, skew_warning, version_of
from kubesim.realcluster.errors import RealClusterError
from kubesim.realcluster.told import ToldTransport
from kubesim.sim import Simulation, Tasks
from kubesim.sim.wall import run_in_wall_time

ADMIN = ClientCertificate("kubernetes-admin", ("system:masters",))
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx"}], "terminationGracePeriodSeconds": 0},
        },
    },
}


@pytest.fixture
def served() -> Callable[[Callable[[Simulation, HttpTransport], Coroutine[Any, Any, None]]], None]:
    """Runs a test with a transport to an apiserver that has no other component."""

    def play(test: Callable[[Simulation, HttpTransport], Coroutine[Any, Any, None]]) -> None:
        async def main(sim: Simulation) -> None:
            server = ApiServer(sim, Member(sim))
            await server.start()
            front = HttpFront(server, credentials=lambda _: ADMIN)
            transport = HttpTransport(Access("main", "c", "u", f"http://127.0.0.1:{await front.start()}"))
            try:
                await test(sim, transport)
            finally:
                await transport.close()
                await front.stop()
                await server.stop()

        run_in_wall_time(main)

    return play


def test_scheduler_controllers_and_kubelet_make_a_deployment_run_over_http(served: Any) -> None:
    """Teaches: the components know the cluster only through a client, so it may be anybody's cluster."""
    told: list[str] = []

    async def test(sim: Simulation, transport: HttpTransport) -> None:
        watched = ToldTransport(transport, lambda event, **fields: told.append(f"{event} {fields['object']}"))
        client = Client(transport, "tester")
        node = components.Node(sim, watched, NodeConfig("node-1"), "hollow")
        manager = components.controller_manager(
            sim, watched, components.chosen_controllers("*", signs_tokens=False),
            trust=components.trust_without_key("CA"), leader_elect=False, host="here",
        )  # fmt: skip
        scheduler = components.scheduler(sim, watched, None, leader_elect=False, host="here")
        stream = await client.watch(PODS, "default", Options(resource_version="0"))
        async with Tasks("test") as tasks:
            tasks.spawn(node.runtime.run(), "runtime")
            for name, run in (
                ("kubelet", node.run_kubelet),
                ("manager", manager().run),
                ("scheduler", scheduler().run),
            ):
                tasks.spawn(run(), name)
            await client.create(DEPLOYMENTS, DEPLOYMENT)
            running: set[str] = set()
            while len(running) < 3:
                for event in await stream.next():
                    if event.stored.object["status"]["phase"] == "Running":
                        running.add(event.stored.name)
            authority = await client.get(CONFIG_MAPS, "kube-root-ca.crt", "default")
            assert authority.object["data"] == {"ca.crt": "CA"}
            await node.shutdown()

    served(test)
    assert "wrote deployments.apps/default/web/status" in told
    assert sum(line.endswith("/binding") for line in told) == 3
    assert not [line for line in told if "leases" in line or "events" in line]


def test_kube_proxy_writes_its_rules_over_http(served: Any, tmp_path: Path) -> None:
    """Teaches: from a Service and its endpoints kube-proxy makes rules, whoever serves them."""
    told: list[dict[str, Any]] = []
    about = {"name": "web", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}}
    port = {"name": "", "port": 80, "protocol": "TCP"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": {"ports": [port]}}
    endpoint = {"addresses": ["10.244.1.5"], "conditions": {"ready": True}}
    slice_ = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": about, "addressType": "IPv4",
              "endpoints": [endpoint], "ports": [port]}  # fmt: skip

    async def test(sim: Simulation, transport: HttpTransport) -> None:
        node = NodeConfig("node-1")
        sim.add_host(node.name, node.internal_ip())
        changed = asyncio.Event()

        def tell(_: str, **fields: Any) -> None:
            told.append(fields)
            if len(told) > 1:
                changed.set()

        config = ProxyConfig(mode="nftables", min_sync_seconds=0.1)
        proxy = components.Proxy(sim, transport, node, config, tell, tmp_path / "rules")
        client = Client(transport, "tester")
        async with Tasks("test") as tasks:
            tasks.spawn(proxy.run(), "proxy")
            await client.create(SERVICES, service)
            await client.create(ENDPOINT_SLICES, slice_)
            while "10.244.1.5" not in (tmp_path / "rules").read_text() if (tmp_path / "rules").exists() else True:
                changed.clear()
                await changed.wait()

    served(test)
    assert told[0]["node"] == "node-1"


def test_controllers_are_chosen_as_kube_controller_manager_s_flag_says() -> None:
    """Teaches: `*` is all, a name enables, a minus disables; old names still work."""
    chosen = components.chosen_controllers
    assert [kind.name for kind in chosen("deployment,replicaset-controller", signs_tokens=True)] == [
        "deployment-controller", "replicaset-controller",
    ]  # fmt: skip
    names = [kind.name for kind in chosen("*,-nodelifecycle", signs_tokens=True)]
    assert len(names) == len(ALL_CONTROLLERS) - 1
    assert "node-lifecycle-controller" not in names
    assert "serviceaccount-token-controller" not in [kind.name for kind in chosen("*", signs_tokens=False)]
    with pytest.raises(RealClusterError, match=r'^"nonsense" is not in the list of known controllers: '):
        chosen("*,-nonsense", signs_tokens=True)


def test_without_an_authority_nobody_publishes_one() -> None:
    """Teaches: an empty ca.crt in every namespace would be worse than none."""
    names = [kind.name for kind in components.chosen_controllers("*", signs_tokens=True, knows_authority=False)]
    assert "root-ca-certificate-publisher-controller" not in names


@pytest.mark.parametrize(("kernel", "refused"), [("6.8.0-kubesim", False), ("6.1.0-18-amd64", True)])
async def test_a_simulated_kubelet_does_not_speak_for_a_real_machine(kernel: str, refused: bool) -> None:
    """Teaches: two kubelets of one name would fight, and the real one's Pods would lose."""
    node = {"metadata": {"name": "n"}, "status": {"nodeInfo": {"kernelVersion": kernel}}}
    client = Client(Answering(node), "t")
    if not refused:
        await components.refuse_real_nodes(client, ["n"])
        return
    with pytest.raises(RealClusterError, match=r'^"n" is a node that somebody else runs \(kernel 6.1.0-18-amd64\)'):
        await components.refuse_real_nodes(client, ["n"])


def test_every_other_name_of_a_controller_means_one() -> None:
    """Teaches: a table of names must not name what is not there."""
    names = {kind.name for kind in ALL_CONTROLLERS}
    assert set(components.ALIASES.values()) <= names


def test_taints_are_read_as_a_kubelet_s_flag() -> None:
    """Teaches: key=value:effect, the value may be missing."""
    assert components.taint_of("a/b=c:NoSchedule") == {"key": "a/b", "value": "c", "effect": "NoSchedule"}
    assert components.taint_of("a:NoExecute") == {"key": "a", "effect": "NoExecute"}
    with pytest.raises(RealClusterError, match=r'^"a=b" is no taint; '):
        components.taint_of("a=b")


class Answering:
    """A transport that knows one object."""

    def __init__(self, obj: dict[str, Any]) -> None:
        self.obj = obj

    async def request(self, request: Request) -> Response:
        return Response(stored=Stored(1, self.obj))

    async def watch(self, request: Request) -> Any:
        raise AssertionError

    async def connect(self, request: Request) -> Any:
        raise AssertionError


class Refusing:
    """A transport that raises what it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def request(self, request: Request) -> Response:
        if self.error is not None:
            raise self.error
        return Response(stored=Stored(1, {"metadata": {"name": request.name or "made"}}))

    async def watch(self, request: Request) -> Any:
        assert self.error is not None
        raise self.error

    async def connect(self, request: Request) -> Any:
        raise AssertionError


async def test_a_kind_that_is_not_served_has_no_objects() -> None:
    """Teaches: on an older cluster nobody must wait for a list that never comes."""
    client = Client(
        ToldTransport(Refusing(NotFoundError("the server could not find the requested resource")), print), "t"
    )
    assert not (await client.list(PODS)).items
    with pytest.raises(NotFoundError):
        await client.get(PODS, "a", "b")


async def test_what_is_forbidden_is_told() -> None:
    """Teaches: a component without permissions says which it lacks."""
    told: list[tuple[str, str]] = []

    def tell(event: str, **fields: str) -> None:
        told.append((event, fields["why"]))

    client = Client(ToldTransport(Refusing(ForbiddenError("pods is forbidden: no")), tell), "t")
    for ask in (client.list(PODS), client.watch(PODS)):
        with pytest.raises(ForbiddenError):
            await ask
    assert told == [("refused", "pods is forbidden: no")] * 2


async def test_heartbeats_are_not_told() -> None:
    """Teaches: what happens all the time is no news."""
    told: list[str] = []
    client = Client(ToldTransport(Refusing(), lambda _, **fields: told.append(fields["object"])), "t")
    await client.create(LEASES, {"metadata": {"name": "a"}}, "b")
    await client.create(PODS, {"metadata": {}}, "b")
    assert told == ["pods/b/made"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("v1.36.2", ""),
        ("v1.36.0+k3s1", ""),
        ("v1.35.9", "^the cluster is v1.35.9, older than what kubesim emulates .*: some words and rules may differ$"),
        ("v1.37.0-alpha.1", "^the cluster is v1.37.0-alpha.1, newer than what kubesim emulates "),
    ],
)
def test_a_neighbouring_release_is_warned_of(text: str, words: str) -> None:
    """Teaches: version skew."""
    warning = skew_warning(version_of({"gitVersion": text}, "x"))
    assert re.search(words, warning) if words else not warning


@pytest.mark.parametrize("text", ["v1.30.1", "v1.40.0", "v2.0.0"])
def test_a_release_too_far_away_is_refused_unless_told_otherwise(text: str) -> None:
    """Teaches: a cluster older or newer than the simulator."""
    version = version_of({"gitVersion": text}, "x")
    with pytest.raises(RealClusterError, match=r"by more than one minor release; --any-version goes on all the same$"):
        skew_warning(version)
    assert skew_warning(version, any_version=True).endswith("some words and rules may differ")


def test_what_answers_must_be_an_apiserver(served: Any) -> None:
    """Teaches: the first words with a cluster."""

    async def test(sim: Simulation, transport: HttpTransport) -> None:
        assert await greet(transport) == ServerVersion("v1.36.2", 1, 36)

    served(test)
    with pytest.raises(RealClusterError, match=r"^x does not say which version it is$"):
        version_of({"a": 1}, "x")

    async def nobody(_: Simulation) -> None:
        transport = HttpTransport(Access("main", "c", "u", "https://127.0.0.1:1"))
        with pytest.raises(
            RealClusterError, match=r'^the cluster of context "main" \(https://127.0.0.1:1\) cannot be '
        ):
            await greet(transport)
        await transport.close()

    run_in_wall_time(nobody)
