"""The network through the control endpoint: rules as a node has them, and the way of a packet."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ApiError, BadRequestError, NotFoundError
from kubesim.api.stored import Object
from kubesim.apiserver.authn import MASTERS, User
from kubesim.cluster import SimCluster
from kubesim.service.control import PREFIX, Control

ADMIN = User("kubernetes-admin", (MASTERS,))
WEB: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"clusterIP": "10.96.7.7", "selector": {"app": "web"}, "ports": [{"port": 80}]},
}


async def ask(cluster: SimCluster, path: str, **body: Any) -> dict[str, Any]:
    return await Control(cluster).handle(ADMIN, "POST", PREFIX + path, body)


async def test_rules_come_in_every_mode(cluster: SimCluster) -> None:
    """Teaches: the same Services, written three ways."""
    await cluster.apply(WEB)
    await cluster.run_for(2)
    for mode, line in (
        ("iptables", "*filter"), ("ipvs", "# ipvsadm -Ln"), ("nftables", "table ip kube-proxy {"),
    ):  # fmt: skip
        answer = await ask(cluster, "proxy/rules", node="node-1", mode=mode, service="web")
        assert (answer["mode"], answer["rules"][0]) == (mode, line)
        assert [each["name"] for each in answer["services"]] == ["default/web"]
        assert (answer["kubeProxy"], answer["staleSeconds"]) == ("running", None)


async def test_stale_rules_say_how_old_they_are(cluster: SimCluster) -> None:
    """Teaches: rules without a kube-proxy are as old as its end."""
    cluster.faults.crash("kube-proxy/node-1")
    await cluster.run_for(30)
    answer = await ask(cluster, "proxy/rules", node="node-1")
    assert (answer["kubeProxy"], answer["staleSeconds"]) == ("crashed", 30.0)


@pytest.mark.parametrize(
    ("path", "body", "error", "words"),
    [
        ("proxy/rules", {"node": "node-9"}, NotFoundError, 'no node "node-9"; there is node-1, node-2'),
        ("proxy/rules", {"node": "node-1", "mode": "ebpf"}, BadRequestError, '"ebpf" is no mode of kube-proxy'),
        ("proxy/rules", {"node": "node-1", "service": "x"}, NotFoundError, 'no rules for a Service "default/x"'),
        ("trace-packet", {"from": "node-1"}, BadRequestError, "say from where and to where"),
        ("trace-packet", {"from": "nobody", "to": "web"}, NotFoundError, 'there is no Pod "default/nobody"'),
    ],
)  # fmt: skip
async def test_what_there_is_not_is_refused(
    cluster: SimCluster, path: str, body: dict[str, Any], error: type[ApiError], words: str
) -> None:
    """Teaches: bad input is one sentence."""
    with pytest.raises(error, match=words):
        await ask(cluster, path, **body)
