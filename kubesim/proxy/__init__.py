"""kube-proxy and the network between Pods: which rules a node has, and where they lead a connection."""

from kubesim.proxy.config import MODES, ProxyConfig
from kubesim.proxy.feed import ServiceFeed
from kubesim.proxy.kernel import Kernel
from kubesim.proxy.names_fallback import TableResolver
from kubesim.proxy.proxier import KubeProxy
from kubesim.proxy.routes import Routes

__all__ = ["MODES", "Kernel", "KubeProxy", "ProxyConfig", "Routes", "ServiceFeed", "TableResolver"]
