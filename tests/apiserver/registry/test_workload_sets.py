"""What may be asked of StatefulSets, DaemonSets and ControllerRevisions."""

from __future__ import annotations

from typing import Any

from kubesim.api.resources import CONTROLLER_REVISIONS, DAEMON_SETS, STATEFUL_SETS
from kubesim.api.stored import Object
from kubesim.apiserver.registry.workload_sets import (
    TEMPLATE_GENERATION,
    ControllerRevisionStrategy,
    DaemonSetStrategy,
    StatefulSetStrategy,
)

STATEFUL = StatefulSetStrategy(STATEFUL_SETS)
DAEMON = DaemonSetStrategy(DAEMON_SETS)


def workload(**spec: Any) -> Object:
    template = {
        "metadata": {"labels": {"app": "a"}},
        "spec": {
            "containers": [
                {"name": "c", "image": "i", "imagePullPolicy": "Always", "terminationMessagePolicy": "File"}
            ],
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
        },
    }
    whole = {
        "selector": {"matchLabels": {"app": "a"}},
        "template": template,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "OnDelete"},
        **spec,
    }
    return {"metadata": {"name": "a", "namespace": "default"}, "spec": whole}


def said(problems: Any) -> list[str]:
    return [f"{problem.field}: {problem.message}" for problem in problems]


def test_little_of_a_stateful_set_may_change() -> None:
    """Teaches: names and claims are for life, numbers and templates are not."""
    old = workload(serviceName="a", replicas=1)
    assert STATEFUL.validate_update(workload(serviceName="a", replicas=2), old) == []
    assert said(STATEFUL.validate_update(workload(serviceName="b", replicas=1), old)) == [
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
        "are forbidden"
    ]


def test_the_policies_of_a_stateful_set_are_known_ones() -> None:
    """Teaches: a policy that does not exist is refused, with the ones that do."""
    obj = workload(podManagementPolicy="Later", updateStrategy={"type": "Never"})
    assert said(STATEFUL.validate(obj)) == [
        "spec.podManagementPolicy: Invalid value: \"Later\": must be 'OrderedReady' or 'Parallel'",
        'spec.updateStrategy: Invalid value: {"Type":"Never","RollingUpdate":null}: '
        "must be 'RollingUpdate' or 'OnDelete'",
    ]


def test_the_name_of_a_stateful_set_is_a_hostname() -> None:
    """Teaches: a dot would not fit into the hostname of its Pods."""
    assert STATEFUL.name_problems("a.b") != ()
    assert STATEFUL.name_problems("a-b") == ()


def test_a_daemon_set_counts_its_templates() -> None:
    """Teaches: the annotation is the server's: clients can neither change nor drop it."""
    old = workload()
    DAEMON.prepare_for_create(old)
    assert old["metadata"]["annotations"] == {TEMPLATE_GENERATION: "1"}
    same = workload()
    DAEMON.prepare_for_update(same, old)
    assert same["metadata"]["annotations"] == {TEMPLATE_GENERATION: "1"}
    other = workload(template={"metadata": {"labels": {"app": "a"}}, "spec": {"containers": []}})
    DAEMON.prepare_for_update(other, old)
    assert other["metadata"]["annotations"] == {TEMPLATE_GENERATION: "2"}


def test_a_daemon_rolls_either_by_surge_or_by_absence() -> None:
    """Teaches: exactly one of the two is not zero."""
    rolling = {"maxUnavailable": 0, "maxSurge": 0}
    obj = workload(updateStrategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    path = "spec.updateStrategy.rollingUpdate"
    assert said(DAEMON.validate(obj)) == [f"{path}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"]
    obj["spec"]["updateStrategy"]["rollingUpdate"] = {"maxUnavailable": 1, "maxSurge": "10%"}
    words = "may not be set when maxUnavailable is non-zero"
    assert said(DAEMON.validate(obj)) == [f'{path}.maxSurge: Invalid value: "10%": {words}']


def test_the_data_of_a_revision_never_change() -> None:
    """Teaches: history can be renumbered, not rewritten."""
    strategy = ControllerRevisionStrategy(CONTROLLER_REVISIONS)
    old = {"metadata": {"name": "r"}, "data": {"a": 1}, "revision": 1}
    assert strategy.validate_update({**old, "revision": 2}, old) == []
    assert said(strategy.validate_update({**old, "data": {"a": 2}}, old)) == [
        'data: Invalid value: {"a":2}: field is immutable'
    ]
    assert said(strategy.validate({"metadata": {}, "revision": -1})) == [
        "revision: Invalid value: -1: must be greater than or equal to 0",
        "data: Required value: data is mandatory",
    ]
