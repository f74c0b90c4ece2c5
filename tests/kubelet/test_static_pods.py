"""Static Pods, on a whole cluster: the kubelet's own Pods and what the API shows of them."""

from __future__ import annotations

from typing import Any

import msgspec

from kubesim.api.resources import PODS
from kubesim.cluster import SimCluster
from kubesim.kubelet import KubeletConfiguration, default_nodes

MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "etcd", "namespace": "kube-system", "labels": {"component": "etcd"}},
    "spec": {"hostNetwork": True, "priorityClassName": "system-node-critical",
             "containers": [{"name": "etcd", "image": "nginx:1.29"}]},
}  # fmt: skip
KEY = "kube-system/etcd-node-1"


def nodes() -> tuple[Any, ...]:
    (node,) = default_nodes(1)
    return (msgspec.structs.replace(node, configuration=KubeletConfiguration(static_pods=(MANIFEST,))),)


async def test_a_static_pod_has_a_mirror() -> None:
    """Teaches: NAME-NODE, annotations config.source and config.mirror, owned by its Node, Running like any other."""
    async with SimCluster(nodes(), seed=1) as own:
        await own.run_for(30)
        pod = own.get(PODS, KEY)
        assert pod is not None
        metadata, status = pod.object["metadata"], pod.object["status"]
        annotations = metadata["annotations"]
        assert annotations["kubernetes.io/config.source"] == "file"
        assert annotations["kubernetes.io/config.mirror"] == annotations["kubernetes.io/config.hash"]
        assert metadata["ownerReferences"][0]["kind"] == "Node"
        assert (status["phase"], status["qosClass"], status["podIP"]) == ("Running", "BestEffort", "192.168.49.2")
        assert pod.object["spec"]["tolerations"][0] == {"operator": "Exists", "effect": "NoExecute"}
        assert pod.object["spec"]["priority"] == 2_000_001_000


async def test_a_mirror_that_is_deleted_comes_back_and_the_container_runs_on() -> None:
    """Teaches: kubectl delete does not stop a static Pod; only its manifest does."""
    async with SimCluster(nodes(), seed=1) as own:
        await own.run_for(30)
        before = own.get(PODS, KEY)
        assert before is not None
        await own.kubectl.run("delete pod etcd-node-1 -n kube-system --wait=false")
        await own.run_for(5)
        after = own.get(PODS, KEY)
        assert after is not None
        assert after.uid != before.uid
        was, now = (each.object["status"]["containerStatuses"][0] for each in (before, after))
        assert (now["containerID"], now["restartCount"]) == (was["containerID"], 0)
        assert after.object["status"]["phase"] == "Running"


async def test_a_static_pod_outlives_its_kubelet() -> None:
    """Teaches: the same manifest is the same Pod: a kubelet that comes back finds its container running."""
    async with SimCluster(nodes(), seed=1) as own:
        await own.run_for(30)
        before = own.get(PODS, KEY)
        own.faults.crash("kubelet/node-1")
        await own.run_for(20)
        own.faults.restart("kubelet/node-1")
        await own.run_for(20)
        after = own.get(PODS, KEY)
        assert before is not None
        assert after is not None
        assert after.uid == before.uid
        assert after.object["status"]["containerStatuses"][0]["restartCount"] == 0
        assert after.object["status"]["phase"] == "Running"
