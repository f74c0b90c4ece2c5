"""`/healthz`, `/livez`, `/readyz`: is the server alive, and may it be asked?

Each consists of named checks, which have paths of their own: `/readyz?verbose`, `/livez/etcd`.
Upstream: k8s.io/apiserver/pkg/server/healthz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kubesim.api.errors import NotFoundError

COMMON = ("ping", "log", "etcd")
HOOKS = (
    "start-apiserver-admission-initializer",
    "generic-apiserver-start-informers",
    "priority-and-fairness-config-consumer",
    "start-system-namespaces-controller",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "start-kubernetes-service-cidr-controller",
)
CHECKS: dict[str, tuple[str, ...]] = {
    "healthz": COMMON + tuple(f"poststarthook/{name}" for name in HOOKS),
    "livez": COMMON + tuple(f"poststarthook/{name}" for name in HOOKS),
    "readyz": (*COMMON, "etcd-readiness", "informer-sync", *(f"poststarthook/{name}" for name in HOOKS), "shutdown"),
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
    if failed:
        return 500, "\n".join([*lines, f"{endpoint} check failed\n"])
    return 200, "\n".join([*lines, f"{endpoint} check passed\n"]) if "verbose" in query else "ok"
