"""`/healthz`, `/livez`, `/readyz`: is the server alive, and may it be asked?

Each consists of named checks, which have paths of their own: `/readyz?verbose`, `/livez/etcd`.
Upstream: k8s.io/apiserver/pkg/server/healthz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kubesim.api.errors import NotFoundError

COMMON = ("ping", "log", "etcd")
_BEFORE_REGISTRATION = (
    "start-apiserver-admission-initializer",
    "generic-apiserver-start-informers",
    "priority-and-fairness-config-consumer",
    "priority-and-fairness-filter",
    "storage-object-count-tracker-hook",
    "start-apiextensions-informers",
    "start-apiextensions-controllers",
    "crd-informer-synced",
    "start-system-namespaces-controller",
    "start-cluster-authentication-info-controller",
    "start-kube-apiserver-identity-lease-controller",
    "start-kube-apiserver-identity-lease-garbage-collector",
    "storage-readiness",
    "start-legacy-token-tracking-controller",
    "start-service-ip-repair-controllers",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "priority-and-fairness-config-producer",
    "bootstrap-controller",
    "start-kubernetes-service-cidr-controller",
    "aggregator-reload-proxy-client-cert",
    "start-kube-aggregator-informers",
    "apiservice-status-local-available-controller",
    "apiservice-status-remote-available-controller",
    "apiservice-registration-controller",
    "apiservice-discovery-controller",
    "kube-apiserver-autoregistration",
)
_AFTER_REGISTRATION = ("apiservice-openapi-controller", "apiservice-openapiv3-controller")
HOOKS = (
    *(f"poststarthook/{name}" for name in _BEFORE_REGISTRATION),
    "autoregister-completion",
    *(f"poststarthook/{name}" for name in _AFTER_REGISTRATION),
)
CHECKS: dict[str, tuple[str, ...]] = {
    "healthz": COMMON + HOOKS,
    "livez": COMMON + HOOKS,
    "readyz": (*COMMON, "etcd-readiness", "informer-sync", *HOOKS, "shutdown"),
}


def health(path: str, query: Mapping[str, Sequence[str]], fails: Callable[[str], bool]) -> tuple[int, str]:
    """Code and text for a health path; `fails` says whether a check fails. NotFoundError for an unknown check."""
    endpoint, _, check = path.strip("/").partition("/")
    checks = CHECKS[endpoint]
    if check:
        if check not in checks:
            raise NotFoundError("the server could not find the requested resource")
        return (500, "internal server error: check failed\n") if fails(check) else (200, "ok")
    excluded = set(query.get("exclude", ()))
    lines, failed = [], False
    for name in checks:
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok")
        elif fails(name):
            failed = True
            lines.append(f"[-]{name} failed: reason withheld")
        else:
            lines.append(f"[+]{name} ok")
    if unknown := sorted(excluded - set(checks)):
        names = ",".join(f'"{name}"' for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {names}")
    if failed:
        return 500, "\n".join([*lines, f"{endpoint} check failed\n"])
    return 200, "\n".join([*lines, f"{endpoint} check passed\n"]) if "verbose" in query else "ok"
