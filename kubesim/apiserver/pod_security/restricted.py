"""The checks of the level restricted, on top of baseline: as little as a container can live with.

Upstream: k8s.io/pod-security-admission/policy/check_*.go.
"""

from __future__ import annotations

from kubesim.api.stored import Object
from kubesim.apiserver.pod_security.baseline import PROFILES, seccomp_profile
from kubesim.apiserver.pod_security.parts import (
    Violation,
    is_in_user_namespace,
    is_windows,
    names_where,
    plural,
    quoted,
    security_of,
    setters,
    some_containers,
)

VOLUME_TYPES = (
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
)  # fmt: skip
RESTRICTED_TYPES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd",
    "flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk",
    "photonPersistentDisk", "portworxVolume", "scaleIO", "storageos",
)  # fmt: skip


def allow_privilege_escalation(_: Object, spec: Object) -> Violation | None:
    """A process gets no more rights than its parent, and says so."""
    names = names_where(spec, lambda each: security_of(each).get("allowPrivilegeEscalation") is not False)
    if not names:
        return None
    detail = f"{some_containers(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail)


def allow_privilege_escalation_25(metadata: Object, spec: Object) -> Violation | None:
    """Since 1.25 Windows need not."""
    return None if is_windows(spec) else allow_privilege_escalation(metadata, spec)


def capabilities(_: Object, spec: Object) -> Violation | None:
    """All are dropped; one may be added."""
    added: set[str] = set()

    def keeps(container: Object) -> bool:
        return "ALL" not in ((security_of(container).get("capabilities") or {}).get("drop") or ())

    def adds(container: Object) -> bool:
        wanted = (security_of(container).get("capabilities") or {}).get("add") or ()
        bad = [capability for capability in wanted if capability != "NET_BIND_SERVICE"]
        added.update(bad)
        return bool(bad)

    details = []
    if names := names_where(spec, keeps):
        details.append(f'{some_containers(names)} must set securityContext.capabilities.drop=["ALL"]')
    if names := names_where(spec, adds):
        include = quoted(sorted(added))
        details.append(f"{some_containers(names)} must not include {include} in securityContext.capabilities.add")
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None


def capabilities_25(metadata: Object, spec: Object) -> Violation | None:
    """Since 1.25 Windows need not."""
    return None if is_windows(spec) else capabilities(metadata, spec)


def restricted_volumes(_: Object, spec: Object) -> Violation | None:
    """Only volumes that know nothing of the node."""
    names, types = [], set()
    for volume in spec.get("volumes") or ():
        if any(volume.get(kind) is not None for kind in VOLUME_TYPES):
            continue
        names.append(volume["name"])
        types.add(next((kind for kind in RESTRICTED_TYPES if volume.get(kind) is not None), "unknown"))
    if not names:
        return None
    use, what = plural("uses", names, "use"), plural("restricted volume type", types)
    detail = f"{plural('volume', names)} {quoted(names)} {use} {what} {quoted(sorted(types))}"
    return Violation("restricted volume types", detail)


def run_as_non_root(_: Object, spec: Object) -> Violation | None:
    """Nobody is root, and says so."""
    of_pod = security_of(spec).get("runAsNonRoot")
    who = setters(of_pod is False, names_where(spec, lambda each: security_of(each).get("runAsNonRoot") is False))
    if who:
        return Violation("runAsNonRoot != true", f"{who} must not set securityContext.runAsNonRoot=false")
    if of_pod:
        return None
    silent = names_where(spec, lambda each: security_of(each).get("runAsNonRoot") is None)
    if not silent:
        return None
    detail = f"pod or {some_containers(silent)} must set securityContext.runAsNonRoot=true"
    return Violation("runAsNonRoot != true", detail)


def run_as_non_root_35(metadata: Object, spec: Object) -> Violation | None:
    """Since 1.35 root in a user namespace counts as nobody."""
    return None if is_in_user_namespace(spec) else run_as_non_root(metadata, spec)


def run_as_user(_: Object, spec: Object) -> Violation | None:
    """Not as user 0."""

    def is_bad(holder: Object) -> bool:
        return security_of(holder).get("runAsUser") == 0

    who = setters(is_bad(spec), names_where(spec, is_bad))
    return Violation("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def run_as_user_35(metadata: Object, spec: Object) -> Violation | None:
    """Since 1.35 root in a user namespace counts as nobody."""
    return None if is_in_user_namespace(spec) else run_as_user(metadata, spec)


def seccomp_profile_required(metadata: Object, spec: Object) -> Violation | None:
    """A profile, and said so."""
    wrong = seccomp_profile(metadata, spec)
    if wrong is not None:
        return wrong
    if (security_of(spec).get("seccompProfile") or {}).get("type") in PROFILES:
        return None
    silent = names_where(spec, lambda each: security_of(each).get("seccompProfile") is None)
    if not silent:
        return None
    words = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", f"pod or {some_containers(silent)} {words}")


def seccomp_profile_required_25(metadata: Object, spec: Object) -> Violation | None:
    """Since 1.25 Windows need not."""
    return None if is_windows(spec) else seccomp_profile_required(metadata, spec)
