"""Tests of kubesim.controllers.namespace, service_account and root_ca_publisher, against a real apiserver."""

from typing import Any

from kubesim.api.resources import CONFIG_MAPS, NAMESPACES, PODS, SECRETS, SERVICE_ACCOUNTS
from kubesim.api.stored import Object
from kubesim.controllers.namespace import NamespaceController
from kubesim.controllers.root_ca_publisher import RootCACertificatePublisher
from kubesim.controllers.service_account import ServiceAccountController
from kubesim.sim import Simulation

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
CONTROLLERS = (NamespaceController, ServiceAccountController, RootCACertificatePublisher)
WATCHED = (NAMESPACES, CONFIG_MAPS, PODS, SERVICE_ACCOUNTS)


async def namespace(cluster: Any, name: str) -> None:
    await cluster.client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


async def held(cluster: Any, name: str) -> None:
    """A ConfigMap that a foreign finalizer holds."""
    metadata = {"name": "held", "namespace": name, "finalizers": ["example.com/hold"]}
    await cluster.client.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


def complaints(obj: Object) -> list[str]:
    return [c["message"] for c in obj["status"].get("conditions") or () if c["status"] == "True"]


def is_deleting(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


async def test_every_namespace_gets_its_account_and_its_certificate(sim: Simulation, plane: Any) -> None:
    """Teaches: what a Pod needs to run exists before anybody asks for it, the four namespaces of old included."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await namespace(cluster, "team")
        await cluster.at(1)
        for name in ("default", "kube-system", "kube-public", "kube-node-lease", "team"):
            assert await cluster.names(SERVICE_ACCOUNTS, name) == ["default"]
            assert await cluster.names(CONFIG_MAPS, name) == ["kube-root-ca.crt"]
        published = await cluster.get(CONFIG_MAPS, "kube-root-ca.crt", "team")
        assert published["data"] == {"ca.crt": CERTIFICATE}
        description = published["metadata"]["annotations"]["kubernetes.io/description"]
        assert description.startswith("Contains a CA bundle that can be used to verify the kube-apiserver")


async def test_what_somebody_deletes_or_changes_comes_back(sim: Simulation, plane: Any) -> None:
    """Teaches: controllers restore what is theirs."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await cluster.at(1)
        await cluster.client.delete(SERVICE_ACCOUNTS, "default", "default")
        await cluster.client.merge_patch(CONFIG_MAPS, "kube-root-ca.crt", {"data": {"ca.crt": "forged"}}, "default")
        await cluster.client.delete(CONFIG_MAPS, "kube-root-ca.crt", "kube-system")
        await cluster.at(2)
        assert await cluster.names(SERVICE_ACCOUNTS, "default") == ["default"]
        assert (await cluster.get(CONFIG_MAPS, "kube-root-ca.crt"))["data"] == {"ca.crt": CERTIFICATE}
        assert await cluster.names(CONFIG_MAPS, "kube-system") == ["kube-root-ca.crt"]


async def test_an_empty_namespace_is_gone_after_five_seconds(sim: Simulation, plane: Any) -> None:
    """Teaches: the wait lets every apiserver hear that nothing new may be made there."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await namespace(cluster, "team")
        await cluster.at(10)
        await cluster.client.delete(NAMESPACES, "team")
        await cluster.at(30)
        phases = cluster.story("team", lambda obj: obj["status"]["phase"])
        assert phases[-2:] == [(10.0, "Terminating"), (15.0, None)]
        assert await cluster.names(CONFIG_MAPS, "team") == []
        assert await cluster.names(SERVICE_ACCOUNTS, "team") == []


async def test_pods_go_first_and_everything_else_after_them(sim: Simulation, plane: Any) -> None:
    """Teaches: ordered deletion: what Pods may rely on, Secrets for instance, outlives them."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await cluster.node("node-1")
        await namespace(cluster, "team")
        await cluster.at(1)
        spec = {"containers": [{"name": "c", "image": "nginx"}], "nodeName": "node-1"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "team"}, "spec": spec}
        await cluster.client.create(PODS, pod)
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "team"}}
        await cluster.client.create(SECRETS, secret)
        await cluster.at(10)
        await cluster.client.delete(NAMESPACES, "team")
        await cluster.at(16)
        assert is_deleting(await cluster.get(PODS, "web", "team"))
        assert await cluster.names(SECRETS, "team") == ["s"]
        assert complaints(await cluster.get(NAMESPACES, "team")) == []
        await cluster.client.delete(PODS, "web", "team", grace_period_seconds=0)  # The kubelet is done.
        await cluster.at(30)
        assert cluster.story("team", lambda obj: obj["status"]["phase"])[-1] == (20.0, None)
        assert await cluster.names(SECRETS, "team") == []


async def test_a_finalizer_holds_the_namespace_and_the_conditions_say_so(sim: Simulation, plane: Any) -> None:
    """Teaches: why a namespace hangs in Terminating, and how long it takes to notice that it need not any more."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await namespace(cluster, "team")
        await held(cluster, "team")
        await cluster.at(10)
        await cluster.client.delete(NAMESPACES, "team")
        await cluster.at(30)
        assert complaints(await cluster.get(NAMESPACES, "team")) == [
            "Some resources are remaining: configmaps. has 1 resource instances",
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
        ]
        await cluster.client.merge_patch(CONFIG_MAPS, "held", {"metadata": {"finalizers": None}}, "team")
        await cluster.at(60)
        # Rounds: 15 s, 20 s (because of its own write), then every 15 // 2 + 1 = 8 s.
        assert cluster.story("team", complaints)[-2:] == [(36.0, []), (36.0, None)]
