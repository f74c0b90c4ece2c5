"""Pods that want to be near to other Pods, or away from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.api.views import Node as NodeView
from kubesim.scheduler.framework.status import SUCCESS, Code

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
WEB = {"app": "web"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
Make = Callable[..., Stored]


def term(key: str = HOSTNAME, **more: Any) -> dict[str, Any]:
    return {"topologyKey": key, "labelSelector": {"matchLabels": WEB}, **more}


def near(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"podAffinity": {REQUIRED: list(terms)}}


def away(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"podAntiAffinity": {REQUIRED: list(terms)}}


def prefer(kind: str, weight: int, key: str = HOSTNAME) -> dict[str, Any]:
    return {kind: {PREFERRED: [{"weight": weight, "podAffinityTerm": term(key)}]}}


@pytest.fixture
def nodes(node: Make) -> list[Stored]:
    """Two nodes in zone a, one in b."""
    return [node(name, labels={ZONE: zone}) for name, zone in (("n1", "a"), ("n2", "a"), ("n3", "b"))]


def test_company_is_looked_for_in_the_whole_domain(world: Any, nodes: list[Stored], pod: Make) -> None:
    """Teaches: near means in the same zone, if the term's key is the zone."""
    one = world(nodes, [pod("web", labels=WEB, node="n1")])
    new = pod("new", affinity=near(term(ZONE)))
    assert one.verdict(new, "n2") is SUCCESS
    assert one.verdict(new, "n3").reasons == ("node(s) didn't match pod affinity rules",)
    assert one.verdict(new, "n3").code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE


def test_the_first_of_pods_that_want_company_of_their_own_kind_may_go_anywhere(
    world: Any, nodes: list[Stored], pod: Make
) -> None:
    """Teaches: else such a set could never start. It needs the label all the same."""
    one = world(nodes)
    assert one.verdict(pod("new", labels=WEB, affinity=near(term())), "n1") is SUCCESS
    assert one.verdict(pod("other", affinity=near(term())), "n1") is not SUCCESS
    assert one.verdict(pod("rack", labels=WEB, affinity=near(term("rack"))), "n1") is not SUCCESS


def test_company_must_meet_all_terms_in_one_pod(world: Any, nodes: list[Stored], pod: Make) -> None:
    """Teaches: two Pods that meet one term each are no company."""
    db = {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"tier": "db"}}}
    new = pod("new", affinity=near(term(), db))
    apart = [pod("web", labels=WEB, node="n1"), pod("db", labels={"tier": "db"}, node="n1")]
    assert world(nodes, apart).verdict(new, "n1") is not SUCCESS
    assert world(nodes, [pod("both", labels={**WEB, "tier": "db"}, node="n1")]).verdict(new, "n1") is SUCCESS


def test_anti_affinity_works_both_ways(world: Any, nodes: list[Stored], pod: Make) -> None:
    """Teaches: a Pod that wants to be alone keeps others away that know nothing of it."""
    shy = pod("shy", labels={"app": "shy"}, affinity=away(term()), node="n1")
    one = world(nodes, [shy, pod("web", labels=WEB, node="n2")])
    newcomer = one.verdict(pod("new", labels=WEB), "n1")
    assert newcomer.reasons == ("node(s) didn't satisfy existing pods anti-affinity rules",)
    assert newcomer.code is Code.UNSCHEDULABLE
    assert one.verdict(pod("another", labels={"app": "shy"}, affinity=away(term())), "n2").reasons == (
        "node(s) didn't match pod anti-affinity rules",
    )
    assert one.verdict(pod("stranger"), "n1") is SUCCESS


@pytest.mark.parametrize(
    ("more", "is_meant"),
    [({}, False), ({"namespaces": ["other"]}, True), ({"namespaceSelector": {}}, True)],
)
def test_a_term_means_the_pods_own_namespace_unless_it_says_otherwise(
    world: Any, nodes: list[Stored], pod: Make, more: dict[str, Any], is_meant: bool
) -> None:
    """Teaches: an empty namespaceSelector is every namespace."""
    elsewhere = pod("web", labels=WEB, node="n1", metadata={"namespace": "other"})
    status = world(nodes, [elsewhere]).verdict(pod("new", affinity=away(term(**more))), "n1")
    assert (status is not SUCCESS) == is_meant


def test_wishes_of_both_sides_count_and_may_be_negative(world: Any, nodes: list[Stored], pod: Make) -> None:
    """Teaches: the worst node gets 0, the best 100, times the plugin's weight of 2."""
    there = [
        pod("web", labels=WEB, node="n1"),
        pod("fan", node="n2", affinity=prefer("podAffinity", 50)),
        pod("foe", node="n3", affinity=prefer("podAntiAffinity", 50)),
    ]
    one = world(nodes, there)
    assert one.weighted(pod("new", labels=WEB), "InterPodAffinity") == {"n1": 100, "n2": 200, "n3": 0}
    wishing = pod("new", labels=WEB, affinity=prefer("podAffinity", 100))
    assert one.weighted(wishing, "InterPodAffinity") == {"n1": 200, "n2": 132, "n3": 0}
    assert one.weighted(pod("stranger"), "InterPodAffinity") is None


def test_a_pod_that_requires_company_is_glad_of_more(world: Any, nodes: list[Stored], pod: Make) -> None:
    """Teaches: symmetry of required affinity is a wish of weight 1."""
    one = world(nodes, [pod("web", labels=WEB, node="n1", affinity=near(term(ZONE)))])
    assert one.weighted(pod("new", labels=WEB), "InterPodAffinity") == {"n1": 200, "n2": 200, "n3": 0}


def test_only_what_could_help_wakes_a_pod(world: Any, node: Make, info: Any) -> None:
    """Teaches: a hint looks closer than the event: whose Pod, which label, whose anti-affinity."""
    plugin = world([]).plugin("InterPodAffinity")
    lonely, shy = info("lonely", affinity=near(term())), info("shy", affinity=away(term()))
    web, other = info("web", labels=WEB, node="n1"), info("other", node="n1")
    on_pod = plugin.is_schedulable_after_pod_change
    assert on_pod(lonely, None, web)
    assert not on_pod(lonely, None, other)
    assert on_pod(lonely, other, web)
    assert on_pod(shy, web, None)
    assert not on_pod(shy, other, None)
    assert on_pod(info("new", labels=WEB), info("keeper", node="n1", affinity=away(term())), None)
    on_node = plugin.is_schedulable_after_node_change
    plain, racked = (node("n1", labels=labels).view(NodeView) for labels in ({}, {"rack": "r1"}))
    with_, without = (info("rack", affinity=kind(term("rack"))) for kind in (near, away))
    assert [on_node(with_, *pair) for pair in ((None, plain), (plain, racked), (racked, plain))] == [False, True, False]
    assert [on_node(without, *pair) for pair in ((None, plain), (plain, racked), (racked, plain))] == [
        True, False, True,
    ]  # fmt: skip
