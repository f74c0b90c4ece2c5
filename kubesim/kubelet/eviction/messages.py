"""What an evicted Pod is told. Pure. Upstream: evictionMessage in pkg/kubelet/eviction/helpers.go."""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.api.quantity import BINARY_SI, canonical_resource, format_quantity, value
from kubesim.api.views import Container as ContainerSpec
from kubesim.api.views import PodSpec
from kubesim.kubelet.eviction.thresholds import Observations, Threshold
from kubesim.kubelet.eviction.usage import PodUsage, container_amount, main_containers

EVICTED = "Evicted"


def binary(amount: int) -> str:
    """Bytes as Go prints a quantity of format BinarySI."""
    return format_quantity(amount * 1000, BINARY_SI)


def eviction_message(
    resource: str, spec: PodSpec, usage: PodUsage, thresholds: Sequence[Threshold], observations: Observations
) -> str:
    """Why a Pod goes: what ran out, and which of its containers use more than they asked for."""
    message = f"The node was low on resource: {resource}. "
    threshold = next((each for each in thresholds if each.resource == resource), None)
    if threshold is not None:
        seen = observations[threshold.signal]
        wanted = threshold.amount if not threshold.amount.endswith("%") else binary(threshold.quantity(seen.capacity))
        available = binary(seen.available) if resource not in ("inodes", "pids") else str(seen.available)
        message += f"Threshold quantity: {wanted}, available: {available}. "
    known = {each.name: each for each in main_containers(spec)}
    for used in usage.containers:
        amount = {"memory": used.memory, "ephemeral-storage": 0 if used.volume else used.disk}.get(resource)
        container = known.get(used.name)
        if amount is None or container is None or amount <= (container_amount(container, "requests", resource) or 0):
            continue
        message += (
            f"Container {used.name} was using {binary(amount)}, request is {_request(container, resource)}, "
            f"has larger consumption of {resource}. "
        )
    return message


def _request(container: ContainerSpec, resource: str) -> str:
    requests = container.resources.requests if container.resources else {}
    return canonical_resource(requests[resource]) if resource in requests else "0"


def local_storage_message(spec: PodSpec, usage: PodUsage) -> str:
    """Why a Pod goes that has written more than it may, whatever the node has left; "" if it has not."""
    written: dict[str, int] = {}
    for used in usage.containers:
        written[used.volume] = written.get(used.volume, 0) + used.disk
    for volume in spec.volumes:
        limit = (volume.empty_dir or {}).get("sizeLimit")
        if limit is not None and _bytes(limit) and written.get(volume.name, 0) > _bytes(limit):
            return f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{canonical_resource(limit)}". '
    containers = main_containers(spec)
    limits = [container_amount(each, "limits", "ephemeral-storage") for each in containers]
    total = sum(limit or 0 for limit in limits)
    if any(limit is not None for limit in limits) and usage.disk > total:
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {binary(total)}. "
    for container, limit in zip(containers, limits, strict=True):
        own = sum(each.disk for each in usage.containers if each.name == container.name and not each.volume)
        if limit is not None and own > limit:
            text = canonical_resource((container.resources.limits if container.resources else {})["ephemeral-storage"])
            return f'Container {container.name} exceeded its local ephemeral storage limit "{text}". '
    return ""


def _bytes(quantity: str | int) -> int:
    return value(quantity)
