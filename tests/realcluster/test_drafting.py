"""From what somebody did to a scenario that does it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kubesim.realcluster.drafting import draft
from kubesim.realcluster.tidying import image_changes, is_root, only_replicas, tidy
from kubesim.scenario import load_scenario

OWNER = {"kind": "ReplicaSet", "name": "web-1", "uid": "u", "apiVersion": "apps/v1", "controller": True}


def deployment(replicas: int = 2, image: str = "nginx:1", **metadata: Any) -> dict[str, Any]:
    container = {"name": "web", "image": image, "resources": {}, "terminationMessagePolicy": "File"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": "x",
            "resourceVersion": "5",
            "generation": 3,
            **metadata,
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}, "creationTimestamp": None},
                "spec": {"containers": [container], "restartPolicy": "Always", "schedulerName": "default-scheduler"},
            },
        },
        "status": {"readyReplicas": replicas},
    }


def pod(name: str = "pod", **metadata: Any) -> dict[str, Any]:
    token = {"name": "kube-api-access-abc", "projected": {}}
    container = {"name": "c", "image": "busybox", "volumeMounts": [{"name": "kube-api-access-abc", "mountPath": "/x"}]}
    spec = {"containers": [container], "volumes": [token], "nodeName": "node-1", "serviceAccountName": "default",
            "tolerations": [{"key": "node.kubernetes.io/not-ready"}]}  # fmt: skip
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


def node(name: str, ready: str = "True", *, cordoned: bool = False) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "20", "hugepages-2Mi": "0"},
        },
    }


def line(time: float, obj: dict[str, Any], verb: str = "MODIFIED", **more: Any) -> dict[str, Any]:
    return {"t": time, "verb": verb, "kind": obj["kind"], "namespace": "", "name": obj["metadata"]["name"],
            "object": obj, **more}  # fmt: skip


def test_a_manifest_is_what_somebody_would_have_written() -> None:
    """Teaches: most of an object's fields were filled in by the server."""
    assert tidy(deployment()) == {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
                 "template": {"metadata": {"labels": {"app": "web"}},
                              "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}},
    }  # fmt: skip
    assert tidy(pod())["spec"] == {"containers": [{"name": "c", "image": "busybox"}]}


def test_what_a_controller_owns_is_nobody_s_deed() -> None:
    """Teaches: roots have no controller."""
    assert is_root(pod())
    assert not is_root(pod(ownerReferences=[OWNER]))
    assert not is_root({"kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}})
    assert not is_root({"kind": "EndpointSlice", "metadata": {"name": "web"}})


def test_a_small_change_is_a_small_command() -> None:
    """Teaches: scale and set image, or else a manifest."""
    before = tidy(deployment())
    assert only_replicas(before, tidy(deployment(replicas=5)))
    assert not only_replicas(before, tidy(deployment(replicas=5, image="nginx:2")))
    assert image_changes(before, tidy(deployment(image="nginx:2"))) == "web=nginx:2"
    assert image_changes(before, tidy(deployment(replicas=5, image="nginx:2"))) == ""


def story() -> list[dict[str, Any]]:
    return [
        {"t": 0, "meta": {"scenario": {"name": "shop"}}},
        line(0, node("node-1"), "ADDED", initial=True),
        line(0, deployment(), "ADDED", initial=True),
        line(0, pod("web-1-x", ownerReferences=[OWNER]), "ADDED", initial=True),
        line(10, deployment(replicas=4)),
        line(11, {**deployment(replicas=4), "status": {"readyReplicas": 4}}),
        line(20, deployment(replicas=4, image="nginx:2")),
        line(30, pod(), "ADDED"),
        line(31, node("node-1", cordoned=True)),
        {"t": 90, "lease_last": {"node": "node-1", "renewed_t": 41.0}},
        line(90, node("node-1", "Unknown", cordoned=True)),
        line(120, node("node-1", cordoned=True)),
        line(130, pod(deletionTimestamp="2026-01-01T00:00:00Z")),
        line(131, pod(deletionTimestamp="2026-01-01T00:00:00Z"), "DELETED"),
        {"t": 140, "end": True},
    ]


def test_a_story_becomes_steps() -> None:
    """Teaches: what was there is applied first and gets a minute; what was done follows at its distance."""
    drafted = draft("shop", story())
    spec = drafted.scenario["spec"]
    assert spec["steps"] == [
        {"at": "0s", "kubectl": "apply -f manifests/initial.yaml"},
        {"at": "70s", "kubectl": "scale deployment/web --replicas=4"},
        {"at": "80s", "kubectl": "set image deployment/web web=nginx:2"},
        {"at": "90s", "kubectl": ["apply -f manifests/01-pod-pod.yaml", "cordon node-1"]},
        {"at": "101s", "fault": {"crash": "node-1"}},
        {"at": "180s", "fault": {"restart": "node-1"}},
        {"at": "190s", "kubectl": "delete pod/pod"},
    ]
    assert spec["cluster"] == {"nodes": [{"name": "node-1", "cpu": "4", "memory": "8Gi", "pods": 20}]}
    assert spec["expect"][0]["eventually"] == {"get": "deployment/web", "where": {"status.readyReplicas": 4}}
    marks = [(entry["t"], entry["n"]) for entry in drafted.lines if "step" in entry]
    assert marks == [(0.0, 0), (10, 1), (20, 2), (30, 3), (41.0, 4), (120, 5), (130, 6)]
    assert [entry["t"] for entry in drafted.lines] == sorted(entry["t"] for entry in drafted.lines)


def test_a_draft_is_a_valid_scenario(tmp_path: Path) -> None:
    """Teaches: it can be run as it is."""
    path = draft("shop", story()).write(tmp_path / "shop")
    loaded = load_scenario(path)
    assert loaded.scenario.metadata.name == "shop"
    assert yaml.safe_load((path.parent / "manifests" / "initial.yaml").read_text())["spec"]["replicas"] == 2


def test_where_nothing_happened_there_is_little_to_draft(tmp_path: Path) -> None:
    """Teaches: an empty namespace is a scenario, too."""
    load_scenario(draft("quiet", [{"t": 0, "meta": {}}, {"t": 5, "end": True}]).write(tmp_path / "quiet"))


def test_what_an_autoscaler_does_is_nobody_s_command() -> None:
    """Teaches: somebody else turned the knob."""
    scaler = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}},
    }  # fmt: skip
    lines = [story()[0], line(0, deployment(), "ADDED", initial=True), line(0, scaler, "ADDED", initial=True)]
    steps = draft("shop", [*lines, line(10, deployment(replicas=7)), {"t": 20, "end": True}]).scenario["spec"]["steps"]
    assert [step["at"] for step in steps] == ["0s"]
