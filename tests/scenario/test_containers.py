"""What containers and registries do, as a scenario file says it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kubesim.kubelet import Registries
from kubesim.kubelet.runtime.model import Answer, Behaviour, Dependency, Usage
from kubesim.kubelet.runtime.registry import Refusal
from kubesim.scenario.containers import ContainerBehavior, behaviour
from kubesim.scenario.registries import RegistryAction, act


def test_every_field_of_a_behaviour_arrives() -> None:
    """Teaches: what a container does is data, with quantities and durations as Kubernetes writes them."""
    fields = {
        "startDelay": "1s", "startJitter": "500ms", "runsFor": "2m", "exitAfterRequests": 9, "exitCode": 3, "fails": 2,
        "readyAfter": "5s", "readyFor": "1m", "healthyFor": "2m", "answerTime": "100ms", "stopTime": "3s",
        "cpu": "250m", "memory": "64Mi", "leak": "1Mi", "requestCpu": "20ms", "requestLeak": "1Ki",
        "usage": [{"after": "10s", "cpu": "500m", "memory": "128Mi", "ramp": True}],
        "http": [{"path": "/api", "code": 500, "every": 3}], "needs": [{"service": "db:5432", "otherwise": "exit"}],
    }  # fmt: skip
    assert behaviour(ContainerBehavior.model_validate(fields)) == Behaviour(
        start_seconds=1, start_jitter_seconds=0.5, run_seconds=120, exit_after_requests=9, exit_code=3, failures=2,
        ready_after_seconds=5, ready_for_seconds=60, live_for_seconds=120, answer_seconds=0.1, stop_seconds=3,
        cpu_milli=250, memory_bytes=64 << 20, leak_bytes_per_second=1 << 20, request_cpu_milliseconds=20,
        request_leak_bytes=1024, usage=(Usage(10, 500, 128 << 20, True),), http=(Answer("/api", 500, every=3),),
        depends_on=(Dependency("db:5432", "exit"),),
    )  # fmt: skip
    assert behaviour(ContainerBehavior.model_validate({"ignoresSigterm": True})).stop_seconds is None


def test_points_of_usage_stand_in_order() -> None:
    """Teaches: a curve is drawn from left to right."""
    with pytest.raises(ValidationError, match="in order of time"):
        ContainerBehavior.model_validate({"usage": [{"after": "10s"}, {"after": "5s"}]})


def test_a_curve_can_ramp() -> None:
    """Teaches: with ramp it grows evenly, without it steps."""
    curve = Behaviour(cpu_milli=100, memory_bytes=0, usage=(Usage(10, 300, 1000, True), Usage(20, 50, 0)))
    assert [curve.usage_at(second) for second in (0, 5, 10, 19, 20)] == [
        (100, 0), (200, 500), (300, 1000), (300, 1000), (50, 0),
    ]  # fmt: skip
    assert curve.seconds_until(500) == pytest.approx(5, abs=0.001)
    assert curve.seconds_until(2000) is None


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"delete": "example.com/app:1"}, "no-tag"),
        ({"down": "example.com", "how": "timeout"}, "timeout"),
        ({"private": "example.com", "username": "me", "password": "x"}, "denied"),
    ],
)
def test_a_trouble_of_a_registry_is_what_nodes_meet(fields: dict[str, Any], kind: str) -> None:
    """Teaches: one change at a time, and it is told."""
    registries = Registries()
    assert act(registries, RegistryAction.model_validate(fields)).strip()
    with pytest.raises(Refusal, match=kind):
        registries.look_up("example.com/app:1")
    act(registries, RegistryAction(up="example.com"))
    act(registries, RegistryAction(publish="quay.io/app:2"))
    act(registries, RegistryAction(slow="quay.io", speed="500k"))
    assert registries.seconds_for("quay.io/app:2", registries.look_up("quay.io/app:2").layers) == 20
    act(registries, RegistryAction(limit="quay.io", pulls=0, window=60))
    with pytest.raises(Refusal, match="limit"):
        registries.count("quay.io/app:2", (), 0)
