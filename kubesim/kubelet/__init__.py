"""The kubelet: the agent on every node that makes Pods real. Knows the cluster only through a client."""

from kubesim.kubelet.kubelet import Kubelet, make_runtime
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.runtime.behaviour import HOLLOW, PLAUSIBLE, Profile
from kubesim.kubelet.runtime.model import Behaviour

__all__ = ["Behaviour", "HOLLOW", "Kubelet", "NodeConfig", "PLAUSIBLE", "Profile", "make_runtime"]
