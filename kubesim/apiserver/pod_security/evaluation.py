"""Which checks belong to a level and version, and what they find.

Checks of baseline come first, then those of restricted, each by the name of the check. Where restricted is
stricter about the same thing, its check takes the other's place.
Upstream: k8s.io/pod-security-admission/policy/registry.go. Left out: the annotations of seccomp before 1.19.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.api.stored import Object
from kubesim.apiserver.pod_security import baseline, restricted
from kubesim.apiserver.pod_security.levels import PRIVILEGED, RESTRICTED, LevelVersion
from kubesim.apiserver.pod_security.parts import Check, Violation

Versions = tuple[tuple[int, Check], ...]  # (the first minor version that it is of, the check), oldest first.

BASELINE_CHECKS: tuple[tuple[str, Versions], ...] = (
    ("appArmorProfile", ((0, baseline.app_armor_profile),)),
    ("capabilities_baseline", ((0, baseline.capabilities),)),
    ("hostNamespaces", ((0, baseline.host_namespaces),)),
    ("hostPathVolumes", ((0, baseline.host_path_volumes),)),
    ("hostPorts", ((0, baseline.host_ports),)),
    ("hostProbesAndHostLifecycle", ((34, baseline.host_probes),)),
    ("privileged", ((0, baseline.privileged),)),
    ("procMount", ((0, baseline.proc_mount), (35, baseline.proc_mount_35))),
    ("seLinuxOptions", ((0, baseline.se_linux_options), (31, baseline.se_linux_options_31))),
    ("seccompProfile_baseline", ((19, baseline.seccomp_profile),)),
    (
        "sysctls",
        ((0, baseline.sysctls), (27, baseline.sysctls_27), (29, baseline.sysctls_29), (32, baseline.sysctls_32)),
    ),
    ("windowsHostProcess", ((0, baseline.windows_host_process),)),
)
RESTRICTED_CHECKS: tuple[tuple[str, Versions], ...] = (
    (
        "allowPrivilegeEscalation",
        ((8, restricted.allow_privilege_escalation), (25, restricted.allow_privilege_escalation_25)),
    ),
    ("capabilities_restricted", ((22, restricted.capabilities), (25, restricted.capabilities_25))),
    ("restrictedVolumes", ((0, restricted.restricted_volumes),)),
    ("runAsNonRoot", ((0, restricted.run_as_non_root), (35, restricted.run_as_non_root_35))),
    ("runAsUser", ((23, restricted.run_as_user), (35, restricted.run_as_user_35))),
    (
        "seccompProfile_restricted",
        ((19, restricted.seccomp_profile_required), (25, restricted.seccomp_profile_required_25)),
    ),
)
# The check of restricted that takes the place of one of baseline.
OVERRIDES = {
    "capabilities_restricted": "capabilities_baseline",
    "restrictedVolumes": "hostPathVolumes",
    "seccompProfile_restricted": "seccompProfile_baseline",
}


def evaluate(wanted: LevelVersion, metadata: Object, spec: Object) -> list[Violation]:
    """What a Pod, or the template of one, does wrong."""
    if wanted.level == PRIVILEGED:
        return []
    checks = {name: check for name, versions in BASELINE_CHECKS if (check := _as_of(versions, wanted.minor))}
    if wanted.level == RESTRICTED:
        for name, versions in RESTRICTED_CHECKS:
            check = _as_of(versions, wanted.minor)
            if check is not None:
                checks.pop(OVERRIDES.get(name, ""), None)
                checks[name] = check
    return [violation for check in checks.values() if (violation := check(metadata, spec)) is not None]


def explain(violations: Sequence[Violation]) -> str:
    """`host namespaces (hostNetwork=true), privileged (container "c" …)`."""
    return ", ".join(f"{each.reason} ({each.detail})" if each.detail else each.reason for each in violations)


def _as_of(versions: Versions, minor: int) -> Check | None:
    found = None
    for first, check in versions:
        if first <= minor:
            found = check
    return found
