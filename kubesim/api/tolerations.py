"""Which taints a Pod bears.

Upstream: `ToleratesTaint` in k8s.io/component-helpers/scheduling/corev1.
"""

from __future__ import annotations

from kubesim.api.views import Taint, Toleration


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether one toleration covers one taint; an empty key or effect covers all of them."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and toleration.value == taint.value
