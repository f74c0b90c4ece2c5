"""Shapes: what Pods of one template have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.selectors import equality_selector
from kubesim.api.stored import Stored
from kubesim.scheduler import pod_info
from kubesim.scheduler.pod_info import PodInfo, PodShapes


def test_pods_of_one_template_share_a_shape(pod: Callable[..., Stored]) -> None:
    """Teaches: names, labels and volumes do not decide where a Pod can run."""
    shapes = PodShapes()
    first = shapes.pod_info(pod("a", volumes=[{"name": "kube-api-access-x"}]))
    second = shapes.pod_info(pod("b", labels={"x": "y"}, volumes=[{"name": "kube-api-access-z"}]))
    assert first.shape is second.shape
    assert first.uid != second.uid


@pytest.mark.parametrize(
    "changed",
    [{"requests": {"cpu": "1"}}, {"image": "db"}, {"nodeSelector": {"a": "b"}}, {"ports": [{"hostPort": 80}]},
     {"tolerations": [{"operator": "Exists"}]}, {"overhead": {"cpu": "1m"}},
     {"initContainers": [{"name": "i", "image": "busybox"}]}],
)  # fmt: skip
def test_whatever_a_plugin_reads_makes_another_shape(pod: Callable[..., Stored], changed: dict[str, Any]) -> None:
    """Teaches: a cache key must hold everything that the answer depends on."""
    shapes = PodShapes()
    assert shapes.pod_info(pod()).shape is not shapes.pod_info(pod(**changed)).shape


def test_a_status_update_keeps_the_shape_without_looking(pod: Callable[..., Stored]) -> None:
    """Teaches: metadata.generation counts changes of the spec."""
    shapes = PodShapes()
    old = shapes.pod_info(pod())
    assert shapes.pod_info(pod(phase="Running", revision=2), old).shape is old.shape
    resized = shapes.pod_info(pod(requests={"cpu": "1"}, generation=2, revision=3), old)
    assert resized.shape.requests == {"cpu": 1000}


def test_host_ports_of_containers_and_sidecars_count(pod: Callable[..., Stored]) -> None:
    """Teaches: an init container that ends before the rest starts holds no port."""
    port = {"hostPort": 1, "hostIP": "10.0.0.1", "protocol": "UDP"}
    sidecar = {"name": "s", "restartPolicy": "Always", "ports": [port]}
    ended = {"name": "i", "ports": [{"hostPort": 2}]}
    made = pod(ports=[{"hostPort": 80}, {"containerPort": 8080}], initContainers=[sidecar, ended])
    assert PodShapes().pod_info(made).shape.host_ports == (("0.0.0.0", "TCP", 80), ("10.0.0.1", "UDP", 1))


def test_old_shapes_are_forgotten(pod: Callable[..., Stored], monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: every cache has a stated limit."""
    monkeypatch.setattr(pod_info, "SHAPES_MAX", 2)
    shapes = PodShapes()
    first = shapes.pod_info(pod(image="a")).shape
    for image in "bc":
        shapes.pod_info(pod(image=image))
    assert shapes.pod_info(pod(image="a")).shape is not first


def test_a_group_answers_every_selector_anew(info: Callable[..., PodInfo]) -> None:
    """Teaches: the last answer is remembered, and the next question may be another."""
    group = info(labels={"app": "web"}).group
    web, db = equality_selector({"app": "web"}), equality_selector({"app": "db"})
    assert [group.is_selected_by(selector) for selector in (web, web, db, db, web)] == [True, True, False, False, True]
