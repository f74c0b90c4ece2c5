"""Which driver acts upon the nodes of a context."""

from __future__ import annotations

import sys
from pathlib import Path

from kubesim.client.kubeconfig import Access
from kubesim.realcluster import safety
from kubesim.realcluster.drivers.driver import Driver
from kubesim.realcluster.drivers.exec_file import read_templates
from kubesim.realcluster.drivers.known import CONTAINERS, KUBESIM, MINIKUBE
from kubesim.realcluster.errors import RealClusterError

DRIVERS = ("auto", safety.MINIKUBE, safety.KIND, safety.K3D, safety.KUBESIM, "exec:FILE", "none")


def choose(wanted: str, access: Access) -> Driver:
    """The driver of that name; `auto` goes by the context."""
    if wanted.startswith("exec:"):
        return Driver("exec", read_templates(Path(wanted.removeprefix("exec:"))), {"context": access.context})
    name = safety.kind_of(access) if wanted == "auto" else wanted
    if name == safety.MINIKUBE:
        return Driver(name, MINIKUBE, {"profile": access.context})
    if name == safety.KIND:
        return Driver(name, CONTAINERS, {"network": "kind"})
    if name == safety.K3D:
        return Driver(name, CONTAINERS, {"network": access.context})
    if name == safety.KUBESIM:
        if not access.profile:
            raise RealClusterError(
                f'context "{access.context}" was not made by `kubesim start`; choose another --driver'
            )
        folder = Path(access.profile)
        return Driver(name, KUBESIM, {"python": sys.executable, "profile": folder.name, "home": str(folder.parent)})
    if name in ("none", safety.DOCKER_DESKTOP) or wanted == "auto":
        return Driver("none", {}, {})
    raise RealClusterError(f'there is no driver "{wanted}"; there is {", ".join(DRIVERS)}')
