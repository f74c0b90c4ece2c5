"""The table of mode nftables, as nft lists it."""

from __future__ import annotations

from kubesim.proxy.table import Table

from .conftest import rules, service, slice_of


def test_maps_find_the_service() -> None:
    """Teaches: one map for all Services; its entries lead to chains that are named readably."""
    table = Table()
    table.put("ns1/svc1", service("ns1/svc1", "172.30.0.41"), slice_of("10.180.0.1"))
    text = "\n".join(rules(table, "nftables").text())
    chain = "service-ULMVA6XW-ns1/svc1/tcp/p80"
    endpoint = "endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80"
    assert f"elements = {{ 172.30.0.41 . tcp . 80 : goto {chain} }}" in text
    assert (
        f"\tchain {chain} {{\n\t\tip daddr 172.30.0.41 ip saddr != 10.0.0.0/8 jump mark-for-masquerade\n"
        f"\t\tnumgen random mod 1 vmap {{ 0 : goto {endpoint} }}\n\t}}"
    ) in text
    assert (
        f"\tchain {endpoint} {{\n\t\tip saddr 10.180.0.1 jump mark-for-masquerade\n"
        "\t\tmeta l4proto tcp dnat to 10.180.0.1:80\n\t}"
    ) in text


def test_services_without_endpoints_have_a_map_of_their_own() -> None:
    """Teaches: no endpoints is an entry of a map that leads to a chain which rejects."""
    table = Table()
    table.put("ns6/svc6", service("ns6/svc6", "172.30.0.46"), {})
    text = "\n".join(rules(table, "nftables").text())
    assert 'elements = { 172.30.0.46 . tcp . 80 comment "ns6/svc6:p80" : goto reject-chain }' in text
    assert "\tchain reject-chain {" in text


def test_ipvs_lists_servers_as_ipvsadm_does() -> None:
    """Teaches: a virtual server for each address, its endpoints below it."""
    table = Table()
    table.put("ns1/svc1", service("ns1/svc1", "172.30.0.41", sessionAffinity="ClientIP"), slice_of("10.180.0.1"))
    lines = list(rules(table, "ipvs").text())
    place = lines.index("TCP  172.30.0.41:80 rr persistent 10800")
    assert lines[place + 1] == "  -> 10.180.0.1:80                Masq    1      0          0"
    assert "add KUBE-CLUSTER-IP 172.30.0.41,tcp:80" in lines
