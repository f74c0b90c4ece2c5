"""As whom a container runs, and whether that is allowed: runAsNonRoot.

Official images of the library run as root unless it says otherwise; of any other image it is believed that it does not.
Upstream: verifyRunAsNonRoot in pkg/kubelet/kuberuntime/security_context.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.library import known_image
from kubesim.kubelet.runtime.names import repository_of
from kubesim.kubelet.runtime.programs import OFFICIAL
from kubesim.kubelet.surroundings import ConfigError


def check_user(pod: PodState, container: ContainerSpec) -> None:
    """ConfigError if a container that must not run as root would, or might."""
    context: dict[str, Any] = {
        **(pod.stored.object["spec"].get("securityContext") or {}),
        **(container.security_context or {}),
    }
    if not context.get("runAsNonRoot"):
        return
    where = f'(pod: "{pod.full_name}", container: {container.name})'
    user = context.get("runAsUser")
    if user is not None:
        if user == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
        return
    name = image_user(container.image).partition(":")[0]
    if name == "0":
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
    if not name.isdigit():
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({name}), "
            f"cannot verify user is non-root {where}"
        )


def image_user(image: str) -> str:
    """The user that an image names; "0" is root."""
    known = known_image(image)
    if known is not None and known.user:
        return known.user
    return "0" if known is not None and repository_of(image).startswith(OFFICIAL) else "1000"
