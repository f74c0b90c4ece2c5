"""Deployments, ReplicaSets, StatefulSets, DaemonSets and their older and inner relatives.

Upstream: printDeployment, printReplicaSet, printStatefulSet, printDaemonSet, printReplicationController.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.meta import controller_of
from kubesim.api.selectors import equality_selector, label_selector
from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import (
    AGE,
    NAME,
    NONE,
    Column,
    Moment,
    Printer,
    age_of,
    containers_and_images,
    labels_text,
    name_of,
    spec_of,
    status_of,
    wide,
)

CONTAINERS = (wide("Containers"), wide("Images"), wide("Selector"))


def selector_text(selector: Object | None) -> str:
    """A label selector as text, `<none>` for an empty one."""
    return str(label_selector(selector)) or NONE if selector else NONE


def _template(obj: Object) -> tuple[str, str]:
    return containers_and_images((spec_of(obj).get("template") or {}).get("spec") or {})


def _deployment(deployment: Object, now: Moment) -> list[Any]:
    spec, status = spec_of(deployment), status_of(deployment)
    return [
        name_of(deployment),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age_of(deployment, now),
        *_template(deployment),
        str(label_selector(spec.get("selector") or {})),
    ]


def _replicas(obj: Object, now: Moment) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [name_of(obj), *counts, age_of(obj, now), *_template(obj)]


def _replica_set(replica_set: Object, now: Moment) -> list[Any]:
    return [*_replicas(replica_set, now), str(label_selector(spec_of(replica_set).get("selector") or {}))]


def _replication_controller(controller: Object, now: Moment) -> list[Any]:
    return [*_replicas(controller, now), str(equality_selector(spec_of(controller).get("selector") or {})) or NONE]


def _stateful_set(stateful_set: Object, now: Moment) -> list[Any]:
    ready = f"{status_of(stateful_set).get('readyReplicas', 0)}/{spec_of(stateful_set).get('replicas', 0)}"
    return [name_of(stateful_set), ready, age_of(stateful_set, now), *_template(stateful_set)]


def _daemon_set(daemon_set: Object, now: Moment) -> list[Any]:
    spec, status = spec_of(daemon_set), status_of(daemon_set)
    counted = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled",
               "numberAvailable")  # fmt: skip
    pod_spec = (spec.get("template") or {}).get("spec") or {}
    return [
        name_of(daemon_set),
        *(status.get(name, 0) for name in counted),
        labels_text(pod_spec.get("nodeSelector")),
        age_of(daemon_set, now),
        *_template(daemon_set),
        selector_text(spec.get("selector")),
    ]


def _controller_revision(revision: Object, now: Moment) -> list[Any]:
    owner = controller_of(revision)
    controller = NONE
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        kind = owner["kind"].lower()
        controller = f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return [name_of(revision), controller, revision.get("revision", 0), age_of(revision, now)]


_REPLICAS = (NAME, Column("Desired", "integer"), Column("Current", "integer"), Column("Ready", "integer"), AGE)
PRINTERS = {
    ("apps", "Deployment"): Printer(
        (NAME, Column("Ready"), Column("Up-to-date"), Column("Available"), AGE, *CONTAINERS), _deployment
    ),
    ("apps", "ReplicaSet"): Printer((*_REPLICAS, *CONTAINERS), _replica_set),
    ("", "ReplicationController"): Printer((*_REPLICAS, *CONTAINERS), _replication_controller),
    ("apps", "StatefulSet"): Printer((NAME, Column("Ready"), AGE, *CONTAINERS[:2]), _stateful_set),
    ("apps", "DaemonSet"): Printer(
        (
            NAME,
            *(Column(n, "integer") for n in ("Desired", "Current", "Ready", "Up-to-date", "Available")),
            Column("Node Selector"),
            AGE,
            *CONTAINERS,
        ),
        _daemon_set,
    ),
    ("apps", "ControllerRevision"): Printer(
        (NAME, Column("Controller"), Column("Revision"), AGE), _controller_revision
    ),
}
