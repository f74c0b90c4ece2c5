"""Whether a toleration bears a taint: shared by the plugins that look at taints.

Upstream: k8s.io/component-helpers/scheduling/corev1. Left out: the operators Lt and Gt, which are behind a
feature gate that is off by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubesim.api.views import Taint, Toleration

NO_SCHEDULE = "NoSchedule"
PREFER_NO_SCHEDULE = "PreferNoSchedule"
NO_EXECUTE = "NoExecute"
UNSCHEDULABLE_TAINT = Taint(key="node.kubernetes.io/unschedulable", effect=NO_SCHEDULE)


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """An empty effect bears every effect; an empty key with Exists every key."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator in ("", "Equal"):
        return toleration.value == taint.value
    return toleration.operator == "Exists"


def tolerates_any(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Whether one of the tolerations bears the taint."""
    return any(tolerates(toleration, taint) for toleration in tolerations)


def untolerated(
    taints: Iterable[Taint], tolerations: Iterable[Toleration], effects: Callable[[str], bool]
) -> Taint | None:
    """The first taint with one of `effects` that no toleration bears."""
    for taint in taints:
        if effects(taint.effect) and not tolerates_any(tolerations, taint):
            return taint
    return None


def keeps_out(effect: str) -> bool:
    """Whether a taint of this effect keeps new Pods away."""
    return effect in (NO_SCHEDULE, NO_EXECUTE)
