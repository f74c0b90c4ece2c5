"""The FlowSchemas and PriorityLevelConfigurations of every new cluster: which requests wait in which queue.

They are shown, and can be edited; this server itself answers every request at once, so nothing ever waits.
Upstream: k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap, kept up to date by the post-start hook
priority-and-fairness-config-producer.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubesim.api.stored import Object

GROUP = "rbac.authorization.k8s.io"
ALL = ("*",)
USE = ("get", "create", "update")
EVERYBODY = ("group system:unauthenticated", "group system:authenticated")
MANAGER, SCHEDULER = "user system:kube-controller-manager", "user system:kube-scheduler"
SYSTEM_ACCOUNTS = ("account *",)
ANNOTATIONS = {"apf.kubernetes.io/autoupdate-spec": "true"}
USER, NAMESPACE = "ByUser", "ByNamespace"

# Name → concurrency shares, percentage that may be lent, and the queues (number, hand, length), if any.
LIMITED: dict[str, tuple[int, int, tuple[int, int, int] | None]] = {
    "catch-all": (5, 0, None),
    "global-default": (20, 50, (128, 6, 50)),
    "leader-election": (10, 0, (16, 4, 50)),
    "node-high": (40, 25, (64, 6, 50)),
    "system": (30, 33, (64, 6, 50)),
    "workload-high": (40, 50, (128, 6, 50)),
    "workload-low": (100, 90, (128, 6, 50)),
}

# What a schema is about: verbs, groups, resources, in all namespaces; a verb alone: the health paths.
Rule = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], bool]
EVERYTHING: Rule = (ALL, ALL, ALL, True)
LEASES: Rule = (USE, ("coordination.k8s.io",), ("leases",), False)
OLD_LOCKS: Rule = (USE, ("",), ("endpoints", "configmaps"), False)
PROBES: Object = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}
ALL_PATHS: Object = {"verbs": ["*"], "nonResourceURLs": ["*"]}

# Name, priority level, precedence, distinguisher, subjects, rules on resources, rules on paths.
SCHEMAS: tuple[tuple[str, str, int, str, tuple[str, ...], tuple[Rule, ...], tuple[Object, ...]], ...] = (
    ("exempt", "exempt", 1, "", ("group system:masters",), (EVERYTHING,), (ALL_PATHS,)),
    ("probes", "exempt", 2, "", EVERYBODY, (), (PROBES,)),
    ("system-leader-election", "leader-election", 100, USER, (MANAGER, SCHEDULER, *SYSTEM_ACCOUNTS), (LEASES,), ()),
    (
        "endpoint-controller", "workload-high", 150, USER,
        (MANAGER, "account endpoint-controller", "account endpointslicemirroring-controller"),
        ((USE, ("",), ("endpoints",), False),), (),
    ),
    ("workload-leader-election", "leader-election", 200, USER, SYSTEM_ACCOUNTS, (OLD_LOCKS, LEASES), ()),
    (
        "system-node-high", "node-high", 400, USER, ("group system:nodes",),
        ((ALL, ("",), ("nodes", "nodes/status"), True), (ALL, ("coordination.k8s.io",), ("leases",), False)), (),
    ),
    *(
        (name, level, precedence, way, subjects, (EVERYTHING,), (ALL_PATHS,))
        for name, level, precedence, way, subjects in (
            ("system-nodes", "system", 500, USER, ("group system:nodes",)),
            ("kube-controller-manager", "workload-high", 800, NAMESPACE, (MANAGER,)),
            ("kube-scheduler", "workload-high", 800, NAMESPACE, (SCHEDULER,)),
            ("kube-system-service-accounts", "workload-high", 900, NAMESPACE, SYSTEM_ACCOUNTS),
            ("service-accounts", "workload-low", 9000, USER, ("group system:serviceaccounts",)),
            ("global-default", "global-default", 9900, USER, EVERYBODY),
            ("catch-all", "catch-all", 10000, USER, EVERYBODY),
        )
    ),
)  # fmt: skip


def priority_levels() -> Iterator[Object]:
    """The levels, with metadata that names them."""
    exempt = {"nominalConcurrencyShares": 0, "lendablePercent": 0}
    yield _object("exempt", {"type": "Exempt", "exempt": exempt}, {})
    for name, (shares, lendable, queues) in LIMITED.items():
        response: Object = {"type": "Reject"}
        if queues is not None:
            queuing = dict(zip(("queues", "handSize", "queueLengthLimit"), queues, strict=True))
            response = {"type": "Queue", "queuing": queuing}
        limited = {"nominalConcurrencyShares": shares, "limitResponse": response, "lendablePercent": lendable}
        yield _object(name, {"type": "Limited", "limited": limited}, {})


def flow_schemas(now: str) -> Iterator[Object]:
    """The schemas; `now` is since when their levels are known to exist."""
    for name, level, precedence, way, subjects, resources, paths in SCHEMAS:
        rule: Object = {"subjects": [_subject(subject) for subject in subjects]}
        if resources:
            rule["resourceRules"] = [_resource_rule(*found) for found in resources]
        if paths:
            rule["nonResourceRules"] = list(paths)
        spec: Object = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
        if way:
            spec["distinguisherMethod"] = {"type": way}
        words = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}" and it exists'
        condition = {"type": "Dangling", "status": "False", "lastTransitionTime": now, "reason": "Found",
                     "message": words}  # fmt: skip
        yield _object(name, {**spec, "rules": [rule]}, {"conditions": [condition]})


def _object(name: str, spec: Object, status: Object) -> Object:
    metadata = {"name": name, "generation": 1, "annotations": dict(ANNOTATIONS)}
    return {"metadata": metadata, "spec": spec, "status": status}


def _subject(text: str) -> Object:
    kind, _, name = text.partition(" ")
    if kind == "account":
        return {"kind": "ServiceAccount", "serviceAccount": {"name": name, "namespace": "kube-system"}}
    return {"kind": kind.capitalize(), kind: {"name": name}}


def _resource_rule(
    verbs: tuple[str, ...], groups: tuple[str, ...], resources: tuple[str, ...], cluster_scope: bool
) -> Object:
    rule: Object = {"verbs": list(verbs), "apiGroups": list(groups), "resources": list(resources)}
    if cluster_scope:
        rule["clusterScope"] = True
    return {**rule, "namespaces": ["*"]}
