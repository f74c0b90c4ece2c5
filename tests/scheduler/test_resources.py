"""What a Pod asks for, added up."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.views import PodSpec, read
from kubesim.scheduler.resources import add, non_zero_pod_requests, pod_requests, subtract

MIB = 1024 * 1024


def spec(**fields: Any) -> PodSpec:
    return read(fields, PodSpec)


def container(cpu: str = "", memory: str = "", **fields: Any) -> dict[str, Any]:
    requests = {"cpu": cpu, "memory": memory}
    return {"name": "c", "resources": {"requests": {k: v for k, v in requests.items() if v}}} | fields


def test_containers_run_side_by_side() -> None:
    """Teaches: their requests add up; cpu counts in thousandths."""
    pod = spec(containers=[container("250m", "64Mi"), container("1", "1G")])
    assert pod_requests(pod) == {"cpu": 1250, "memory": 64 * MIB + 10**9}


def test_init_containers_run_one_after_the_other_and_before() -> None:
    """Teaches: the largest counts, and only if it needs more than the containers later."""
    pod = spec(containers=[container("500m", "1Gi")], initContainers=[container("1"), container("200m", "2Gi")])
    assert pod_requests(pod) == {"cpu": 1000, "memory": 2048 * MIB}


def test_a_sidecar_counts_beside_what_comes_after_it() -> None:
    """Teaches: an init container that is restarted always stays, next to later ones and to the containers."""
    sidecar = container("300m", restartPolicy="Always")
    pod = spec(containers=[container("500m")], initContainers=[container("900m"), sidecar, container("600m")])
    assert pod_requests(pod)["cpu"] == 900  # 300 + 600, the same as the first alone; 300 + 500 is less.


def test_overhead_comes_on_top() -> None:
    """Teaches: a RuntimeClass may cost something itself."""
    assert pod_requests(spec(containers=[container("1")], overhead={"cpu": "50m"}))["cpu"] == 1050


def test_pod_level_resources_replace_the_sum() -> None:
    """Teaches: spec.resources speaks for all containers together, for what it names."""
    pod = spec(containers=[container("1", "1Gi")], resources={"requests": {"cpu": "3"}})
    assert pod_requests(pod) == {"cpu": 3000, "memory": 1024 * MIB}
    assert non_zero_pod_requests(pod)["cpu"] == 3000


def test_silent_containers_count_with_small_defaults_when_scoring() -> None:
    """Teaches: Pods without requests would otherwise all go to one node."""
    pod = spec(containers=[container(), container("1")])
    assert pod_requests(pod) == {"cpu": 1000}
    assert non_zero_pod_requests(pod) == {"cpu": 1100, "memory": 400 * MIB}


def test_extended_resources_are_counted_in_whole_units() -> None:
    """Teaches: a gpu is a number like any other."""
    gpu = {"name": "c", "resources": {"requests": {"example.com/gpu": "2"}}}
    assert pod_requests(spec(containers=[gpu, gpu])) == {"example.com/gpu": 4}


@pytest.mark.parametrize("less", [{"cpu": 5}, {"cpu": 2, "gpu": 1}])
def test_what_is_added_can_be_taken_away_again(less: dict[str, int]) -> None:
    """Teaches: used-up resources leave no zeros behind."""
    total = {"cpu": 5}
    add(total, less)
    subtract(total, less)
    assert total == {"cpu": 5}
    subtract(total, {"cpu": 5})
    assert total == {}
