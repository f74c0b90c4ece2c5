"""The kubelet: the agent on every node that makes Pods real. Knows the cluster only through a client."""

from kubesim.kubelet.configuration import KubeletConfiguration, PriorityGrace
from kubesim.kubelet.kubelet import Kubelet, make_registries, make_runtime
from kubesim.kubelet.node_config import NodeConfig, default_nodes
from kubesim.kubelet.pod_ports import PodPorts
from kubesim.kubelet.runtime.behaviour import HOLLOW, PLAUSIBLE, Profile
from kubesim.kubelet.runtime.cri import ContainerRuntime
from kubesim.kubelet.runtime.model import Behaviour
from kubesim.kubelet.runtime.registry import Registries
from kubesim.kubelet.runtime.workload import Workload

__all__ = [
    "Behaviour",
    "ContainerRuntime",
    "HOLLOW",
    "Kubelet",
    "KubeletConfiguration",
    "NodeConfig",
    "PLAUSIBLE",
    "PodPorts",
    "PriorityGrace",
    "Profile",
    "Registries",
    "Workload",
    "default_nodes",
    "make_registries",
    "make_runtime",
]
