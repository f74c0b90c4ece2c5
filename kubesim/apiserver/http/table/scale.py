"""How the Scale of anything is printed: `kubectl get deploy web --subresource=scale`.

Upstream: printScale in pkg/printers/internalversion, getScaleColumnsForVersion in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import AGE, NAME, Column, Moment, Printer, age_of, name_of


def _cells(obj: Object, now: Moment) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [name_of(obj), spec.get("replicas", 0), status.get("replicas", 0), age_of(obj, now)]


SCALE_PRINTER = Printer((NAME, Column("Desired", "integer"), Column("Available", "integer"), AGE), _cells)
