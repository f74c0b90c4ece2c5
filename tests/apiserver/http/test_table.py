"""Tables: what `kubectl get` prints, as pure functions of an object and a moment."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.resources import (
    DEPLOYMENTS,
    ENDPOINTS,
    EVENTS,
    INGRESSES,
    JOBS,
    NODES,
    PODS,
    RESOURCE_QUOTAS,
    ROLE_BINDINGS,
    SERVED,
    SERVICES,
    STORAGE_CLASSES,
    Resource,
)
from kubesim.apiserver.http.table import PRINTERS, printer_for
from kubesim.apiserver.http.table.columns import DAY, HOUR, MINUTE, SECOND, YEAR, duration
from kubesim.apiserver.http.table.scale import SCALE_PRINTER
from kubesim.sim.clock import parse_timestamp_ns

NOW = parse_timestamp_ns("2024-01-13T09:01:40Z")
CREATED = "2024-01-13T09:00:00Z"


def cells(resource: Resource, **obj: Any) -> dict[str, Any]:
    """The row by column names."""
    metadata = {"name": "x", "creationTimestamp": CREATED, **obj.pop("metadata", {})}
    printer = printer_for(resource)
    row = printer.cells({"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata, **obj}, NOW)
    assert len(row) == len(printer.columns)
    return dict(zip([column.name for column in printer.columns], row, strict=True))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 5, "2m5s"),
        (10 * MINUTE + 5, "10m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (47 * HOUR, "47h"),
        (7 * DAY + 3 * HOUR, "7d3h"),
        (8 * DAY + 3 * HOUR, "8d"),
        (2 * YEAR + DAY, "2y1d"),
        (9 * YEAR, "9y"),
        (-5, "<invalid>"),
        (-1, "0s"),
    ],
)
def test_an_age_has_two_units_where_the_larger_is_small(seconds: int, text: str) -> None:
    """Teaches: how kubectl writes durations."""
    assert duration(seconds * SECOND) == text


@pytest.mark.parametrize("resource", SERVED, ids=lambda resource: resource.qualified)
def test_every_kind_can_be_printed_even_when_nearly_empty(resource: Resource) -> None:
    """Teaches: a row has a cell for every column, whatever is missing in the object."""
    if resource.kind in ("Event", "PodTemplate") or "list" in resource.verbs:
        assert cells(resource)


def container(name: str, state: dict[str, Any], *, ready: bool = False, restarts: int = 0) -> dict[str, Any]:
    return {"name": name, "state": state, "ready": ready, "restartCount": restarts}


def pod(statuses: list[dict[str, Any]], phase: str = "Running", **more: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": status["name"]} for status in statuses] or [{"name": "c"}], "nodeName": "n"}
    return cells(PODS, spec=spec, status={"phase": phase, "containerStatuses": statuses}, **more)


def test_a_pods_status_is_its_most_telling_reason() -> None:
    """Teaches: STATUS is not the phase."""
    running: dict[str, Any] = {"running": {"startedAt": CREATED}}
    assert pod([], "Pending")["Status"] == "Pending"
    row = pod([container("c", running, ready=True)])
    assert (row["Ready"], row["Status"], row["Restarts"], row["Age"]) == ("1/1", "Running", "0", "100s")
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    crashed = {**container("c", waiting, restarts=3), "lastState": {"terminated": {"finishedAt": CREATED}}}
    assert (pod([crashed])["Status"], pod([crashed])["Restarts"]) == ("CrashLoopBackOff", "3 (100s ago)")
    assert pod([container("c", {"terminated": {"exitCode": 3}})], "Failed")["Status"] == "ExitCode:3"
    completed = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    assert pod([container("c", completed)], "Succeeded")["Status"] == "Completed"
    deleted = {"deletionTimestamp": CREATED}
    assert pod([container("c", running, ready=True)], metadata=deleted)["Status"] == "Terminating"


def test_init_containers_come_first() -> None:
    """Teaches: Init:0/2 says which one runs."""
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": "i"}, {"name": "j"}]}
    status = {"phase": "Pending", "initContainerStatuses": [container("i", {"running": {}})]}
    assert cells(PODS, spec=spec, status=status)["Status"] == "Init:0/2"


def test_a_sidecar_counts_as_a_container() -> None:
    """Teaches: restartPolicy Always makes an init container a sidecar."""
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": "s", "restartPolicy": "Always"}]}
    running = container("s", {"running": {}}, ready=True) | {"started": True}
    statuses = {"initContainerStatuses": [running], "containerStatuses": [container("c", {"running": {}}, ready=True)]}
    row = cells(PODS, spec=spec, status={"phase": "Running", **statuses})
    assert (row["Ready"], row["Status"]) == ("2/2", "Running")


def test_the_tables_of_common_kinds() -> None:
    """Teaches: each kind shows what one wants to know of it."""
    node_status = {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.36.2"}}
    row = cells(NODES, spec={"unschedulable": True}, status=node_status)
    assert (row["Status"], row["Roles"], row["Version"]) == ("Ready,SchedulingDisabled", "<none>", "v1.36.2")
    ports = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    row = cells(SERVICES, spec={"type": "LoadBalancer", "clusterIP": "10.0.0.1", "ports": ports})
    assert (row["External-IP"], row["Port(s)"]) == ("<pending>", "80:30080/TCP,53/UDP")
    row = cells(DEPLOYMENTS, spec={"replicas": 3, "selector": {"matchLabels": {"a": "b"}}}, status={"readyReplicas": 1})
    assert (row["Ready"], row["Available"], row["Selector"]) == ("1/3", 0, "a=b")
    row = cells(JOBS, spec={"completions": 2}, status={"startTime": CREATED, "succeeded": 1})
    assert (row["Status"], row["Completions"], row["Duration"]) == ("Running", "1/2", "100s")
    hard, used = {"pods": "5", "limits.cpu": "1"}, {"pods": "2", "limits.cpu": "0"}
    row = cells(RESOURCE_QUOTAS, status={"hard": hard, "used": used})
    assert (row["Request"], row["Limit"]) == ("pods: 2/5", "limits.cpu: 0/1")
    row = cells(INGRESSES, spec={"rules": [{"host": f"h{n}"} for n in range(5)], "tls": [{}]})
    assert (row["Hosts"], row["Ports"]) == ("h0,h1,h2 + 2 more...", "80, 443")
    subjects = [{"kind": "User", "name": "joe"}, {"kind": "ServiceAccount", "name": "bob", "namespace": "n"}]
    row = cells(ROLE_BINDINGS, roleRef={"kind": "Role", "name": "r"}, subjects=subjects)
    assert (row["Role"], row["Users"], row["ServiceAccounts"]) == ("Role/r", "joe", "n/bob")
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    assert cells(STORAGE_CLASSES, metadata={"annotations": annotations})["Name"] == "x (default)"
    about = {"kind": "Pod", "name": "p"}
    row = cells(EVENTS, involvedObject=about, lastTimestamp=CREATED, reason="Started", message="m\n", count=2)
    assert (row["Last Seen"], row["Object"], row["Message"], row["Count"]) == ("100s", "pod/p", "m", 2)


def test_a_scale_shows_what_is_wanted_and_what_is_there() -> None:
    """Teaches: a Scale has columns of its own, whatever it is the scale of."""
    scale = {"metadata": {"name": "web", "creationTimestamp": "2024-01-13T09:00:00Z"}, "spec": {"replicas": 3}}
    assert SCALE_PRINTER.cells(scale, parse_timestamp_ns("2024-01-13T09:00:05Z")) == ["web", 3, 0, "5s"]


def test_a_column_is_described_by_the_field_that_it_shows() -> None:
    """Teaches: what a column means is what the schema says of the field, word for word."""
    definitions = {
        (kind, column["name"]): column["description"]
        for (_, kind), printer in PRINTERS.items()
        for column in printer.definitions()
    }
    assert definitions["Pod", "IP"].startswith("podIP address allocated to the pod.")
    assert definitions["Deployment", "Ready"] == "Number of the pod with ready state"
    assert definitions["ReplicaSet", "Age"].startswith("CreationTimestamp is a timestamp")


def test_a_job_that_is_deleted_is_terminating_unless_it_is_finished() -> None:
    """Teaches: which of many truths the STATUS of a Job shows."""
    suspended = {"conditions": [{"type": "Suspended", "status": "True"}]}
    assert cells(JOBS, spec={}, status=suspended)["Status"] == "Suspended"
    assert cells(JOBS, metadata={"deletionTimestamp": CREATED}, spec={}, status=suspended)["Status"] == "Terminating"
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    assert cells(JOBS, metadata={"deletionTimestamp": CREATED}, spec={}, status=complete)["Status"] == "Complete"


def test_endpoints_without_ready_addresses_show_nothing() -> None:
    """Teaches: no subset is <none>, subsets of which nothing is ready are an empty cell."""
    ports = [{"port": 80}]
    assert cells(ENDPOINTS)["Endpoints"] == "<none>"
    waiting = [{"notReadyAddresses": [{"ip": "10.0.0.1"}], "ports": ports}]
    assert cells(ENDPOINTS, subsets=waiting)["Endpoints"] == ""
    ready = [{"addresses": [{"ip": f"10.0.0.{i}"} for i in range(5)], "ports": ports}]
    assert cells(ENDPOINTS, subsets=ready)["Endpoints"] == "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."
