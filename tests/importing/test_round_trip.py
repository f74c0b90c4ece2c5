"""A cluster is imported and comes out the same: nodes as they were, Pods where they ran, nothing of Secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kubesim.api.resources import DEPLOYMENTS, NODES, PERSISTENT_VOLUME_CLAIMS, PODS, REPLICA_SETS, SECRETS
from kubesim.cluster import SimCluster
from kubesim.importing import ImportingError, assemble, fetch, read_objects, write_scenario
from kubesim.importing.kinds import listed
from kubesim.kubelet import NodeConfig
from kubesim.scenario import load_scenario
from kubesim.scenario.nodes import cluster_of
from kubesim.scenario.runner import ScenarioRun

SHOP = """\
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 1000}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      priorityClassName: high
      containers:
      - name: c
        image: nginx
        resources: {requests: {cpu: 100m, memory: 64Mi}}
        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: login, key: password}}}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: c, image: postgres}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      tolerations: [{operator: Exists}]
      containers: [{name: c, image: agent}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: default}
spec: {containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
{apiVersion: v1, kind: Secret, metadata: {name: login, namespace: shop}, stringData: {password: hunter2, other: x}}
"""
MACHINES = (
    NodeConfig("big.example.com", capacity={"cpu": "8", "memory": "16Gi", "pods": "50", "ephemeral-storage": "50Gi",
                                            "nvidia.com/gpu": "2"},
               allocatable={"cpu": "7800m", "memory": "15Gi", "pods": "50", "ephemeral-storage": "45Gi",
                            "nvidia.com/gpu": "2"}, labels={"disk": "ssd"}, zone="a"),
    NodeConfig("small", zone="b", taints=({"key": "edge", "value": "yes", "effect": "NoSchedule"},)),
    NodeConfig("node-3", zone="b"),
)  # fmt: skip


def places(cluster: SimCluster) -> dict[str, str]:
    return {pod.key: pod.object["spec"]["nodeName"] for pod in cluster.all(PODS)}


async def shop(folder: Path) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Where the Pods of a cluster are, and all its objects."""
    (folder / "shop.yaml").write_text(SHOP)
    async with SimCluster(MACHINES, seed=3, folder=folder) as cluster:
        await cluster.kubectl.run("apply -f shop.yaml")
        await cluster.kubectl.run("cordon node-3")
        await cluster.settle()
        objects = await fetch(cluster.client, "", lambda _: None)
        assert not [obj for obj in objects if obj["kind"] == "Secret"]
        return places(cluster), objects


async def test_pods_come_out_where_they_were_under_their_owners(tmp_path: Path, sim: Any) -> None:
    """Teaches: controllers adopt what their selectors match, so nobody makes a second set of Pods."""
    before, objects = await shop(tmp_path)
    path = write_scenario(assemble(objects), tmp_path / "07-my-shop")
    loaded = load_scenario(path)
    assert loaded.scenario.metadata.name == "my-shop"
    async with cluster_of(loaded.scenario, 1, path.parent) as cluster:
        result = await ScenarioRun(loaded, lambda _: None, cluster=cluster).play()
        assert result.ok
        assert places(cluster) == before
        owners = {pod.key: [each["kind"] for each in pod.object["metadata"].get("ownerReferences", ())]
                  for pod in cluster.all(PODS)}  # fmt: skip
        assert sorted(kind for kinds in owners.values() for kind in kinds) == [
            *["DaemonSet"] * 3, *["ReplicaSet"] * 3, *["StatefulSet"] * 2
        ]  # fmt: skip
        assert owners["default/alone"] == []
        assert len(cluster.all(REPLICA_SETS)) == 1
        status = cluster.all(DEPLOYMENTS)[0].object["status"]
        assert (status["readyReplicas"], status["updatedReplicas"]) == (3, 3)
        assert all(pod.object["status"]["phase"] == "Running" for pod in cluster.all(PODS))


async def test_machines_come_out_as_they_were(tmp_path: Path, sim: Any) -> None:
    """Teaches: what Pods may use, extended resources, labels, taints, cordons; also names with dots."""
    _, objects = await shop(tmp_path)
    path = write_scenario(assemble(objects), tmp_path / "again")
    loaded = load_scenario(path)
    async with cluster_of(loaded.scenario, 1, path.parent) as cluster:
        await ScenarioRun(loaded, lambda _: None, cluster=cluster).play()
        nodes = {node.name: node.object for node in cluster.all(NODES)}
    for name in ("big.example.com", "small", "node-3"):
        old = next(obj for obj in objects if obj["kind"] == "Node" and obj["metadata"]["name"] == name)
        assert nodes[name]["status"]["allocatable"] == old["status"]["allocatable"]
        assert nodes[name]["status"]["capacity"] == old["status"]["capacity"]
        assert nodes[name]["metadata"]["labels"] == old["metadata"]["labels"]
    assert [taint["key"] for taint in nodes["small"]["spec"]["taints"]] == ["edge"]
    assert nodes["node-3"]["spec"]["unschedulable"] is True


async def test_nothing_of_secrets_comes_over(tmp_path: Path, sim: Any) -> None:
    """Teaches: they are not asked for; from a file only the name and the keys that somebody refers to."""
    _, objects = await shop(tmp_path)
    assert SECRETS not in listed()
    in_file = yaml.safe_load(SHOP.rpartition("---")[2])
    for found in (objects, [*objects, in_file]):
        secrets = [obj for obj in assemble(found).stages["20-config.yaml"] if obj["kind"] == "Secret"]
        assert [(obj["metadata"]["name"], obj.get("data"), obj["stringData"]) for obj in secrets] == [
            ("login", None, {"password": ""})
        ]


async def test_the_same_cluster_is_the_same_folder(tmp_path: Path, sim: Any) -> None:
    """Teaches: in whatever order the objects come; no uid, no date, no status is in it."""
    _, objects = await shop(tmp_path)
    for name, found in (("a", objects), ("b", objects[::-1])):
        write_scenario(assemble(found), tmp_path / name / "shop")
    texts = [
        {path.name: path.read_bytes() for path in sorted((tmp_path / name).rglob("*.yaml"))} for name in ("a", "b")
    ]
    assert texts[0] == texts[1]
    everything = b"".join(texts[0].values())
    assert not [word for word in (b"uid:", b"resourceVersion", b"managedFields", b"status:", b"hunter2")
                if word in everything]  # fmt: skip


async def test_pods_whose_set_is_not_in_the_files_stay_with_their_deployment(tmp_path: Path, sim: Any) -> None:
    """Teaches: `kubectl get nodes,deploy,pods` is enough."""
    before, objects = await shop(tmp_path)
    few = [obj for obj in objects if obj["kind"] in ("Node", "Pod", "Deployment", "StatefulSet", "DaemonSet",
                                                     "PriorityClass")]  # fmt: skip
    path = write_scenario(assemble(few), tmp_path / "few")
    loaded = load_scenario(path)
    async with cluster_of(loaded.scenario, 1, path.parent) as cluster:
        await ScenarioRun(loaded, lambda _: None, cluster=cluster).play()
        assert places(cluster) == before


CLAIMS = """\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: n}, status: {capacity: {cpu: "2", memory: 4Gi, pods: "10"}}}
- apiVersion: v1
  kind: PersistentVolume
  metadata: {name: pv-1, uid: 11111111-1111-1111-1111-111111111111}
  spec:
    capacity: {storage: 1Gi}
    accessModes: [ReadWriteOnce]
    hostPath: {path: /data}
    storageClassName: slow
    claimRef: {kind: PersistentVolumeClaim, namespace: default, name: data, uid: 2, resourceVersion: "5"}
  status: {phase: Bound}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: data, namespace: default, annotations: {pv.kubernetes.io/bind-completed: "yes"}}
  spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, volumeName: pv-1, storageClassName: slow}
  status: {phase: Bound}
- {apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: default}}
- {apiVersion: v1, kind: Pod, metadata: {name: done, namespace: default}, spec: {}, status: {phase: Succeeded}}
"""


async def test_claims_stay_with_their_volumes(tmp_path: Path, sim: Any) -> None:
    """Teaches: by name, since uids are new; what cannot be taken over is said."""
    (tmp_path / "claims.yaml").write_text(CLAIMS)
    world = assemble(read_objects([tmp_path / "claims.yaml"]))
    assert world.notes == (
        "left out: 1 Pod (it had ended)", "left out: 1 Widget (a kind that is not taken over)"
    )  # fmt: skip
    path = write_scenario(world, tmp_path / "claims")
    loaded = load_scenario(path)
    async with cluster_of(loaded.scenario, 1, path.parent) as cluster:
        await ScenarioRun(loaded, lambda _: None, cluster=cluster).play()
        claim = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")
        assert (claim.object["status"]["phase"], claim.object["spec"]["volumeName"]) == ("Bound", "pv-1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "cluster.yaml, line"),
        ("just a text", "cluster.yaml, document 1 is no object of Kubernetes: it has no kind"),
        ("{kind: Pod, metadata: {name: x}}", "document 1: Pod has no apiVersion"),
        ("{apiVersion: v1, kind: Pod}", "document 1: Pod has no metadata.name"),
        ("{apiVersion: v1, kind: List, items: [1]}", "document 1, item 1 is no object"),
        ("{apiVersion: v1, kind: List, items: x}", "`items` must be a list"),
        ("{apiVersion: v1, kind: Namespace, metadata: {name: x}}", "there is no Node among these objects"),
    ],
)
def test_files_that_hold_no_cluster_are_refused(tmp_path: Path, text: str, words: str) -> None:
    """Teaches: which file, which document, which item."""
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    with pytest.raises(ImportingError) as refused:
        assemble(read_objects([path]))
    assert words in str(refused.value)
