"""The rules of mode iptables, line by line, as iptables-save prints them on a node."""

from __future__ import annotations

from kubesim.proxy.iptables_rule import probability
from kubesim.proxy.table import Table

from .conftest import rules, service, slice_of

LAST = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"


def lines(table: Table, chain: str, **options: str) -> list[str]:
    """The rules of one chain, without "-A CHAIN"."""
    start = f"-A {chain} "
    return [line.removeprefix(start) for line in rules(table, **options).text() if line.startswith(start)]


def test_chains_are_named_by_the_real_hash() -> None:
    """Teaches: whoever searches a node's iptables for a Service finds the same chain here."""
    table = Table()
    table.put(
        "default/kubernetes",
        service("default/kubernetes", "10.96.0.1", port="https"),
        slice_of("10.0.0.9", port="https"),
    )
    assert lines(table, "KUBE-SERVICES")[0].endswith("-j KUBE-SVC-NPX46M4PTMTKRN6Y")


def test_a_third_is_printed_as_the_kernel_keeps_it() -> None:
    """Teaches: iptables keeps a probability in 31 bits."""
    assert [probability(n) for n in (2, 3, 4, 10)] == [
        "0.50000000000",
        "0.33333333349",
        "0.25000000000",
        "0.10000000009",
    ]


def test_every_endpoint_is_as_likely() -> None:
    """Teaches: the first of three is chosen with 1/3, the second of the rest with 1/2, the last always."""
    table = Table()
    table.put("ns4/svc4", service("ns4/svc4", "172.30.0.44"), slice_of("10.180.0.4", "10.180.0.5", "10.180.0.6"))
    comment = '-m comment --comment "ns4/svc4:p80 -> 10.180.0.{}:80"'
    random = "-m statistic --mode random --probability"
    assert lines(table, "KUBE-SVC-4SW47YFZTEDKD3PK") == [
        '! -s 10.0.0.0/8 -d 172.30.0.44/32 -p tcp -m comment --comment "ns4/svc4:p80 cluster IP" -m tcp --dport 80 '
        "-j KUBE-MARK-MASQ",
        f"{comment.format(4)} {random} 0.33333333349 -j KUBE-SEP-UKSFD7AGPMPPLUHC",
        f"{comment.format(5)} {random} 0.50000000000 -j KUBE-SEP-C6EBXVWJJZMIWKLZ",
        f"{comment.format(6)} -j KUBE-SEP-ULL74CTELUH2BDLI",
    ]
    assert lines(table, "KUBE-SEP-UKSFD7AGPMPPLUHC") == [
        '-s 10.180.0.4/32 -m comment --comment "ns4/svc4:p80" -j KUBE-MARK-MASQ',
        '-p tcp -m comment --comment "ns4/svc4:p80" -m tcp -j DNAT --to-destination 10.180.0.4:80',
    ]


def test_a_service_without_endpoints_is_refused_in_the_table_filter() -> None:
    """Teaches: "connection refused" from a Service that nobody serves is a rule of kube-proxy."""
    table = Table()
    table.put("ns6/svc6", service("ns6/svc6", "172.30.0.46", node_port=3006), {})
    comment = '-m comment --comment "ns6/svc6:p80 has no endpoints"'
    reject = "-j REJECT --reject-with icmp-port-unreachable"
    assert lines(table, "KUBE-SERVICES") == [
        f"-d 172.30.0.46/32 -p tcp {comment} -m tcp --dport 80 {reject}",
        f'-m comment --comment "{LAST}" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
    ]
    assert lines(table, "KUBE-EXTERNAL-SERVICES") == [
        f"-p tcp {comment} -m addrtype --dst-type LOCAL -m tcp --dport 3006 {reject}"
    ]


def test_policy_local_keeps_the_source_of_what_comes_from_outside() -> None:
    """Teaches: KUBE-EXT lets Pods and the node go anywhere, and sends the rest to the endpoints of this node only."""
    table = Table()
    local = service("ns2/svc2", "172.30.0.42", node_port=3001, type="NodePort", externalTrafficPolicy="Local")
    table.put("ns2/svc2", local, slice_of(("10.180.0.2", {"nodeName": "n1"}), ("10.180.0.3", {"nodeName": "n2"})))
    words = "-m comment --comment"
    assert lines(table, "KUBE-EXT-GNZBNJ2PO5MGZ6GT") == [
        f'-s 10.0.0.0/8 {words} "pod traffic for ns2/svc2:p80 external destinations" -j KUBE-SVC-GNZBNJ2PO5MGZ6GT',
        f'{words} "masquerade LOCAL traffic for ns2/svc2:p80 external destinations" -m addrtype --src-type LOCAL '
        "-j KUBE-MARK-MASQ",
        f'{words} "route LOCAL traffic for ns2/svc2:p80 external destinations" -m addrtype --src-type LOCAL '
        "-j KUBE-SVC-GNZBNJ2PO5MGZ6GT",
        "-j KUBE-SVL-GNZBNJ2PO5MGZ6GT",
    ]
    assert lines(table, "KUBE-SVL-GNZBNJ2PO5MGZ6GT") == [
        f'{words} "ns2/svc2:p80 -> 10.180.0.2:80" -j KUBE-SEP-RS4RBKLTHTF2IUXJ'
    ]


def test_session_affinity_asks_the_list_of_recent_clients_first() -> None:
    """Teaches: sessionAffinity ClientIP is the match "recent" of iptables, three hours unless said otherwise."""
    table = Table()
    table.put("ns5/svc5", service("ns5/svc5", "172.30.0.45", sessionAffinity="ClientIP"), slice_of("10.180.0.3"))
    name = "KUBE-SEP-I77PXRDZVX7PMWMN"
    assert lines(table, "KUBE-SVC-NUKIZ6OKUXPJNT4C")[1] == (
        '-m comment --comment "ns5/svc5:p80 -> 10.180.0.3:80" -m recent --rcheck --seconds 10800 --reap '
        f"--name {name} --mask 255.255.255.255 --rsource -j {name}"
    )
    assert lines(table, name)[1] == (
        f'-p tcp -m comment --comment "ns5/svc5:p80" -m recent --set --name {name} --mask 255.255.255.255 --rsource '
        "-m tcp -j DNAT --to-destination 10.180.0.3:80"
    )


def test_large_clusters_do_without_comments() -> None:
    """Teaches: beyond 1,000 endpoints kube-proxy leaves out the comments of their rules."""
    table = Table()
    endpoints = [f"10.180.{number >> 8}.{number & 255}" for number in range(1, 1002)]
    table.put("ns4/svc4", service("ns4/svc4", "172.30.0.44"), slice_of(*endpoints))
    assert "--comment" not in lines(table, "KUBE-SVC-4SW47YFZTEDKD3PK")[1]
    assert "--comment" in lines(table, "KUBE-SVC-4SW47YFZTEDKD3PK")[0]


def test_headless_and_external_names_have_no_rules() -> None:
    """Teaches: a Service without an address of its own is a matter of DNS alone."""
    table = Table()
    table.put("a/headless", service("a/headless", "None"), slice_of("10.180.0.4"))
    table.put("a/elsewhere", service("a/elsewhere", "", type="ExternalName", externalName="example.com"), {})
    assert list(rules(table).text()) == list(rules(Table()).text())
