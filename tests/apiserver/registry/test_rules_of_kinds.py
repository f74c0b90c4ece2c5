"""What the strategies of kinds that people write by hand refuse, in the words of the real server."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.resources import (
    CRON_JOBS,
    HORIZONTAL_POD_AUTOSCALERS,
    INGRESSES,
    JOBS,
    NETWORK_POLICIES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_DISRUPTION_BUDGETS,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    STORAGE_CLASSES,
    Resource,
)
from kubesim.apiserver.registry.batch import schedule_problems
from kubesim.apiserver.strategies import strategy_for
from kubesim.sim import run
from kubesim.sim.simulation import Simulation

POD = {
    "restartPolicy": "Never",
    "containers": [{"name": "c", "image": "i", "imagePullPolicy": "Always", "terminationMessagePolicy": "File"}],
    "dnsPolicy": "ClusterFirst",
}


def strategy(resource: Resource) -> Any:
    async def make() -> Any:
        return strategy_for(resource, Simulation())

    return run(make)


def problems(resource: Resource, **obj: Any) -> list[str]:
    return [str(p) for p in strategy(resource).validate({"metadata": {"name": "x"}, **obj})]


@pytest.mark.parametrize(
    ("resource", "obj", "words"),
    [
        (SECRETS, {"type": "kubernetes.io/tls"}, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
        (PERSISTENT_VOLUME_CLAIMS, {"spec": {"accessModes": ["ReadWriteOnce"]}},
         ["spec.resources[storage]: Required value"]),
        (PERSISTENT_VOLUMES, {"spec": {"accessModes": ["ReadWriteOnce"]}},
         ["spec.capacity: Required value", 'spec.capacity: Unsupported value: null: supported values: "storage"',
          "spec: Required value: must specify a volume type"]),
        (STORAGE_CLASSES, {}, ["provisioner: Required value"]),
        (POD_DISRUPTION_BUDGETS, {"spec": {"minAvailable": 1, "maxUnavailable": 1}},
         ['spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,'
          '"UnhealthyPodEvictionPolicy":null}: '
          "minAvailable and maxUnavailable cannot be both set"]),
        (HORIZONTAL_POD_AUTOSCALERS, {"spec": {"minReplicas": 5, "maxReplicas": 2,
                                               "scaleTargetRef": {"kind": "D", "name": "d", "apiVersion": "apps/v1"}}},
         ["spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"]),
        (INGRESSES, {"spec": {"rules": [{"http": {"paths": [{"path": "x", "pathType": "Prefix"}]}}]}},
         ['spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
          'spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required']),
        (NETWORK_POLICIES, {"spec": {"policyTypes": ["Bad"]}},
         ['spec.policyTypes[0]: Unsupported value: "Bad": supported values: "Ingress", "Egress"']),
        (ROLES, {"rules": [{"verbs": ["get"], "apiGroups": [""]}]},
         ["rules[0].resources: Required value: resource rules must supply at least one resource"]),
        (ROLE_BINDINGS, {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": ""}]},
         ["subjects[0].name: Required value"]),
        (JOBS, {"spec": {"template": {"spec": {**POD, "restartPolicy": "Always"}}}},
         ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']),
        (CRON_JOBS, {"spec": {"schedule": "bad", "jobTemplate": {"spec": {"template": {"spec": POD}}}}},
         ['spec.schedule: Invalid value: "bad": expected exactly 5 fields, found 1: [bad]']),
    ],
    ids=lambda value: value.kind if isinstance(value, Resource) else "",
)  # fmt: skip
def test_a_mistake_is_named_as_the_real_server_does(resource: Resource, obj: dict[str, Any], words: list[str]) -> None:
    """Teaches: what each kind insists on."""
    found = problems(resource, **obj)
    assert [word for word in words if word not in found] == []
    assert len(found) == len(words)


@pytest.mark.parametrize("schedule", ["* * * * *", "*/5 0-6 1,15 jan MON", "@daily", "0 0 1 1 *", "@every 1h"])
def test_a_schedule_has_five_fields(schedule: str) -> None:
    """Teaches: cron."""
    assert schedule_problems(schedule) == []


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
    ],
)
def test_a_schedule_that_cannot_be_is_explained(schedule: str, words: str) -> None:
    """Teaches: which values a field may have."""
    assert schedule_problems(schedule) == [words]


def test_a_job_selects_its_pods_by_its_own_uid() -> None:
    """Teaches: two Jobs of one name, one after the other, never share Pods."""
    job: dict[str, Any] = {"metadata": {"name": "j", "uid": "u"}, "spec": {"template": {"spec": POD}}}
    strategy(JOBS).prepare_for_create(job)
    strategy(JOBS).canonicalize(job)
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    assert job["metadata"]["labels"] == job["spec"]["template"]["metadata"]["labels"]
    assert job["metadata"]["labels"]["job-name"] == "j"


def test_a_secrets_text_becomes_base64() -> None:
    """Teaches: stringData is never stored, and wins over data."""
    secret: dict[str, Any] = {"metadata": {"name": "s"}, "stringData": {"a": "b"}, "data": {"a": "eA=="}}
    strategy(SECRETS).prepare_for_create(secret)
    assert (secret["data"], secret["type"], "stringData" in secret) == ({"a": "Yg=="}, "Opaque", False)
