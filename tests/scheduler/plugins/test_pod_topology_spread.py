"""Pods that are spread evenly over zones and nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.resources import REPLICA_SETS, SERVICES, Resource
from kubesim.api.stored import Stored
from kubesim.api.views import Node as NodeView
from kubesim.client.informer import Informer
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.status import SUCCESS, Code
from kubesim.scheduler.plugins.spread_constraints import DefaultConstraints
from kubesim.scheduler.snapshot import Snapshot

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
WEB = {"app": "web"}
TAINT = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
Make = Callable[..., Stored]


def constraint(key: str = ZONE, action: str = "DoNotSchedule", skew: int = 1, **more: Any) -> dict[str, Any]:
    selector = {"matchLabels": WEB}
    return {"topologyKey": key, "whenUnsatisfiable": action, "maxSkew": skew, "labelSelector": selector, **more}


@pytest.fixture
def nodes(node: Make) -> list[Stored]:
    """n1 and n2 in zone a, n3 in b, n4 in none."""
    zones = (("n1", "a"), ("n2", "a"), ("n3", "b"))
    return [node(name, labels={ZONE: zone}) for name, zone in zones] + [node("n4")]


def verdicts(world: Any, pod: Stored) -> dict[str, str]:
    return {name: world.verdict(pod, name).message for name in ("n1", "n2", "n3", "n4")}


def test_a_domain_may_not_be_ahead_of_the_emptiest_by_more_than_max_skew(
    world: Any, nodes: list[Stored], pod: Make
) -> None:
    """Teaches: the Pod counts itself; a node without the label is out for good."""
    one = world(nodes, [pod("old", labels=WEB, node="n1")])
    new = pod("new", labels=WEB, topologySpreadConstraints=[constraint()])
    ahead = "node(s) didn't match pod topology spread constraints"
    assert verdicts(one, new) == {"n1": ahead, "n2": ahead, "n3": "", "n4": f"{ahead} (missing required label)"}
    assert one.verdict(new, "n4").code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE
    stranger = pod("stranger", topologySpreadConstraints=[constraint()])
    assert one.verdict(stranger, "n1") is SUCCESS  # It would not be counted.


def test_with_fewer_domains_than_asked_for_the_fewest_count_as_none(world: Any, nodes: list[Stored], pod: Make) -> None:
    """Teaches: minDomains makes Pods wait for a zone that is not there yet."""
    one = world(nodes, [pod("o1", labels=WEB, node="n1"), pod("o2", labels=WEB, node="n3")])
    assert one.verdict(pod("new", labels=WEB, topologySpreadConstraints=[constraint(minDomains=2)]), "n3") is SUCCESS
    asking = pod("asking", labels=WEB, topologySpreadConstraints=[constraint(minDomains=3)])
    assert one.verdict(asking, "n3") is not SUCCESS


@pytest.mark.parametrize(("policy", "fits"), [("Ignore", False), ("Honor", True)])
def test_policies_say_which_nodes_make_a_domain(world: Any, node: Make, pod: Make, policy: str, fits: bool) -> None:
    """Teaches: an empty zone that the Pod cannot go to would keep it out of all others."""
    nodes = [node("n1", labels={ZONE: "a"}), node("n2", labels={ZONE: "b"}, taints=[TAINT])]
    one = world(nodes, [pod("old", labels=WEB, node="n1")])
    new = pod("new", labels=WEB, topologySpreadConstraints=[constraint(nodeTaintsPolicy=policy)])
    assert (one.verdict(new, "n1") is SUCCESS) == fits


def test_pods_that_are_about_to_go_do_not_count(world: Any, nodes: list[Stored], pod: Make) -> None:
    """Teaches: nor do those of other namespaces."""
    going = pod("going", labels=WEB, node="n1", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    elsewhere = pod("elsewhere", labels=WEB, node="n1", metadata={"namespace": "other"})
    one = world(nodes, [going, elsewhere])
    assert one.verdict(pod("new", labels=WEB, topologySpreadConstraints=[constraint()]), "n1") is SUCCESS


def test_a_soft_constraint_gives_points(world: Any, nodes: list[Stored], pod: Make) -> None:
    """Teaches: the fewest Pods are best; a node without the label gets nothing."""
    one = world(nodes, [pod("o1", labels=WEB, node="n1"), pod("o2", labels=WEB, node="n2")])
    soft = [constraint(action="ScheduleAnyway")]
    assert one.weighted(pod("new", labels=WEB, topologySpreadConstraints=soft), "PodTopologySpread") == {
        "n1": 0, "n2": 0, "n3": 200, "n4": 0,
    }  # fmt: skip
    assert one.weighted(pod("plain"), "PodTopologySpread") is None


def test_pods_of_a_service_or_controller_are_spread_by_default(info: Any) -> None:
    """Teaches: over nodes and zones, softly; a Pod that belongs to nothing is not."""
    informers = {SERVICES: Informer(SERVICES), REPLICA_SETS: Informer(REPLICA_SETS)}
    service = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": WEB}}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "u", "controller": True}
    selector = {"matchLabels": {"hash": "1"}}
    replica_set = {
        "kind": "ReplicaSet", "metadata": {"name": "web-1", "namespace": "default"}, "spec": {"selector": selector},
    }  # fmt: skip
    informers[SERVICES].replace([Stored(1, service)], 1)
    informers[REPLICA_SETS].replace([Stored(1, replica_set)], 1)

    def informer(resource: Resource) -> Informer:
        return informers.get(resource) or Informer(resource)

    defaults = DefaultConstraints(Handle(Snapshot(), None, informer))  # type: ignore[arg-type]
    owned = info("owned", labels={**WEB, "hash": "1"}, metadata={"ownerReferences": [owner]})
    assert [(c.topology_key, c.max_skew, str(c.selector)) for c in defaults.of(owned)] == [
        (HOSTNAME, 3, "app=web,hash=1"), (ZONE, 5, "app=web,hash=1"),
    ]  # fmt: skip
    assert [str(c.selector) for c in defaults.of(info("served", labels=WEB))] == ["app=web"] * 2
    assert defaults.of(info("alone")) == ()


def test_only_what_could_help_wakes_a_pod(world: Any, node: Make, info: Any) -> None:
    """Teaches: Pods that are counted, and nodes that count."""
    plugin = world([]).plugin("PodTopologySpread")
    waiting = info("waiting", labels=WEB, topologySpreadConstraints=[constraint(nodeTaintsPolicy="Honor")])
    web, other = info("web", labels=WEB, node="n1"), info("other", node="n1")
    on_pod = plugin.is_schedulable_after_pod_change
    assert on_pod(waiting, web, None)
    assert on_pod(waiting, None, web)
    assert on_pod(waiting, other, web)
    assert not on_pod(waiting, other, None)
    assert not on_pod(waiting, info("x", labels=WEB, metadata={"namespace": "other"}), None)
    on_node = plugin.is_schedulable_after_node_change
    zoned, tainted = (node("n", labels={ZONE: "a"}, taints=taints).view(NodeView) for taints in ([], [TAINT]))
    assert on_node(waiting, None, zoned)
    assert on_node(waiting, zoned, None)
    assert on_node(waiting, tainted, zoned)
    assert not on_node(waiting, None, node("n").view(NodeView))
    assert plugin.is_schedulable_after_toleration(waiting, waiting, waiting)
