"""Packets in all three modes: other rules, the same way."""

from __future__ import annotations

import pytest

from kubesim.proxy.config import MODES
from kubesim.proxy.packet import ACCEPT, DROP, REJECT
from kubesim.proxy.table import Table

from .conftest import NODE, Send, rules, service, slice_of

POD, OUTSIDE = "10.1.0.9", "203.0.113.200"
HERE, THERE = {"nodeName": "n1"}, {"nodeName": "n2"}
in_every_mode = pytest.mark.parametrize("mode", MODES)


def balanced() -> Table:
    table = Table()
    table.put(
        "a/web", service("a/web", "172.30.0.1", node_port=30080, type="NodePort"), slice_of("10.180.0.1", "10.180.0.2")
    )
    return table


@in_every_mode
def test_a_cluster_ip_becomes_an_endpoint(mode: str, send: Send) -> None:
    """Teaches: nobody has the cluster IP; a rule puts an endpoint in its place, and the source stays."""
    verdict = send(rules(balanced(), mode), POD, "172.30.0.1")
    assert (verdict.action, verdict.address, verdict.port) == (ACCEPT, "10.180.0.1", 80)
    assert (verdict.masquerade, verdict.service) == (False, "a/web:p80")
    assert verdict.was_translated


@in_every_mode
def test_who_reaches_itself_sees_the_node(mode: str, send: Send) -> None:
    """Teaches: hairpin traffic is masqueraded, or the answer would not come back through the rules."""
    table = Table()
    table.put("a/web", service("a/web", "172.30.0.1"), slice_of(("10.180.0.1", HERE)))
    assert send(rules(table, mode), "10.180.0.1", "172.30.0.1").masquerade


@in_every_mode
def test_a_node_port_is_masqueraded(mode: str, send: Send) -> None:
    """Teaches: what comes in by a node port may go to another node, so the answer has to come back this way."""
    verdict = send(rules(balanced(), mode), OUTSIDE, NODE, 30080)
    assert (verdict.action, verdict.port, verdict.masquerade) == (ACCEPT, 80, True)


@in_every_mode
def test_no_endpoints_refuse(mode: str, send: Send) -> None:
    """Teaches: a Service without endpoints refuses, at every address that it has."""
    table = Table()
    table.put("a/web", service("a/web", "172.30.0.1", node_port=30080, externalIPs=["192.168.99.1"]), {})
    made = rules(table, mode)
    asked = [("172.30.0.1", 80), (NODE, 30080), ("192.168.99.1", 80)]
    assert [send(made, POD, *each).action for each in asked] == [REJECT] * 3


@in_every_mode
def test_endpoints_that_are_not_ready_are_not_used(mode: str, send: Send) -> None:
    """Teaches: readiness is what kube-proxy goes by."""
    table = Table()
    unready = ("10.180.0.1", {"conditions": {"ready": False}})
    table.put("a/web", service("a/web", "172.30.0.1"), slice_of(unready, "10.180.0.2"))
    made = rules(table, mode)
    assert {send(made, POD, "172.30.0.1", drawn=each).address for each in (0.0, 0.5, 0.99)} == {"10.180.0.2"}


@in_every_mode
def test_the_last_ones_serve_while_they_end(mode: str, send: Send) -> None:
    """Teaches: if no endpoint is ready, those that terminate but still serve are better than none."""
    table = Table()
    ending = {"conditions": {"ready": False, "serving": True, "terminating": True}}
    table.put("a/web", service("a/web", "172.30.0.1"), slice_of(("10.180.0.1", ending)))
    assert send(rules(table, mode), POD, "172.30.0.1").address == "10.180.0.1"


@in_every_mode
def test_affinity_lasts_for_its_time(mode: str, send: Send) -> None:
    """Teaches: a client comes back to its endpoint until it was away for longer than the time-out."""
    config = {"clientIP": {"timeoutSeconds": 60}}
    table = Table()
    sticky = service("a/web", "172.30.0.1", sessionAffinity="ClientIP", sessionAffinityConfig=config)
    table.put("a/web", sticky, slice_of("10.180.0.1", "10.180.0.2"))
    made = rules(table, mode)
    first = send(made, POD, "172.30.0.1", drawn=0.99, now=0).address
    assert send(made, POD, "172.30.0.1", drawn=0.0, now=59).address == first
    assert send(made, POD, "172.30.0.1", drawn=0.0, now=118).address == first  # Each connection begins it anew.
    later = {
        send(made, POD, "172.30.0.1", drawn=drawn, now=1000 * (n + 1)).address for n, drawn in enumerate((0.0, 0.99))
    }
    assert len(later) == 2


@in_every_mode
def test_external_policy_local_drops_where_nobody_serves(mode: str, send: Send) -> None:
    """Teaches: with policy Local a node without endpoints is no way in; for Pods there is no policy."""
    table = Table()
    local = service("a/web", "172.30.0.1", node_port=30080, balancer="1.2.3.4", type="LoadBalancer",
                    externalTrafficPolicy="Local")  # fmt: skip
    table.put("a/web", local, slice_of(("10.180.0.2", THERE)))
    made = rules(table, mode)
    if mode != "ipvs":  # There it is routed all the same, for clients inside; see kubernetes/kubernetes#97081.
        assert send(made, OUTSIDE, NODE, 30080).action == DROP
        assert send(made, OUTSIDE, "1.2.3.4").action == DROP
    assert send(made, POD, "1.2.3.4").address == "10.180.0.2"
    assert send(made, NODE, NODE, 30080).address == "10.180.0.2"


@in_every_mode
def test_internal_policy_local_stays_on_the_node(mode: str, send: Send) -> None:
    """Teaches: internalTrafficPolicy Local uses the endpoints of the node, and nothing if there are none."""
    table = Table()
    near = service("a/near", "172.30.0.1", internalTrafficPolicy="Local")
    far = service("a/far", "172.30.0.2", internalTrafficPolicy="Local")
    table.put("a/near", near, slice_of(("10.180.0.1", HERE), ("10.180.0.2", THERE)))
    table.put("a/far", far, slice_of(("10.180.0.2", THERE)))
    made = rules(table, mode)
    assert {send(made, POD, "172.30.0.1", drawn=each).address for each in (0.0, 0.6, 0.99)} == {"10.180.0.1"}
    assert send(made, POD, "172.30.0.2").action == (REJECT if mode == "ipvs" else DROP)


@in_every_mode
def test_source_ranges_guard_a_load_balancer(mode: str, send: Send) -> None:
    """Teaches: loadBalancerSourceRanges drops who is not on the list; node ports are not guarded."""
    table = Table()
    guarded = service("a/web", "172.30.0.1", node_port=30080, balancer="1.2.3.4", type="LoadBalancer",
                      loadBalancerSourceRanges=["203.0.113.0/25"])  # fmt: skip
    table.put("a/web", guarded, slice_of("10.180.0.1"))
    made = rules(table, mode)
    assert send(made, "203.0.113.5", "1.2.3.4").action == ACCEPT
    assert send(made, OUTSIDE, "1.2.3.4").action == DROP
    assert send(made, OUTSIDE, NODE, 30080).action == ACCEPT


@in_every_mode
def test_hints_keep_traffic_in_the_zone(mode: str, send: Send) -> None:
    """Teaches: with hints for its zone a node uses only those endpoints; without any for it, all."""
    table = Table()
    a, b = ({"hints": {"forZones": [{"name": zone}]}} for zone in "ab")
    table.put("a/web", service("a/web", "172.30.0.1"), slice_of(("10.180.0.1", a), ("10.180.0.2", b)))
    draws = (0.0, 0.6, 0.99)
    assert {send(rules(table, mode, "b"), POD, "172.30.0.1", drawn=each).address for each in draws} == {"10.180.0.2"}
    assert len({send(rules(table, mode, "c"), POD, "172.30.0.1", drawn=each).address for each in draws}) == 2


def test_ipvs_takes_turns(send: Send) -> None:
    """Teaches: ipvs does not draw, it goes round."""
    made = rules(balanced(), "ipvs")
    assert [send(made, POD, "172.30.0.1").address[-1] for _ in range(4)] == ["1", "2", "1", "2"]


@pytest.mark.parametrize(("mode", "action"), [("iptables", ACCEPT), ("ipvs", REJECT), ("nftables", REJECT)])
def test_a_port_that_a_service_does_not_have(mode: str, action: str, send: Send) -> None:
    """Teaches: mode iptables lets such a packet go on, to nowhere; the others refuse it."""
    assert send(rules(balanced(), mode), POD, "172.30.0.1", 81).action == action


@in_every_mode
def test_what_was_hit_is_what_is_printed(mode: str, send: Send) -> None:
    """Teaches: the rules that a packet met are lines of the node's own listing."""
    made = rules(balanced(), mode)
    printed = {line.strip() for line in made.text()}
    for hit in send(made, OUTSIDE, NODE, 30080).hits:
        rule = hit.rule.partition(" vmap @")[0] if mode == "nftables" else hit.rule.strip()
        assert any(line.startswith(rule) for line in printed), hit


def test_a_change_of_one_service_leaves_the_rules_of_others() -> None:
    """Teaches: work is proportional to what changed."""
    table = balanced()
    table.put("a/db", service("a/db", "172.30.0.9"), slice_of("10.180.0.9"))
    made = rules(table)
    list(made.text())
    before = table.get("a/web")
    table.put("a/db", service("a/db", "172.30.0.9"), slice_of("10.180.0.8"))
    assert table.get("a/web") is before
    after = table.get("a/db")
    assert before is not None
    assert after is not None
    assert len(before.made) > 0
    assert not after.made
