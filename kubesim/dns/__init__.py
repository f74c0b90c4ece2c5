"""CoreDNS: the names of a cluster, and the resolver in every container that asks for them."""

from kubesim.dns.manifests import MANIFESTS
from kubesim.dns.resolver import ClusterResolver
from kubesim.dns.server import CoreDns

__all__ = ["MANIFESTS", "ClusterResolver", "CoreDns"]
