"""What a whole Pod requests and is limited to, out of its containers.

Containers run together and add up. Init containers run before them, one after another, so only the largest
counts; those that restart for ever (sidecars) stay and add up too. What the Pod itself states (`spec.resources`)
goes before the sum. Overhead of the runtime comes on top.
Upstream: k8s.io/component-helpers/resource/helpers.go.
"""

from __future__ import annotations

from kubesim.api.quantity import milli
from kubesim.api.quota.amounts import Amounts, amounts, largest, plus
from kubesim.api.stored import Object


def pod_requests(pod: Object) -> Amounts:
    """All that it requests, overhead included."""
    spec = pod.get("spec") or {}
    return plus(_total(spec, "requests"), amounts(spec.get("overhead")))


def pod_limits(pod: Object) -> Amounts:
    """All that it is limited to; overhead counts only where there is a limit."""
    spec = pod.get("spec") or {}
    total = _total(spec, "limits")
    overhead = amounts(spec.get("overhead"))
    return plus(total, {name: amount for name, amount in overhead.items() if name in total})


def is_best_effort(spec: Object) -> bool:
    """No container, nor the Pod itself, says anything of cpu or memory."""
    holders = (spec, *(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    for holder in holders:
        resources = holder.get("resources") or {}
        for kind in ("requests", "limits"):
            stated = resources.get(kind) or {}
            if any(milli(stated.get(name, 0)) for name in ("cpu", "memory")):
                return False
    return True


def _total(spec: Object, kind: str) -> Amounts:
    total: Amounts = {}
    for container in spec.get("containers") or ():
        total = plus(total, _of(container, kind))
    sidecars: Amounts = {}
    initial: Amounts = {}
    for container in spec.get("initContainers") or ():
        stated = _of(container, kind)
        if container.get("restartPolicy") == "Always":
            total, sidecars = plus(total, stated), plus(sidecars, stated)
            stated = sidecars
        else:
            stated = plus(stated, sidecars)
        initial = largest(initial, stated)
    return {**largest(total, initial), **_of(spec, kind)}


def _of(holder: Object, kind: str) -> Amounts:
    return amounts((holder.get("resources") or {}).get(kind))
