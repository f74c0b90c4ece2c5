"""kube-proxy and the network between Pods: which rules a node has, and where they lead a connection."""

from kubesim.proxy.config import MODES, ProxyConfig
from kubesim.proxy.kernel import Kernel
from kubesim.proxy.network import PodNetwork
from kubesim.proxy.proxier import KubeProxy

__all__ = ["MODES", "Kernel", "KubeProxy", "PodNetwork", "ProxyConfig"]
