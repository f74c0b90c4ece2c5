"""The addon ingress: HTTP from outside finds its Service by host and path."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.addons import Addons
from kubesim.addons.ingress_rules import choose, routes_of
from kubesim.api.resources import INGRESSES, PODS
from kubesim.api.stored import Object
from kubesim.api.traffic import ANSWERED, Connection, HttpCall, Reply, kernel_of
from kubesim.cluster import SimCluster


def ingress(name: str, *rules: Object, **spec: Any) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {**({"rules": list(rules)} if rules else {}), **spec},
    }


def rule(host: str, *paths: tuple[str, str, str]) -> Object:
    """A rule; each path is (path, type, Service)."""
    entries = [
        {"path": path, "pathType": kind, "backend": {"service": {"name": service, "port": {"number": 80}}}}
        for path, kind, service in paths
    ]
    return {**({"host": host} if host else {}), "http": {"paths": entries}}


@pytest.mark.parametrize(
    ("host", "path", "service"),
    [
        ("shop.test", "/", "shop"),
        ("shop.test:30080", "/cart", "cart"),
        ("shop.test", "/cart/items?n=1", "cart"),
        ("shop.test", "/cartoons", "shop"),
        ("shop.test", "/cart/exact", "exact"),
        ("eu.shop.test", "/", "regions"),
        ("a.eu.shop.test", "/", "fallback"),
        ("other.test", "/", "fallback"),
    ],
)
def test_the_most_specific_rule_wins(host: str, path: str, service: str) -> None:
    """Teaches: very host before wildcard before none; exact before the longest prefix; prefixes are whole segments."""
    routes = routes_of(
        [
            ingress("fallback", defaultBackend={"service": {"name": "fallback", "port": {"number": 80}}}),
            ingress("regions", rule("*.shop.test", ("/", "Prefix", "regions"))),
            ingress(
                "shop",
                rule(
                    "shop.test",
                    ("/", "Prefix", "shop"),
                    ("/cart", "Prefix", "cart"),
                    ("/cart/exact", "Exact", "exact"),
                ),
            ),
        ]
    )
    chosen = choose(routes, host, path)
    assert chosen is not None
    assert chosen.service == service


async def begin(cluster: SimCluster, *objects: Object) -> None:
    await Addons(cluster).enable("ingress")
    await cluster.kubectl.run("create deployment web --image=nginx --replicas=2")
    ports = [{"port": 80}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    await cluster.apply({**service, "spec": {"selector": {"app": "web"}, "ports": ports}})
    for obj in objects:
        await cluster.apply(obj)
    await cluster.settle()


async def get(cluster: SimCluster, host: str, path: str = "/") -> Reply:
    """A request of a browser outside, at the port that the controller's Pod takes of its node."""
    address = next(each.object["status"]["hostIP"] for each in (await cluster.client.list(PODS, "ingress-nginx")).items)
    outside = cluster.sim.network.handler(kernel_of("outside"))
    assert outside is not None
    reply: Reply = await outside(Connection("", address, 80, data=HttpCall("GET", path, {"host": host})))
    return reply


@pytest.mark.cluster(nodes=2)
async def test_a_request_from_outside_reaches_the_pods_one_after_another(cluster: SimCluster) -> None:
    """Teaches: the controller goes to endpoints, not to the Service's address."""
    await begin(cluster, ingress("web", rule("web.test", ("/", "Prefix", "web"))))
    replies = [await get(cluster, "web.test") for _ in range(4)]
    assert [reply.code for reply in replies] == [200] * 4
    assert replies[0].pod != replies[1].pod
    assert replies[0].pod == replies[2].pod
    stored = (await cluster.client.get(INGRESSES, "web", "default")).object
    assert stored["status"]["loadBalancer"]["ingress"][0]["ip"].startswith("192.168.")


@pytest.mark.cluster(nodes=1)
async def test_what_the_controller_answers_itself(cluster: SimCluster) -> None:
    """Teaches: 404: nobody wants it; 503: nobody is ready; 308: come back with TLS."""
    tls = ingress("tls", rule("tls.test", ("/", "Prefix", "web")), tls=[{"hosts": ["tls.test"], "secretName": "x"}])
    other = ingress("other", rule("other.test", ("/", "Prefix", "web")), ingressClassName="somebody-else")
    await begin(cluster, ingress("web", rule("web.test", ("/", "Prefix", "web"))), tls, other)
    assert (await get(cluster, "nobody.test")).code == 404
    assert (await get(cluster, "other.test")).code == 404
    moved = await get(cluster, "tls.test", "/a")
    assert (moved.outcome, moved.code, moved.headers["location"]) == (ANSWERED, 308, "https://tls.test/a")
    await cluster.kubectl.run("scale deployment web --replicas=0")
    await cluster.settle()
    assert (await get(cluster, "web.test")).code == 503
