"""How a kube-proxy is configured, and the names that all of its modes share.

Upstream: pkg/proxy/apis/config/types.go. The defaults are those that kubeadm writes.
"""

from __future__ import annotations

import msgspec

IPTABLES, IPVS, NFTABLES = "iptables", "ipvs", "nftables"
MODES = (IPTABLES, IPVS, NFTABLES)
CLUSTER_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/12"
MIN_SYNC_SECONDS = 1.0
SERVICE_PROXY_NAME = "service.kubernetes.io/service-proxy-name"
HEADLESS_LABEL = "service.kubernetes.io/headless"
# What is labelled so is somebody else's business.
SELECTOR = f"!{SERVICE_PROXY_NAME},!{HEADLESS_LABEL}"


class ProxyConfig(msgspec.Struct, frozen=True):
    """The settings of every kube-proxy of a cluster."""

    mode: str = IPTABLES
    cluster_cidr: str = CLUSTER_CIDR  # Of the Pods: what comes from elsewhere is masqueraded.
    service_cidr: str = SERVICE_CIDR
    min_sync_seconds: float = MIN_SYNC_SECONDS  # Changes within this are taken together.


class NodeFacts(msgspec.Struct, frozen=True):
    """What rules depend on the node for."""

    name: str
    address: str
    zone: str = ""
