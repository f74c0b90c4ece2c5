"""Pod Security Standards, through whole requests."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError, InvalidError
from kubesim.api.resources import DEPLOYMENTS, NAMESPACES, PODS
from kubesim.api.stored import Object
from kubesim.apiserver.pod_security import LevelVersion, evaluate, explain
from kubesim.sim import Simulation

ENFORCE = "pod-security.kubernetes.io/enforce"
NGINX = (
    'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), '
    'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != '
    'true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" '
    'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
)
MODEST: Object = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [{"name": "c", "image": "i", "securityContext": {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
}  # fmt: skip


def pod(name: str, spec: Object | None = None) -> Object:
    return {"metadata": {"name": name}, "spec": spec or {"containers": [{"name": "c", "image": "i"}]}}


async def label(api: Any, value: str, key: str = ENFORCE) -> Any:
    return await api.call(
        "patch", NAMESPACES, "default", {"metadata": {"labels": {key: value}}},
        patch_type="application/merge-patch+json",
    )  # fmt: skip


async def test_a_restricted_namespace_takes_only_modest_pods(sim: Simulation, boot: Any) -> None:
    """Teaches: restricted wants everything said that a container can do without."""
    async with boot(sim) as api:
        await api.account()
        await label(api, "restricted")
        with pytest.raises(ForbiddenError) as refused:
            await api.create(PODS, pod("p"))
        assert str(refused.value) == f'pods "p" is forbidden: violates PodSecurity "restricted:latest": {NGINX}'
        await api.create(PODS, pod("modest", MODEST))


async def test_whoever_makes_a_workload_is_warned(sim: Simulation, boot: Any) -> None:
    """Teaches: a Deployment is stored all the same; its Pods would be refused later, out of sight."""
    async with boot(sim) as api:
        await label(api, "restricted")
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}  # fmt: skip
        made = await api.call("create", DEPLOYMENTS, "", {"metadata": {"name": "d"}, "spec": spec})
        assert made.warnings == (f'would violate PodSecurity "restricted:latest": {NGINX}',)


async def test_a_stricter_namespace_names_the_pods_that_break_the_rule(sim: Simulation, boot: Any) -> None:
    """Teaches: nothing happens to Pods that are there; the labeller hears of them, and a wrong label is refused."""
    async with boot(sim) as api:
        await api.account()
        await api.create(PODS, pod("b"))
        await api.create(PODS, pod("a"))
        answer = await label(api, "restricted")
        assert answer.warnings == (
            'existing pods in namespace "default" violate the new PodSecurity enforce level "restricted:latest"',
            "a (and 1 other pod): allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, "
            "seccompProfile",
        )
        with pytest.raises(InvalidError) as refused:
            await label(api, "strict")
        assert str(refused.value) == (
            f'Namespace "default" is invalid: metadata.labels[{ENFORCE}]: Invalid value: "strict": must be one of '
            "privileged, baseline, restricted"
        )
        with pytest.raises(InvalidError, match=r'must be "latest" or "v1\.x"'):
            await label(api, "1.30", f"{ENFORCE}-version")


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"hostNetwork": True, "hostPID": True}, "host namespaces (hostNetwork=true, hostPID=true)"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, 'hostPath volumes (volume "v")'),
        ({"containers": [{"name": "c", "ports": [{"hostPort": 80}]}]},
         'hostPort (container "c" uses hostPort 80)'),
        ({"containers": [{"name": "c", "securityContext": {"privileged": True}}]},
         'privileged (container "c" must not set securityContext.privileged=true)'),
        ({"containers": [{"name": "c", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]},
         'non-default capabilities (container "c" must not include "NET_ADMIN" in securityContext.capabilities.add)'),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}, "forbidden sysctls (kernel.msgmax)"),
        ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
         'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")'),
        ({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
         'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")'),
        ({"securityContext": {"seLinuxOptions": {"type": "spc_t", "user": "u"}}},
         'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)'),
        ({"containers": [{"name": "c", "securityContext": {"procMount": "Unmasked"}}]},
         'procMount (container "c" must not set securityContext.procMount to "Unmasked")'),
        ({"containers": [{"name": "c", "livenessProbe": {"httpGet": {"host": "h"}}}]},
         'probe or lifecycle host (container "c" uses probe or lifecycle host "h")'),
        ({"securityContext": {"windowsOptions": {"hostProcess": True}}},
         "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)"),
    ],
)  # fmt: skip
def test_what_baseline_forbids(spec: Object, problem: str) -> None:
    """Teaches: each known way out of a container has a check and a sentence."""
    assert explain(evaluate(LevelVersion("baseline"), {}, spec)) == problem
    assert evaluate(LevelVersion("privileged"), {}, spec) == []


def test_a_level_is_what_it_was_in_its_version() -> None:
    """Teaches: pinning a version keeps a cluster's upgrade from refusing what was allowed."""
    spec = {"containers": [{"name": "c", "livenessProbe": {"httpGet": {"host": "h"}}}]}
    assert evaluate(LevelVersion("baseline", 33), {}, spec) == []
    hungry = {"volumes": [{"name": "v", "hostPath": {}}, {"name": "w", "nfs": {}}]}
    assert explain(evaluate(LevelVersion("restricted"), {}, hungry)) == (
        'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")'
    )
