"""Who may do what, as a table: the roles that a real cluster is born with, as far as kubesim's components use them.

A rule reads like one of a ClusterRole: these verbs on these resources of this group. `*` means all.
A later issue replaces the table by Role and RoleBinding objects.
Upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy.
"""

from __future__ import annotations

import msgspec

ALL = ("*",)
READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete", "deletecollection")
EVENTS_WRITE = ("create", "patch", "update")


class Rule(msgspec.Struct, frozen=True):
    """Verbs that are allowed on resources ("pods", "pods/status", "*") of one group; `namespace` "" is everywhere."""

    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    group: str = ""
    namespace: str = ""
    names: tuple[str, ...] = ()

    def allows(self, verb: str, group: str, resource: str, namespace: str, name: str) -> bool:
        """Whether the rule covers a request; `resource` includes the subresource."""
        return (
            (self.verbs == ALL or verb in self.verbs)
            and self.group in ("*", group)
            and (self.resources == ALL or resource in self.resources)
            and self.namespace in ("", namespace)
            and (not self.names or name in self.names)
        )


EVERYTHING = (Rule(ALL, ALL, "*"),)
LEADER_ELECTION = (
    Rule(("create",), ("leases",), "coordination.k8s.io", "kube-system"),
    Rule(("get", "update", "list", "watch", "patch"), ("leases",), "coordination.k8s.io", "kube-system"),
)
EVENTS = (Rule(EVENTS_WRITE, ("events",)), Rule(EVENTS_WRITE, ("events",), "events.k8s.io"))

RULES_BY_USER: dict[str, tuple[Rule, ...]] = {
    "system:kube-scheduler": (
        *EVENTS,
        *LEADER_ELECTION,
        Rule(READ, ("nodes", "namespaces", "services", "replicationcontrollers")),
        Rule((*READ, "delete"), ("pods",)),
        Rule(("create",), ("pods/binding", "bindings")),
        Rule(("patch", "update"), ("pods/status",)),
        Rule(READ, ("replicasets", "statefulsets"), "apps"),
        Rule(READ, ("poddisruptionbudgets",), "policy"),
        Rule((*READ, "update", "patch"), ("persistentvolumeclaims", "persistentvolumes")),
        Rule(READ, ALL, "storage.k8s.io"),
        Rule(READ, ALL, "scheduling.k8s.io"),
        Rule(READ, ALL, "resource.k8s.io"),
    ),
    "system:kube-controller-manager": (
        *EVENTS,
        *LEADER_ELECTION,
        Rule(("list", "watch", "get"), ALL, "*"),
        Rule(("create", "delete", "update"), ("secrets", "serviceaccounts")),
        Rule(("create",), ("serviceaccounts/token",)),
    ),
}
RULES_BY_GROUP: dict[str, tuple[Rule, ...]] = {
    "system:masters": EVERYTHING,
    # Each controller is a service account of kube-system; upstream gives every one a role of its own.
    "system:serviceaccounts:kube-system": EVERYTHING,
    # Writes are narrowed to the node's own objects in authz.py.
    "system:nodes": (
        *EVENTS,
        Rule(READ, ("nodes", "services", "pods", "configmaps", "secrets", "namespaces", "endpoints",
                    "persistentvolumeclaims", "persistentvolumes")),
        Rule(("create", "update", "patch"), ("nodes",)),
        Rule(("update", "patch"), ("nodes/status",)),
        Rule(("create", "delete"), ("pods",)),
        Rule(("update", "patch"), ("pods/status",)),
        Rule(("create",), ("pods/eviction", "serviceaccounts/token")),
        Rule(("get", "create", "update", "patch", "delete"), ("leases",), "coordination.k8s.io", "kube-node-lease"),
        Rule(READ, ALL, "discovery.k8s.io"),
        Rule(READ, ALL, "storage.k8s.io"),
        Rule(READ, ALL, "node.k8s.io"),
    ),
}  # fmt: skip
