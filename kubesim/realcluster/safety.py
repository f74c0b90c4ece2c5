"""Which clusters may be used, and what may be done there.

Scenarios break things, so only clusters for playing are taken: those that minikube, kind, k3d, Docker Desktop or
`kubesim start` made, on this machine or in its private network. Any other must be allowed by its context's name.
Whatever is made lies in a namespace of the run's own with the label `kubesim.dev/run`; what touches the whole cluster
(its nodes, its cluster-scoped objects) needs --allow-disruption.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from kubesim.client.kubeconfig import Access
from kubesim.realcluster.errors import RealClusterError

RUN_LABEL = "kubesim.dev/run"
UNDO_ANNOTATION = "kubesim.dev/undo"
OWNER_ANNOTATION = "kubesim.dev/owner"  # HOST/PID of the process whose run it is.
MINIKUBE, KIND, K3D, DOCKER_DESKTOP, KUBESIM = "minikube", "kind", "k3d", "docker-desktop", "kubesim"
LOCAL_NAMES = ("localhost", "kubernetes.docker.internal", "host.docker.internal")


def kind_of(access: Access) -> str:
    """Which program made the cluster, as far as its context tells; "" if it does not."""
    name = access.context
    if access.profile:
        return KUBESIM
    if name == MINIKUBE or access.provider == "minikube.sigs.k8s.io":
        return MINIKUBE
    for kind in (KIND, K3D):
        if name.startswith(f"{kind}-"):
            return kind
    return DOCKER_DESKTOP if name == DOCKER_DESKTOP else ""


def check_context(access: Access, allowed: Collection[str]) -> None:
    """RealClusterError if the cluster may not be used."""
    if access.context in allowed:
        return
    hint = f"if it is for playing, allow it by name: --allow-context {access.context}"
    if not kind_of(access):
        raise RealClusterError(
            f'context "{access.context}" ({access.server}) is not one of minikube, kind, k3d, docker-desktop or '
            f"kubesim; {hint}"
        )
    if not is_near(access.server):
        raise RealClusterError(
            f'context "{access.context}" has a name for playing, but its server {access.server} is not on this '
            f"machine nor in a private network; {hint}"
        )


def is_near(server: str) -> bool:
    """Whether a server's address is of this machine or of a private network."""
    host = urlsplit(server).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in LOCAL_NAMES
    return address.is_private or address.is_loopback


def run_namespace(scenario: str, suffix: str) -> str:
    """The name of a run's namespace: a DNS label, and one that nothing else contains."""
    short = re.sub(r"[^a-z0-9-]", "-", scenario.lower())[:40].strip("-")
    return f"kubesim-{short}-{suffix}"
