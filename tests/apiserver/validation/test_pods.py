"""Tests of what is wrong with Pods: containers, volumes, probes, environments, placement, security, warnings."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.defaults.pods import pod_spec
from kubesim.apiserver.validation.pod import validate_pod_spec
from kubesim.apiserver.validation.pod_update import validate_pod_update
from kubesim.apiserver.validation.pod_warnings import name_warnings, pod_warnings

C = "spec.containers[0]"
SPREAD = "spec.topologySpreadConstraints[0]"
RULE = "must be specified when `operator` is 'In' or 'NotIn'"


def problems(spec: dict[str, Any] | None = None, **container: Any) -> list[str]:
    """What is wrong with a Pod of one container."""
    whole = pod_spec({"containers": [{"name": "c", "image": "i", **container}], **(spec or {})})
    return [str(problem) for problem in validate_pod_spec(whole, "spec", "p")]


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"ports": [{"containerPort": 1, "name": "A"}]},
         [f'{C}.ports[0].name: Invalid value: "A": must contain only alpha-numeric characters (a-z, 0-9), and hyphens '
          "(-)", f'{C}.ports[0].name: Invalid value: "A": must contain at least one letter (a-z)']),
        ({"ports": [{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 9}]},
         [f'{C}.ports[1].hostPort: Duplicate value: "TCP//9"']),
        ({"env": [{"name": "A", "valueFrom": {}}]},
         [f'{C}.env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, '
          "`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"]),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nope"}}}]},
         [f'{C}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.nope": error converting fieldPath: field '
          "label not supported: spec.nope"]),
        ({"envFrom": [{}]}, [f'{C}.envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`']),
        ({"resources": {"limits": {"hugepages-2Mi": "3Mi"}}},
         [f'{C}.resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of '
          "hugepages-2Mi", f"{C}.resources: Forbidden: HugePages require cpu or memory"]),
        ({"livenessProbe": {"exec": {}, "httpGet": {"port": 0}}},
         [f"{C}.livenessProbe.exec.command: Required value",
          f"{C}.livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type"]),
        ({"lifecycle": {"preStop": {"sleep": {"seconds": 40}}}},
         [f"{C}.lifecycle.preStop.sleep: Invalid value: 40: must be non-negative and less than "
          "terminationGracePeriodSeconds (30)"]),
        ({"volumeDevices": [{"name": "d", "devicePath": "/dev/x"}]}, [f'{C}.volumeDevices[0].name: Not found: "d"']),
        ({"securityContext": {"runAsUser": -1, "seccompProfile": {"type": "Localhost"}}},
         [f"{C}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 4294967295, inclusive",
          f"{C}.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is "
          "Localhost"]),
    ],
)  # fmt: skip
def test_a_container_that_cannot_run_is_refused(container: dict[str, Any], words: list[str]) -> None:
    """Teaches: what each part of a container must say, in upstream's words."""
    assert problems(**container) == words


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"volumes": [{"name": "v", "hostPath": {"path": "../x", "type": "Nope"}}]},
         ['spec.volumes[0].hostPath.path: Invalid value: "../x": must not contain \'..\'',
          'spec.volumes[0].hostPath.type: Unsupported value: "Nope": supported values: "", "BlockDevice", '
          '"CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"']),
        ({"volumes": [{"name": "v", "secret": {"defaultMode": 512}}]},
         ["spec.volumes[0].secret.secretName: Required value",
          "spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both "
          "inclusive"]),
        ({"topologySpreadConstraints": [{"maxSkew": 0, "whenUnsatisfiable": "X", "topologyKey": "z"}]},
         [f"{SPREAD}.maxSkew: Invalid value: 0: must be greater than zero",
          f'{SPREAD}.whenUnsatisfiable: Unsupported value: "X": supported values: "DoNotSchedule", "ScheduleAnyway"']),
        ({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]}}}},
         ["spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]."
          f"matchExpressions[0].values: Required value: {RULE}"]),
        ({"hostAliases": [{"ip": "010.0.0.1"}]},
         ['spec.hostAliases[0].ip: Invalid value: "010.0.0.1": must not have leading 0s']),
        ({"dnsPolicy": "None"},
         ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"]),
        ({"hostname": "a.b"}, ['spec.hostname: Invalid value: "a.b": must not contain dots']),
        ({"os": {"name": "mac"}}, ['spec.os: Unsupported value: "mac": supported values: "linux", "windows"']),
        ({"schedulingGates": [{"name": "g"}, {"name": "g"}]}, ['spec.schedulingGates[1]: Duplicate value: "g"']),
        ({"initContainers": [{"name": "s", "image": "i", "lifecycle": {}}]},
         ["spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers without "
          "restartPolicy=Always"]),
    ],
)  # fmt: skip
def test_a_pod_that_cannot_be_is_refused(spec: dict[str, Any], words: list[str]) -> None:
    """Teaches: volumes, placement, names and gates, in upstream's words."""
    assert problems(spec) == words


def test_odd_pods_are_accepted_with_a_warning() -> None:
    """Teaches: a warning is for what works, but not as its author thinks."""
    container = {
        "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
        "resources": {"limits": {"memory": "100m"}}, "ports": [{"containerPort": 80}, {"containerPort": 80}],
    }  # fmt: skip
    spec = {"containers": [container], "nodeSelector": {"beta.kubernetes.io/os": "linux"},
            "terminationGracePeriodSeconds": -1}  # fmt: skip
    assert pod_warnings(spec, {}) == [
        'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
        'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
        'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
        "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
        "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
    ]
    assert name_warnings("a.b", "Pod names and hostnames") == [
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label "
        "is recommended: [must not contain dots]"
    ]


def test_a_deadline_only_shrinks_and_gates_only_go() -> None:
    """Teaches: of the few fields that may change, each changes in one direction."""
    old = pod_spec({"containers": [{"name": "c", "image": "i"}], "activeDeadlineSeconds": 5})
    (problem,) = validate_pod_update({**old, "activeDeadlineSeconds": 6}, old)
    assert problem.message == "Invalid value: 6: must be less than or equal to previous value"
    assert validate_pod_update({**old, "activeDeadlineSeconds": 4}, old) == []
    (problem,) = validate_pod_update({**old, "schedulingGates": [{"name": "g"}]}, old)
    assert problem.message == "Forbidden: only deletion is allowed, but found new scheduling gate 'g'"
