"""The container runtime of a machine, behind the CRI verbs, and what its containers do."""

from kubesim.kubelet.runtime.behaviour import HOLLOW, PLAUSIBLE, Profile
from kubesim.kubelet.runtime.containerd import Containerd
from kubesim.kubelet.runtime.cri import ContainerRuntime
from kubesim.kubelet.runtime.model import Behaviour

__all__ = ["Behaviour", "ContainerRuntime", "Containerd", "HOLLOW", "PLAUSIBLE", "Profile"]
