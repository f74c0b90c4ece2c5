"""Whether a Pod may write only so much, whatever the node has left. Upstream: localStorageEviction."""

from __future__ import annotations

from kubesim.api.views import PodSpec
from kubesim.kubelet.eviction.usage import container_amount, main_containers


def has_local_limit(spec: PodSpec) -> bool:
    """Whether an emptyDir or a container has a limit."""
    if any((volume.empty_dir or {}).get("sizeLimit") for volume in spec.volumes):
        return True
    return any(container_amount(each, "limits", "ephemeral-storage") is not None for each in main_containers(spec))
