"""metrics-server: what nodes and Pods use, as the API metrics.k8s.io."""

from kubesim.metrics_server.manifests import MANIFESTS, NAMESPACE, SERVICE
from kubesim.metrics_server.server import MetricsServer

__all__ = ["MANIFESTS", "NAMESPACE", "SERVICE", "MetricsServer"]
