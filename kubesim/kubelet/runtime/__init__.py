"""The container runtime of a machine, behind the CRI verbs, and what its containers do."""

from kubesim.kubelet.runtime.base import SimulatedRuntime
from kubesim.kubelet.runtime.behaviour import HOLLOW, PLAUSIBLE, Profile
from kubesim.kubelet.runtime.containerd import Containerd
from kubesim.kubelet.runtime.cri import ContainerRuntime
from kubesim.kubelet.runtime.cri_o import CriO
from kubesim.kubelet.runtime.docker import CriDockerd
from kubesim.kubelet.runtime.model import Behaviour
from kubesim.kubelet.runtime.registry import Registries
from kubesim.kubelet.runtime.workload import Workload

__all__ = [
    "Behaviour",
    "ContainerRuntime",
    "Containerd",
    "CriDockerd",
    "CriO",
    "HOLLOW",
    "PLAUSIBLE",
    "Profile",
    "RUNTIMES",
    "Registries",
    "SimulatedRuntime",
    "Workload",
]

RUNTIMES: dict[str, type[SimulatedRuntime]] = {"containerd": Containerd, "docker": CriDockerd, "cri-o": CriO}
