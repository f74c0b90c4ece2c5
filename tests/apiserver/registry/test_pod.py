"""Pods: what they begin with, what may change, what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.defaults.pods import pod_spec
from kubesim.api.errors import InvalidError
from kubesim.api.meta import with_fields
from kubesim.api.resources import PODS
from kubesim.api.stored import Object
from kubesim.apiserver.registry.qos import qos_class
from kubesim.apiserver.validation.pod import validate_only_pod, validate_pod_spec
from kubesim.apiserver.validation.pod_update import UPDATES_MAY_NOT
from kubesim.sim import Simulation

CPU_AND_MEMORY = {"cpu": "100m", "memory": "64Mi"}


def container(name: str = "c", **more: Any) -> Object:
    return {"name": name, "image": "i", "imagePullPolicy": "Always", **more}


def problems(**spec: Any) -> list[str]:
    """What is wrong with a spec, beside being without containers."""
    return [str(problem) for problem in validate_pod_spec(pod_spec({"containers": [container()], **spec}), "spec", "p")]


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "0"}}], "BestEffort"),
        ([{"requests": {"cpu": "100m"}}], "Burstable"),
        ([{"limits": CPU_AND_MEMORY, "requests": CPU_AND_MEMORY}], "Guaranteed"),
        ([{"limits": CPU_AND_MEMORY, "requests": {"cpu": "0.1", "memory": "65536Ki"}}], "Guaranteed"),
        ([{"limits": CPU_AND_MEMORY, "requests": {"cpu": "50m", "memory": "64Mi"}}], "Burstable"),
        ([{"limits": CPU_AND_MEMORY, "requests": CPU_AND_MEMORY}, {}], "Burstable"),
        ([{"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}], "Burstable"),
        ([{"requests": {"example.com/gpu": "1"}}], "BestEffort"),
    ],
)
def test_quality_of_service_follows_from_the_resources(resources: list[Object], quality: str) -> None:
    """Teaches: Guaranteed, Burstable, BestEffort: who is evicted last, and who first."""
    assert qos_class({"containers": [container(resources=entry) for entry in resources]}) == quality


async def test_a_new_pod_is_pending(sim: Simulation, boot: Any) -> None:
    """Teaches: phase and quality of service are there from the first moment."""
    async with boot(sim) as api:
        assert (await api.pod()).object["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


async def test_a_pod_behind_gates_says_so_from_the_beginning(sim: Simulation, boot: Any) -> None:
    """Teaches: it is the apiserver that says so: the scheduler does not even look at such a Pod."""
    async with boot(sim) as api:
        created = await api.pod(schedulingGates=[{"name": "example.com/wait"}])
    (condition,) = created.object["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "SchedulingGated")
    assert condition["message"] == "Scheduling is blocked due to non-empty scheduling gates"


async def test_a_running_pod_is_nearly_fixed(sim: Simulation, boot: Any) -> None:
    """Teaches: image, deadline and more tolerations: all else needs a new Pod."""
    async with boot(sim) as api:
        made = await api.pod(node="n1")
        image = [{"op": "replace", "path": "/spec/containers/0/image", "value": "nginx:2"}]
        changed = await api.patch(PODS, "web", image, "application/json-patch+json")
        assert changed.object["metadata"]["generation"] == 2
        await api.patch(PODS, "web", {"spec": {"activeDeadlineSeconds": 60}})
        more = [*made.object["spec"]["tolerations"], {"key": "a", "operator": "Exists"}]
        await api.patch(PODS, "web", {"spec": {"tolerations": more}})
        with pytest.raises(InvalidError) as refusal:
            await api.patch(PODS, "web", {"spec": {"nodeName": "n2"}})
        words, _, difference = str(refusal.value).partition("\n")
        assert words == f'Pod "web" is invalid: spec: Forbidden: {UPDATES_MAY_NOT}'
        assert '- "NodeName": "n1",\n+ "NodeName": "n2",\n' in difference
        with pytest.raises(InvalidError, match=r"pod updates may not add or remove containers$"):
            await api.patch(PODS, "web", {"spec": {"containers": [container("a"), container("b")]}})
        with pytest.raises(
            InvalidError, match=r"existing toleration can not be modified except its tolerationSeconds$"
        ):
            await api.patch(PODS, "web", {"spec": {"tolerations": [{"operator": "Exists"}]}})


async def test_the_status_of_a_pod_does_not_touch_its_owners_or_quality(sim: Simulation, boot: Any) -> None:
    """Teaches: a kubelet reports what it sees and nothing else."""
    async with boot(sim) as api:
        made = await api.pod(node="n1")
        owner = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}
        body = {**with_fields(made.object, {"ownerReferences": [owner]}, "metadata"), "status": {"phase": "Running"}}
        changed = await api.update(PODS, body, subresource="status")
        assert changed.object["status"] == {"phase": "Running", "qosClass": "BestEffort"}
        assert "ownerReferences" not in changed.object["metadata"]
        assert changed.object["metadata"]["generation"] == 1
        with pytest.raises(InvalidError, match=r'status.qosClass: Invalid value: "Guaranteed": field is immutable$'):
            await api.patch(PODS, "web", {"status": {"qosClass": "Guaranteed"}}, subresource="status")


def test_a_pod_has_containers_with_names_and_images() -> None:
    """Teaches: what every Pod needs."""
    assert problems() == []
    assert problems(containers=[]) == ["spec.containers: Required value"]
    assert problems(containers=[container("")]) == ["spec.containers[0].name: Required value"]
    assert problems(containers=[container(), container()]) == ['spec.containers[1].name: Duplicate value: "c"']
    assert problems(initContainers=[container()]) == ['spec.initContainers[0].name: Duplicate value: "c"']
    assert problems(containers=[{"name": "c", "imagePullPolicy": "Always"}]) == [
        "spec.containers[0].image: Required value"
    ]
    assert [str(problem) for problem in validate_only_pod({"containers": [container(image=" i")]})] == [
        'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace'
    ]
    (message,) = problems(containers=[container("Bad_")])
    assert message.startswith('spec.containers[0].name: Invalid value: "Bad_": a lowercase RFC 1123 label must consist')


def test_words_with_few_values_are_checked() -> None:
    """Teaches: an unsupported value is answered with the supported ones."""
    assert problems(restartPolicy="Sometimes") == [
        'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'
    ]
    assert problems(containers=[container(imagePullPolicy="Maybe")]) == [
        'spec.containers[0].imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", '
        '"Never"'
    ]
    assert problems(dnsPolicy="Never") == [
        'spec.dnsPolicy: Unsupported value: "Never": supported values: "ClusterFirstWithHostNet", "ClusterFirst", '
        '"Default", "None"'
    ]


def test_ports_are_numbers_of_sixteen_bits() -> None:
    """Teaches: 1 to 65535."""
    ports = [{"containerPort": 99999}, {}, {"containerPort": 80, "hostPort": 70000, "protocol": "ICMP"}]
    assert problems(containers=[container(ports=ports)]) == [
        "spec.containers[0].ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive",
        "spec.containers[0].ports[1].containerPort: Required value",
        "spec.containers[0].ports[2].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        'spec.containers[0].ports[2].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ]


def test_what_is_mounted_must_be_a_volume() -> None:
    """Teaches: volumes are declared by the Pod and mounted by containers."""
    mounts = [{"name": "v", "mountPath": "/x"}, {"name": "nov", "mountPath": "/x"}, {}]
    assert problems(volumes=[{"name": "v", "emptyDir": {}}], containers=[container(volumeMounts=mounts)]) == [
        'spec.containers[0].volumeMounts[1].name: Not found: "nov"',
        'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique',
        "spec.containers[0].volumeMounts[2].name: Required value",
        'spec.containers[0].volumeMounts[2].name: Not found: ""',
        "spec.containers[0].volumeMounts[2].mountPath: Required value",
    ]
    volumes = [{"name": "v"}, {"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}, {}]
    assert problems(volumes=volumes) == [
        "spec.volumes[1].hostPath: Forbidden: may not specify more than 1 volume type",
        'spec.volumes[1].name: Duplicate value: "v"',
        "spec.volumes[2].name: Required value",
    ]


def test_a_container_asks_for_no_more_than_it_may_use() -> None:
    """Teaches: requests at most as large as limits, and nothing negative."""
    resources = {"requests": {"cpu": "2", "memory": "-1"}, "limits": {"cpu": "1"}}
    assert problems(containers=[container(resources=resources)]) == [
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        'spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
    ]


def test_environment_variables_have_a_name_and_one_source() -> None:
    """Teaches: a value, or where it comes from."""
    variables = [{"value": "x"}, {"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    assert problems(containers=[container(env=variables)]) == [
        "spec.containers[0].env[0].name: Required value",
        'spec.containers[0].env[1].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ]


def test_tolerations_and_numbers_make_sense() -> None:
    """Teaches: seconds only where there is an eviction to wait for."""
    tolerations = [{"key": "", "operator": "Equal"}, {"key": "a", "effect": "Never"},
                   {"key": "a", "effect": "NoSchedule", "tolerationSeconds": 3}]  # fmt: skip
    assert problems(tolerations=tolerations, terminationGracePeriodSeconds=-1, activeDeadlineSeconds=0) == [
        "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which '
        'means "match all values and all keys"',
        'spec.tolerations[1].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", '
        '"NoExecute"',
        "spec.tolerations[2].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when "
        "`tolerationSeconds` is set",
    ]
