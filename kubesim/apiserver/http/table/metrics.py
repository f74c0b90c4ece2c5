"""Tables of metrics.k8s.io. Upstream: pkg/api/table.go of sigs.k8s.io/metrics-server."""

from __future__ import annotations

from typing import Any

from kubesim.api.extension import METRICS_GROUP
from kubesim.api.quantity import format_quantity, milli
from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import NAME, Column, Moment, Printer, name_of

BINARY_SI = "BinarySI"
COLUMNS = (NAME, Column("cpu", "quantity"), Column("memory", "quantity"), Column("Window", format="duration"))


def _metrics(obj: Object, _: Moment) -> list[Any]:
    usages = [obj["usage"]] if "usage" in obj else [container["usage"] for container in obj["containers"]]
    cpu = format_quantity(sum(milli(usage["cpu"]) for usage in usages))
    memory = format_quantity(sum(milli(usage["memory"]) for usage in usages), BINARY_SI)
    return [name_of(obj), cpu, memory, obj["window"]]


PRINTERS = {
    (METRICS_GROUP, "NodeMetrics"): Printer(COLUMNS, _metrics),
    (METRICS_GROUP, "PodMetrics"): Printer(COLUMNS, _metrics),
}
