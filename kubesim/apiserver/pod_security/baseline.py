"""The checks of the level baseline: nothing that is known to break out of a container.

Upstream: k8s.io/pod-security-admission/policy/check_*.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object
from kubesim.apiserver.pod_security.parts import (
    Violation,
    containers_of,
    is_in_user_namespace,
    names_where,
    plural,
    quoted,
    security_of,
    setters,
    some_containers,
)

PROFILES = ("RuntimeDefault", "Localhost")
APP_ARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
CAPABILITIES = frozenset((
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
))  # fmt: skip
SE_LINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t")
SE_LINUX_TYPES_31 = (*SE_LINUX_TYPES, "container_engine_t")
SYSCTLS = (
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
)  # fmt: skip
SYSCTLS_27 = (*SYSCTLS, "net.ipv4.ip_local_reserved_ports")
SYSCTLS_29 = (
    *SYSCTLS_27, "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
)  # fmt: skip
SYSCTLS_32 = (*SYSCTLS_29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem")


def app_armor_profile(metadata: Object, spec: Object) -> Violation | None:
    """The runtime's profile, or one of the node's own."""
    values: set[str] = set()

    def is_bad(holder: Object) -> bool:
        profile = security_of(holder).get("appArmorProfile")
        if profile is None or profile.get("type") in PROFILES:
            return False
        values.add(profile.get("type", ""))
        return True

    who = setters(is_bad(spec), names_where(spec, is_bad))
    annotations = sorted(
        f'{key}="{value}"'
        for key, value in (metadata.get("annotations") or {}).items()
        if key.startswith(APP_ARMOR_ANNOTATION)
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    )
    if annotations:
        who = " and ".join(filter(None, (who, plural("annotation", annotations))))
    if not who:
        return None
    bad = [*sorted(values), *annotations]
    reason = plural("forbidden AppArmor profile", bad)
    return Violation(reason, f"{who} must not set AppArmor profile type to {quoted(bad)}")


def capabilities(_: Object, spec: Object) -> Violation | None:
    """None beyond those that a container has anyway."""
    added: set[str] = set()

    def is_bad(container: Object) -> bool:
        wanted = (security_of(container).get("capabilities") or {}).get("add") or ()
        beyond = [capability for capability in wanted if capability not in CAPABILITIES]
        added.update(beyond)
        return bool(beyond)

    names = names_where(spec, is_bad)
    if not names:
        return None
    detail = f"{some_containers(names)} must not include {quoted(sorted(added))} in securityContext.capabilities.add"
    return Violation("non-default capabilities", detail)


def host_namespaces(_: Object, spec: Object) -> Violation | None:
    """Not the node's network, processes or shared memory."""
    found = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return Violation("host namespaces", ", ".join(sorted(found))) if found else None


def host_path_volumes(_: Object, spec: Object) -> Violation | None:
    """Nothing of the node's files."""
    names = [volume["name"] for volume in spec.get("volumes") or () if volume.get("hostPath") is not None]
    return Violation("hostPath volumes", f"{plural('volume', names)} {quoted(names)}") if names else None


def host_ports(_: Object, spec: Object) -> Violation | None:
    """No port of the node's."""
    ports: set[str] = set()

    def is_bad(container: Object) -> bool:
        bad = [str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")]
        ports.update(bad)
        return bool(bad)

    names = names_where(spec, is_bad)
    if not names:
        return None
    use, what = plural("uses", names, "use"), plural("hostPort", ports)
    return Violation("hostPort", f"{some_containers(names)} {use} {what} {', '.join(sorted(ports))}")


def host_probes(_: Object, spec: Object) -> Violation | None:
    """Probes and lifecycle handlers ask the Pod itself, nobody else."""
    hosts: set[str] = set()

    def is_bad(container: Object) -> bool:
        lifecycle = container.get("lifecycle") or {}
        handlers: list[Any] = [container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
        handlers += [lifecycle.get(name) for name in ("postStart", "preStop")]
        actions = [handler.get(kind) for handler in handlers if handler for kind in ("httpGet", "tcpSocket")]
        bad = [action["host"] for action in actions if action and action.get("host")]
        hosts.update(bad)
        return bool(bad)

    names = sorted(set(names_where(spec, is_bad)))
    if not names:
        return None
    use, what = plural("uses", names, "use"), plural("probe or lifecycle host", hosts)
    detail = f"{some_containers(names)} {use} {what} {quoted(sorted(hosts))}"
    return Violation("probe or lifecycle host", detail)


def privileged(_: Object, spec: Object) -> Violation | None:
    """No privileged containers."""
    names = names_where(spec, lambda container: security_of(container).get("privileged"))
    if not names:
        return None
    return Violation("privileged", f"{some_containers(names)} must not set securityContext.privileged=true")


def proc_mount(_: Object, spec: Object) -> Violation | None:
    """/proc with its masks."""
    kinds: set[str] = set()

    def is_bad(container: Object) -> bool:
        kind = security_of(container).get("procMount")
        if kind is None or kind == "Default":
            return False
        kinds.add(kind)
        return True

    names = names_where(spec, is_bad)
    if not names:
        return None
    detail = f"{some_containers(names)} must not set securityContext.procMount to {quoted(sorted(kinds))}"
    return Violation("procMount", detail)


def proc_mount_35(metadata: Object, spec: Object) -> Violation | None:
    """Since 1.35 a Pod in a user namespace may do without."""
    return None if is_in_user_namespace(spec) else proc_mount(metadata, spec)


def _se_linux(spec: Object, allowed: tuple[str, ...]) -> Violation | None:
    types: set[str] = set()
    fields: set[str] = set()

    def is_bad(holder: Object) -> bool:
        options = security_of(holder).get("seLinuxOptions") or {}
        kind = options.get("type", "")
        if kind not in allowed:
            types.add(kind)
        bad = [name for name in ("user", "role") if options.get(name)]
        fields.update(bad)
        return bool(bad) or kind not in allowed

    who = setters(is_bad(spec), names_where(spec, is_bad))
    if not who:
        return None
    what = [f"{plural('type', types)} {quoted(sorted(types))}"] if types else []
    what += [f"{name} may not be set" for name in ("user", "role") if name in fields]
    return Violation("seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(what)}")


def se_linux_options(_: Object, spec: Object) -> Violation | None:
    """Only the types that containers run as."""
    return _se_linux(spec, SE_LINUX_TYPES)


def se_linux_options_31(_: Object, spec: Object) -> Violation | None:
    """Since 1.31 a container engine has a type of its own."""
    return _se_linux(spec, SE_LINUX_TYPES_31)


def seccomp_profile(_: Object, spec: Object) -> Violation | None:
    """Whoever names a profile may not name none."""
    values: set[str] = set()

    def is_bad(holder: Object) -> bool:
        profile = security_of(holder).get("seccompProfile")
        if profile is None or profile.get("type") in PROFILES:
            return False
        values.add(profile.get("type", ""))
        return True

    who = setters(is_bad(spec), names_where(spec, is_bad))
    if not who:
        return None
    detail = f"{who} must not set securityContext.seccompProfile.type to {quoted(sorted(values))}"
    return Violation("seccompProfile", detail)


def _sysctls(spec: Object, allowed: tuple[str, ...]) -> Violation | None:
    names = [sysctl.get("name", "") for sysctl in security_of(spec).get("sysctls") or ()]
    bad = [name for name in names if name not in allowed]
    return Violation("forbidden sysctls", ", ".join(bad)) if bad else None


def sysctls(_: Object, spec: Object) -> Violation | None:
    """Only those that concern nobody else on the node."""
    return _sysctls(spec, SYSCTLS)


def sysctls_27(_: Object, spec: Object) -> Violation | None:
    """As of 1.27."""
    return _sysctls(spec, SYSCTLS_27)


def sysctls_29(_: Object, spec: Object) -> Violation | None:
    """As of 1.29."""
    return _sysctls(spec, SYSCTLS_29)


def sysctls_32(_: Object, spec: Object) -> Violation | None:
    """As of 1.32."""
    return _sysctls(spec, SYSCTLS_32)


def windows_host_process(_: Object, spec: Object) -> Violation | None:
    """No process of the node's on Windows."""

    def is_bad(holder: Object) -> bool:
        return bool((security_of(holder).get("windowsOptions") or {}).get("hostProcess"))

    names = [container.get("name", "") for container in containers_of(spec) if is_bad(container)]
    who = setters(is_bad(spec), names)
    if not who:
        return None
    return Violation("hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true")
