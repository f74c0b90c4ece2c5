"""Priority classes.

Upstream: k8s.io/api/scheduling/v1/types.go.
"""

from __future__ import annotations

from kubesim.api.views.base import View
from kubesim.api.views.meta import ObjectMeta


class PriorityClass(View, frozen=True):
    """A name for a priority."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    description: str = ""
    global_default: bool = False
    preemption_policy: str = ""
    value: int = 0
