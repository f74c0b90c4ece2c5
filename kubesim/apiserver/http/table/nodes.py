"""Nodes and namespaces. Upstream: printNode, printNamespace."""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    Column,
    Moment,
    Printer,
    age_of,
    name_of,
    spec_of,
    status_of,
    wide,
)

ROLE_PREFIX, ROLE_LABEL = "node-role.kubernetes.io/", "kubernetes.io/role"


def node_roles(node: Object) -> list[str]:
    """The roles that a Node's labels give it, sorted."""
    labels = node["metadata"].get("labels") or {}
    roles = {key[len(ROLE_PREFIX) :] for key in labels if key.startswith(ROLE_PREFIX) and key != ROLE_PREFIX}
    if labels.get(ROLE_LABEL):
        roles.add(labels[ROLE_LABEL])
    return sorted(roles)


def _node(node: Object, now: Moment) -> list[Any]:
    status = status_of(node)
    words = [
        "Ready" if condition["status"] == "True" else "NotReady"
        for condition in status.get("conditions") or ()
        if condition["type"] == "Ready"
    ] or ["Unknown"]
    if spec_of(node).get("unschedulable"):
        words.append("SchedulingDisabled")
    info = status.get("nodeInfo") or {}
    addresses = status.get("addresses") or ()
    return [
        name_of(node),
        ",".join(words),
        ",".join(node_roles(node)) or NONE,
        age_of(node, now),
        info.get("kubeletVersion", ""),
        next((a["address"] for a in addresses if a["type"] == "InternalIP"), NONE),
        next((a["address"] for a in addresses if a["type"] == "ExternalIP"), NONE),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _namespace(namespace: Object, now: Moment) -> list[Any]:
    return [name_of(namespace), status_of(namespace).get("phase", ""), age_of(namespace, now)]


PRINTERS = {
    ("", "Node"): Printer(
        (
            NAME,
            Column("Status"),
            Column("Roles"),
            AGE,
            Column("Version"),
            wide("Internal-IP"),
            wide("External-IP"),
            wide("OS-Image"),
            wide("Kernel-Version"),
            wide("Container-Runtime"),
        ),
        _node,
    ),
    ("", "Namespace"): Printer((NAME, Column("Status"), AGE), _namespace),
}
