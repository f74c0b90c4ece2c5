"""How much a Pod asks for, and how much a node has: exact integers per resource.

cpu counts in thousandths, everything else in whole units. "Scalar" is upstream's word for what is neither
cpu, memory nor ephemeral-storage: extended resources and huge pages.

A Pod's request is the larger of what its containers (and sidecars) need together and what its init
containers need at their worst moment; pod-level resources replace that, overhead comes on top. For scoring,
a container that says nothing counts as 100m and 200Mi ("non-zero").
Upstream: k8s.io/component-helpers/resource, pkg/scheduler/framework/types.go. Left out: the resources a
running Pod was allocated by an in-place resize (its spec counts).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubesim.api.quantity import milli, value
from kubesim.api.views import Container, PodSpec

CPU = "cpu"
MEMORY = "memory"
EPHEMERAL_STORAGE = "ephemeral-storage"
PODS_RESOURCE = "pods"
NATIVE = (CPU, MEMORY, EPHEMERAL_STORAGE)

DEFAULT_REQUESTS = {CPU: 100, MEMORY: 200 * 1024 * 1024}  # What a silent container counts as when scoring.
POD_LEVEL = (CPU, MEMORY)  # And huge pages.
HUGE_PAGES = "hugepages-"

Amounts = dict[str, int]
Quantities = Mapping[str, str | int | float]


def amount(resource: str, quantity: str | float) -> int:
    """A quantity as the scheduler counts it."""
    return milli(quantity) if resource == CPU else value(quantity)


def amounts(quantities: Quantities | None) -> Amounts:
    """A resource list as integers."""
    return {name: amount(name, quantity) for name, quantity in (quantities or {}).items()}


def pod_requests(spec: PodSpec) -> Amounts:
    """What the Pod asks for."""
    return _total(spec, {})


def non_zero_pod_requests(spec: PodSpec) -> Amounts:
    """The same, where containers that ask for no cpu or memory count with upstream's defaults."""
    requests = _pod_level(spec)
    return _total(spec, {name: default for name, default in DEFAULT_REQUESTS.items() if not requests.get(name)})


def add(total: Amounts, more: Mapping[str, int]) -> None:
    """total += more."""
    for name, quantity in more.items():
        total[name] = total.get(name, 0) + quantity


def subtract(total: Amounts, less: Mapping[str, int]) -> None:
    """total -= less; resources that are used up disappear."""
    for name, quantity in less.items():
        rest = total.get(name, 0) - quantity
        if rest:
            total[name] = rest
        else:
            total.pop(name, None)


def is_extended(resource: str) -> bool:
    """Whether a resource is somebody's own, such as `example.com/gpu`."""
    return "/" in resource and "kubernetes.io/" not in resource and not resource.startswith("requests.")


def _total(spec: PodSpec, defaults: Mapping[str, int]) -> Amounts:
    total: Amounts = {}
    for container in spec.containers:
        add(total, _requests(container, defaults))
    _raise_to(total, _worst_moment_of_init(spec.init_containers, total, defaults))
    total |= _pod_level(spec)
    add(total, amounts(spec.overhead))
    return total


def _worst_moment_of_init(containers: Iterable[Container], total: Amounts, defaults: Mapping[str, int]) -> Amounts:
    """The most that init containers need at once; sidecars (restartPolicy Always) also stay in `total`."""
    sidecars: Amounts = {}
    worst: Amounts = {}
    for container in containers:
        requests = _requests(container, defaults)
        if container.restart_policy == "Always":
            add(total, requests)
            add(sidecars, requests)
            _raise_to(worst, sidecars)
        else:
            add(requests, sidecars)
            _raise_to(worst, requests)
    return worst


def _requests(container: Container, defaults: Mapping[str, int]) -> Amounts:
    asked = amounts(container.resources.requests) if container.resources else {}
    return {**defaults, **asked}


def _pod_level(spec: PodSpec) -> Amounts:
    """The Pod's own `spec.resources`, as far as the scheduler heeds them."""
    asked = amounts(spec.resources.requests) if spec.resources else {}
    return {name: quantity for name, quantity in asked.items() if name in POD_LEVEL or name.startswith(HUGE_PAGES)}


def _raise_to(total: Amounts, least: Mapping[str, int]) -> None:
    for name, quantity in least.items():
        if quantity > total.get(name, 0):
            total[name] = quantity
